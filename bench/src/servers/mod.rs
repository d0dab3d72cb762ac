//! The servers: how each is set up, started, and found ready.

mod proftpd;
mod pure_ftpd;
mod pyftpdlib;
pub mod rclone;
pub mod sftpgo;
mod vsftpd;
mod wharf;

use std::collections::HashMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use crate::client::{Account, Session};
use crate::place::{PROBE, Place, block, free_port};
use crate::problem::{Doing, Problem, Result};
use crate::process::Process;
use crate::stream::SILENCE;

/// How long a server may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(20);

const ANONYMOUS: Account = Account { user: "anonymous", password: "bench" };
pub const BENCH: Account = Account { user: "bench", password: "bench" };
/// Whose password is checked expensively.
const HASHED: Account = Account { user: "hashed", password: "bench" };

/// Where data connections are accepted. It lies above the ports that the system gives to outgoing connections: a port
/// that a server has used rests for a minute, and the client would run out of them.
pub const PASSIVE: (u16, u16) = (61000, 64999);

/// Where the programs are.
pub struct Tools {
    pub wharf: PathBuf,
    /// The folder that `scripts/install-bench-tools` fills.
    pub peers: PathBuf,
    /// SFTPGo's program, which nothing installs.
    pub sftpgo: Option<PathBuf>,
}

/// The columns of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    WharfNative,
    WharfLibunftp,
    Vsftpd,
    Proftpd,
    PureFtpd,
    Rclone,
    Pyftpdlib,
    Sftpgo,
}

/// Settings that differ from row to row. TLS is switched on only where it is used: vsftpd arranges its processes in another
/// way when it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Variant {
    pub tls: bool,
    /// Wharf alone can wait for the disk; the others always leave that to the system.
    pub sync: bool,
    /// A password is checked as it is meant to be checked: against an expensive hash.
    pub password: bool,
    /// A password that was right is accepted again without a check, which is the default of those who can do it.
    pub remembers: bool,
}

