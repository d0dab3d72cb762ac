//! What the process opens while it runs, and why.

use std::path::{Path, PathBuf};

use wharf_backends::object;

use crate::config::{AzureCredentials, Backend, Config, GcsCredentials, PassiveAddress, S3Credentials, Tls};

/// What a file or directory is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// It is read, with all that is in it.
    Read,
    /// Files in it are read, made, changed, moved and removed.
    Change,
}

/// Something that is needed, if it is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Need {
    pub(super) path: PathBuf,
    pub(super) purpose: Use,
}

/// What every server reads, whatever its configuration says.
const ALWAYS: [&str; 5] = [
    // What it tells of itself in metrics; names of open files, by which files without a name get one; what is mounted where. Of
    // other processes the kernel tells nothing that needs the right to trace them.
    "/proc",
    // How many threads there is room for.
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    // Whether the terminal is still there.
    "/dev/tty",
    // Where an old kernel has random numbers.
    "/dev/urandom",
];

/// How names of hosts are looked up: these files, and those that links lead to. They are replaced when the network changes.
const RESOLVER: [&str; 5] =
    ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf"];

/// Where such links lead once the network is there, and the libraries that `nsswitch.conf` names.
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

/// The authorities that the system trusts: files, and the directories in which systems keep what links there lead to.
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

/// The variables that name others; the second one a list.
const AUTHORITIES_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// All that a server with this configuration needs.
pub(super) fn of(config: &Config) -> Vec<Need> {
    let mut needs = Needs::default();
    needs.read(ALWAYS);
    // A panic reads the names of functions from it.
    needs.read(std::env::current_exe());
    if let Tls::On(tls) = &config.tls {
        needs.follow([&tls.certificate, &tls.key]);
        needs.follow(tls.clients.iter().map(|clients| &clients.authorities));
    }
    needs.change(config.server.limits.spill_directory.iter());
    for backend in config.backends.values() {
        needs.backend(backend);
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

    /// Files that are read again, and may be others under the same name by then: their directories are needed, and those that
    /// links lead to today. But for the topmost directory, which would be everything.
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

    fn backend(&mut self, backend: &Backend) {
        let is_ambient = match backend {
            Backend::Local { root, .. } | Backend::UnftpFs { root } => return self.change([root]),
            Backend::Memory { .. } => return,
            Backend::S3(s3) => {
                if let S3Credentials::Profile(profile) = &s3.credentials {
                    self.follow([&profile.file]);
                }
                matches!(s3.credentials, S3Credentials::Ambient)
            }
            Backend::Gcs(gcs) => matches!(gcs.credentials, GcsCredentials::Ambient),
            Backend::UnftpGcs { credentials, .. } => matches!(credentials, GcsCredentials::Ambient),
            Backend::Azure(azure) => matches!(azure.credentials, AzureCredentials::Ambient),
        };
        if is_ambient {
            self.follow(object::ambient_files());
        }
        self.resolver();
        self.read(AUTHORITIES);
        self.follow(AUTHORITIES_FILES);
        for variable in AUTHORITIES_VARIABLES {
            let named = std::env::var_os(variable).unwrap_or_default();
            self.read(std::env::split_paths(&named).filter(|path| path.is_absolute()));
        }
    }

    fn resolver(&mut self) {
        self.follow(RESOLVER);
        self.read(RESOLVER_DIRECTORIES);
    }
}

#[cfg(test)]
#[path = "needs_tests.rs"]
mod tests;
