//! The files that the process opens while it runs, and the reasons.

use std::path::{Path, PathBuf};

use crate::config::{
    self, AuditTo, Config, Database, DatabaseHost, EventSpool, EventWay, PassiveAddress, Scanner,
    ScannerAddress, SqlService, SyslogAddress, Tls, TlsSettings, TokenKeys, UsersFrom, environment,
};

/// The use of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// It is read, with everything in it.
    Read,
    /// Files in it are read, made, changed, moved and removed.
    Change,
}

/// A file or directory that is needed, if it exists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Need {
    pub(super) path: PathBuf,
    pub(super) purpose: Use,
}

/// Files that every server reads, whatever its configuration.
const ALWAYS: [&str; 7] = [
    // The metrics of the process; names of open files, through which files without a name get one; the mounts. The
    // kernel reveals nothing about other processes for which the right to trace them is needed.
    "/proc",
    // The number of threads that the limits allow.
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    // Whether the terminal still exists.
    "/dev/tty",
    // Random numbers of old kernels.
    "/dev/urandom",
    // Time zones of a configuration that is read again.
    "/usr/share/zoneinfo",
    "/etc/localtime",
];

/// Files for looking up names of hosts, and the files that links there lead to. They are replaced when the network
/// changes.
const RESOLVER: [&str; 5] =
    ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf"];

/// The directories to which such links lead once the network is up, and the libraries that `nsswitch.conf` names.
const RESOLVER_DIRECTORIES: [&str; 10] = [
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/run/netconfig",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/nix/store",
    "/gnu/store",
];

/// The authorities that the system trusts: files, and the directories with the targets of links there.
const AUTHORITIES: [&str; 8] = [
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/lib/ssl",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/pki",
    "/var/lib/ca-certificates",
];
const AUTHORITIES_FILES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"];

/// All files that a server with this configuration needs.
pub(super) fn of(config: &Config) -> Vec<Need> {
    let mut needs = Needs::default();
    needs.read(ALWAYS);
    // A panic reads the names of functions from it.
    needs.read(std::env::current_exe());
    if let Tls::On(tls) = &config.tls {
        needs.tls(tls);
    }
    if let Some(tls) = config.http.admin.as_ref().and_then(|admin| admin.tls.as_ref()) {
        needs.tls(tls);
    }
    needs.read(config.users_from.iter().filter_map(|from| match from {
        UsersFrom::Directory(path) => std::path::absolute(path).ok(),
        _ => None,
    }));
    let asks = |from: &UsersFrom| match from {
        UsersFrom::Directory(_) | UsersFrom::Sql(_) => false,
        UsersFrom::Http(_) | UsersFrom::Ldap(_) => true,
        UsersFrom::Jwt(issuer) => matches!(issuer.keys, TokenKeys::At(_)),
    };
    for from in &config.users_from {
        if let UsersFrom::Sql(service) = from {
            needs.database(service);
        }
    }
    if config.users_from.iter().any(asks) {
        needs.network();
    }
    match config.scan.as_ref().map(|scan| &scan.scanner) {
        Some(Scanner::Clamd(ScannerAddress::Unix(socket))) => needs.follow([socket]),
        Some(Scanner::Clamd(_) | Scanner::Icap { .. }) => needs.resolver(),
        None => {}
    }
    // The command line may say names.
    if config.cluster.is_some() {
        needs.resolver();
    }
    if config.traces.is_some() {
        needs.network();
    }
    // They are read again when the configuration is.
    needs.follow(config.files.iter().map(|file| &file.path));
    needs.change(config.server.limits.spill_directory.iter());
    needs.change(config.server.state_directory.iter());
    for sink in &config.audit {
        needs.audit(&sink.to);
    }
    if let Some(events) = &config.events {
        // A backend has what it needs.
        if let EventSpool::Directory(folder) = &events.spool {
            needs.change([folder]);
        }
        if events.to.iter().any(|target| matches!(target.way, EventWay::Webhook(_))) {
            needs.network();
        }
    }
    for backend in config.backends.values() {
        needs.backend(backend.needs());
    }
    let passive = &config.server.passive;
    let mut addresses =
        passive.addresses.iter().chain(passive.address_for.iter().map(|(_, address)| address));
    if addresses.any(|address| matches!(address, PassiveAddress::Name(_))) {
        needs.resolver();
    }
    let mut needs = needs.0;
    needs.sort();
    needs.dedup();
    needs
}

#[derive(Debug, Default)]
struct Needs(Vec<Need>);

impl Needs {
    fn read(&mut self, paths: impl IntoIterator<Item = impl Into<PathBuf>>) {
        self.0.extend(paths.into_iter().map(|path| Need { path: path.into(), purpose: Use::Read }));
    }

    fn change(&mut self, paths: impl IntoIterator<Item = impl Into<PathBuf>>) {
        self.0.extend(paths.into_iter().map(|path| Need { path: path.into(), purpose: Use::Change }));
    }

    /// Files that are read again, and may be replaced under the same name: their directories are needed, and the
    /// directories to which links lead today. The topmost directory is left out, because it would be everything.
    fn follow(&mut self, files: impl IntoIterator<Item = impl AsRef<Path>>) {
        for file in files {
            let Ok(file) = std::path::absolute(file.as_ref()) else { continue };
            let real = file.canonicalize().ok();
            for file in [Some(file), real].into_iter().flatten() {
                let above = file.parent().filter(|above| above.parent().is_some());
                self.read([above.unwrap_or(&file)]);
            }
        }
    }

    fn tls(&mut self, tls: &TlsSettings) {
        self.follow([&tls.certificate, &tls.key]);
        self.follow(tls.certificates.iter().flat_map(|item| [&item.certificate, &item.key]));
        let clients = tls.clients.iter();
        self.follow(
            clients.flat_map(|clients| std::iter::once(&clients.authorities).chain(&clients.revocations)),
        );
    }

    fn backend(&mut self, backend: config::Needs) {
        self.change(backend.directories);
        self.follow(backend.files);
        if backend.network {
            self.network();
        }
    }

    /// A file is given other names in its directory.
    fn audit(&mut self, to: &AuditTo) {
        match to {
            AuditTo::Stdout => {}
            AuditTo::File(path) => {
                let path = std::path::absolute(path).ok();
                self.change(path.iter().filter_map(|path| path.parent()));
            }
            AuditTo::Syslog(SyslogAddress::Unix(path)) => self.follow([path]),
            AuditTo::Syslog(SyslogAddress::Udp(_) | SyslogAddress::Tcp(_)) => self.resolver(),
        }
    }

    fn database(&mut self, SqlService { database, .. }: &SqlService) {
        match (database, database.server().map(|server| &server.host)) {
            // Beside the file are its journals.
            (Database::Sqlite(path), _) => self.follow([path]),
            // For PostgreSQL the host is the directory of the socket.
            (Database::Postgres(_), Some(DatabaseHost::Socket(path))) => self.read([path]),
            (_, Some(DatabaseHost::Socket(path))) => self.follow([path]),
            _ => self.network(),
        }
    }

    /// Servers elsewhere are asked, over TLS.
    fn network(&mut self) {
        self.resolver();
        self.read(AUTHORITIES);
        self.follow(AUTHORITIES_FILES);
        self.read(environment::authorities());
    }

    fn resolver(&mut self) {
        self.follow(RESOLVER);
        self.read(RESOLVER_DIRECTORIES);
    }
}

#[cfg(test)]
#[path = "needs_tests.rs"]
mod tests;