/// The settings of a server.
struct Site<'a> {
    tools: &'a Tools,
    place: &'a Place,
    /// Its own folder, for its configuration and whatever it writes.
    folder: PathBuf,
    port: u16,
    variant: Variant,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::WharfNative,
        Self::WharfLibunftp,
        Self::Vsftpd,
        Self::Proftpd,
        Self::PureFtpd,
        Self::Rclone,
        Self::Pyftpdlib,
        Self::Sftpgo,
    ];

    /// As it is written on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Self::WharfNative => "wharf-native",
            Self::WharfLibunftp => "wharf-libunftp",
            Self::Vsftpd => "vsftpd",
            Self::Proftpd => "proftpd",
            Self::PureFtpd => "pure-ftpd",
            Self::Rclone => "rclone",
            Self::Pyftpdlib => "pyftpdlib",
            Self::Sftpgo => "sftpgo",
        }
    }

    pub fn heading(self) -> &'static str {
        match self {
            Self::WharfNative => "Wharf, native",
            Self::WharfLibunftp => "Wharf, libunftp",
            Self::Vsftpd => "vsftpd",
            Self::Proftpd => "ProFTPD",
            Self::PureFtpd => "pure-ftpd",
            Self::Rclone => "rclone",
            Self::Pyftpdlib => "pyftpdlib",
            Self::Sftpgo => "SFTPGo",
        }
    }

    pub fn is_wharf(self) -> bool {
        matches!(self, Self::WharfNative | Self::WharfLibunftp)
    }

    /// Whether it checks passwords against hashes by argon2id.
    pub fn knows_argon2id(self) -> bool {
        self.is_wharf() || self == Self::Sftpgo
    }

    /// rclone encrypts from the first byte on (implicit TLS) or not at all.
    pub fn has_explicit_tls(self) -> bool {
        self != Self::Rclone
    }

    fn account(self, variant: Variant) -> Account {
        match self {
            Self::Vsftpd => ANONYMOUS,
            _ if variant.password => HASHED,
            _ => BENCH,
        }
    }

    /// How it runs, and what a login costs it.
    pub fn note(self) -> &'static str {
        match self {
            Self::WharfNative | Self::WharfLibunftp => {
                "one process with threads; the password stands in the configuration (`plain: true`); \
                 `sync: false`; both except in the rows that say otherwise"
            }
            Self::Vsftpd => "two processes a session, without root; anonymous, no password is checked",
            Self::Proftpd => "a process a session; a password file, the cheapest hash that it knows (DES)",
            Self::PureFtpd => {
                "two processes a session; a database of users, the cheapest hash that it knows (DES)"
            }
            Self::Rclone => {
                "one process with threads; the password stands on the command line; no explicit TLS"
            }
            Self::Pyftpdlib => "one process, one thread; the password stands in the program",
            Self::Sftpgo => {
                "one process with threads; users in its memory, the cheapest hash that it knows (MD5), except in the rows that \
                 say otherwise; no quotas"
            }
        }
    }

    /// libunftp loses a handshake now and then (docs/engines.md, `tls-handshake-taken-for-a-command`). No measurement
    /// includes one.
    fn handshakes(self) -> u32 {
        if self == Self::WharfLibunftp { 5 } else { 1 }
    }

    pub fn program(self, tools: &Tools) -> PathBuf {
        match self {
            Self::WharfNative | Self::WharfLibunftp => tools.wharf.clone(),
            Self::Vsftpd | Self::Proftpd | Self::PureFtpd => {
                tools.peers.join(self.id()).join("usr/sbin").join(self.id())
            }
            Self::Rclone => tools.peers.join("python/bin/rclone"),
            Self::Pyftpdlib => tools.peers.join("python/bin/python"),
            Self::Sftpgo => tools.sftpgo.clone().unwrap_or_default(),
        }
    }

    /// Why this server can't be measured here, in a sentence.
    pub fn missing(self, tools: &Tools, place: &Place) -> Result<Option<String>> {
        if self == Self::Sftpgo && tools.sftpgo.is_none() {
            return Ok(Some(
                "nothing installs it; `--sftpgo FILE` names a program that was built elsewhere.".to_owned(),
            ));
        }
        let program = self.program(tools);
        if !program.exists() {
            return Ok(Some(match self {
                Self::Sftpgo => format!("{} does not exist.", program.display()),
                _ if self.is_wharf() => {
                    format!("{} does not exist; `cargo build --release` makes it.", program.display())
                }
                _ => format!("{} does not exist; `scripts/install-bench-tools` makes it.", program.display()),
            }));
        }
        let changes_user = matches!(self, Self::Vsftpd | Self::Proftpd | Self::PureFtpd);
        if changes_user && !rustix::process::geteuid().is_root() {
            return Ok(Some("it has to be started by root, to give that up for each session.".to_owned()));
        }
        if self == Self::WharfNative {
            return wharf::refused(&self.site(tools, place, Variant::default())?);
        }
        Ok(None)
    }

    /// Its name and version.
    pub fn version(self, tools: &Tools, place: &Place) -> Result<String> {
        let arguments: &[&str] = match self {
            Self::WharfNative | Self::WharfLibunftp | Self::Sftpgo => &["--version"],
            Self::Vsftpd | Self::Proftpd => &["-v"],
            Self::PureFtpd => &["--help"],
            Self::Rclone => &["version"],
            Self::Pyftpdlib => &["-c", "import pyftpdlib; print('pyftpdlib', pyftpdlib.__ver__)"],
        };
        let path = place.folder_of("version")?.join("output");
        let doing = || format!("asking {} for its version", self.heading());
        let open = || File::options().create(true).append(true).open(&path).doing(doing);
        // vsftpd prints its version to what it has as standard input.
        let mut command = self.launch(tools);
        command.args(arguments).stdin(open()?).stdout(open()?).stderr(open()?);
        command.status().doing(doing)?;
        let text = std::fs::read_to_string(&path).doing(doing)?;
        Ok(text.lines().next().unwrap_or_default().trim().to_owned())
    }

    fn site<'a>(self, tools: &'a Tools, place: &'a Place, variant: Variant) -> Result<Site<'a>> {
        Ok(Site { tools, place, folder: place.folder_of(self.id())?, port: free_port()?, variant })
    }

    /// The program, so that it can't outlive this one, and with the libraries that came with it.
    fn launch(self, tools: &Tools) -> Command {
        let mut command = tethered(&self.program(tools));
        if matches!(self, Self::Vsftpd | Self::Proftpd | Self::PureFtpd) {
            command.env("LD_LIBRARY_PATH", libraries(&tools.peers.join(self.id())));
        }
        command
    }

    /// Starts it, and sees that it delivers what it should.
    pub fn start(
        self,
        tools: &Tools,
        place: &Place,
        variant: Variant,
        tls: &Arc<ClientConfig>,
    ) -> Result<Server> {
        let site = self.site(tools, place, variant)?;
        let mut command = self.launch(tools);
        match self {
            Self::WharfNative => wharf::arguments(&site, "native", &mut command),
            Self::WharfLibunftp => wharf::arguments(&site, "libunftp", &mut command),
            Self::Vsftpd => vsftpd::arguments(&site, &mut command),
            Self::Proftpd => proftpd::arguments(&site, &mut command),
            Self::PureFtpd => pure_ftpd::arguments(&site, &mut command),
            Self::Rclone => rclone::arguments(&site, &mut command),
            Self::Pyftpdlib => pyftpdlib::arguments(&site, &mut command),
            Self::Sftpgo => sftpgo::arguments(&site, &mut command),
        }
        .doing(|| format!("setting up {}", self.heading()))?;
        let tls = variant.tls.then(|| Arc::clone(tls));
        Server::start(command, &site.folder, site.port, self.account(variant), tls, self.handshakes())
    }
}

/// A program that can't outlive this one, and that nobody's settings play a part in.
pub fn tethered(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program).env_remove("RUST_LOG");
    // All connections stay on this machine.
    command.env("NO_PROXY", "*").env("no_proxy", "*");
    command
}

/// The folders with shared libraries of an unpacked Debian package, as a search path.
pub fn libraries(root: &Path) -> String {
    let bases = [root.join("usr/lib"), root.join("lib")];
    let entries = bases.iter().filter_map(|base| std::fs::read_dir(base).ok()).flatten().flatten();
    // Debian has them in a folder named after the kind of machine.
    let folders = entries.map(|entry| entry.path().display().to_string());
    folders.filter(|path| path.ends_with("-linux-gnu")).collect::<Vec<_>>().join(":")
}

/// A server that runs until this value is dropped.
pub struct Server {
    process: Process,
    address: SocketAddr,
    account: Account,
    tls: Option<Arc<ClientConfig>>,
    /// How often a handshake of a control connection is tried.
    handshakes: u32,
    /// How long it may say nothing.
    silence: Duration,
}

impl Server {
    /// Starts it in its folder, and sees that it delivers what it should.
    pub fn start(
        mut command: Command,
        folder: &Path,
        port: u16,
        account: Account,
        tls: Option<Arc<ClientConfig>>,
        handshakes: u32,
    ) -> Result<Self> {
        command.current_dir(folder);
        let process = Process::start(command, folder.join("log"))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut server = Self { process, address, account, tls, handshakes, silence: SILENCE };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// With clients that bear it if it says nothing for so long.
    pub fn with_patient_clients(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A session that is logged in and moves bytes as they are.
    pub fn login(&self, until: Instant) -> Result<Session> {
        let mut session = self.connect(until)?;
        self.log_in(&mut session)?;
        session.binary()?;
        Ok(session)
    }

    /// Tells the server the name and the password.
    pub fn log_in(&self, session: &mut Session) -> Result<()> {
        session.login(self.account)
    }

    /// A session that has not logged in.
    pub fn connect(&self, until: Instant) -> Result<Session> {
        let connect = || Session::connect(self.address, self.silence, until);
        let Some(tls) = &self.tls else { return connect() };
        let mut attempt = 1;
        loop {
            let mut session = connect()?;
            match session.encrypt(tls) {
                Ok(()) => return Ok(session),
                Err(problem) if attempt == self.handshakes => return Err(problem),
                Err(_) => attempt += 1,
            }
        }
    }

    /// A session that logs in and goes.
    pub fn visit(&self, until: Instant) -> Result<()> {
        let mut session = Session::connect(self.address, self.silence, until)?;
        session.login(self.account)?;
        session.quit()
    }

    pub fn memory(&self) -> u64 {
        self.process.memory()
    }

    /// Its memory now, in KiB. The reading is quick enough to be repeated all the time.
    pub fn resident(&self) -> u64 {
        self.process.resident()
    }

    /// The most that it had so far, in KiB.
    pub fn peak(&self) -> u64 {
        self.process.peak()
    }

    /// The processor time so far, in seconds.
    pub fn processor_time(&self) -> f64 {
        self.process.processor_time()
    }

    /// The same of each thread that there is now, to the nanosecond; `None` if the system does not tell.
    pub fn thread_times(&self) -> Option<HashMap<String, f64>> {
        self.process.thread_times()
    }

    /// The files and connections that it has open.
    pub fn open_files(&self) -> usize {
        self.process.open_files()
    }

    pub fn last_words(&self) -> String {
        self.process.last_words()
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let until = Instant::now() + READY_WITHIN;
        // None of them says when it is up.
        while std::net::TcpStream::connect(self.address).is_err() {
            self.process.alive()?;
            if Instant::now() > until {
                return Err(Problem::new(format!("the server did not come up: {}", self.last_words())));
            }
            sleep(Duration::from_millis(2));
        }
        self.probe(until).map_err(|problem| match self.last_words() {
            words if words.is_empty() => problem,
            words => Problem::new(format!("{problem} (the server said: {words})")),
        })
    }

    /// A server that delivers wrong bytes fast is not to win.
    fn probe(&self, until: Instant) -> Result<()> {
        let mut session = self.login(until)?;
        let mut bytes = Vec::new();
        session.fetch("RETR", "probe", &mut |part| bytes.extend_from_slice(part))?;
        if bytes != block(PROBE) {
            return Err(Problem::new(format!(
                "RETR probe brought {} bytes, not the right ones",
                bytes.len()
            )));
        }
        session.quit()
    }
}

/// Whether a program says that all is well; what it says if not.
fn succeeds(mut command: Command) -> Result<std::result::Result<(), String>> {
    let output = command.stdin(Stdio::null()).output().doing(|| "starting a program".to_owned())?;
    if output.status.success() {
        return Ok(Ok(()));
    }
    Ok(Err(String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().trim().to_owned()))
}
