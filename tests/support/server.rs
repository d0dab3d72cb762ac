//! The server as a child process.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Certificates, Client, Engine, Line, Log, SOON, retry_handshake};

const PROGRAM: &str = env!("CARGO_BIN_EXE_wharf");

/// The built program with these arguments.
pub fn wharf<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// A configuration and the folder it lives in, before the server is started; it can be started again and again.
pub struct Setup {
    folder: TempDir,
    listen: String,
    passive: String,
    server: String,
    tls: String,
    http: String,
    rest: String,
    wrapper: Vec<String>,
    environment: Vec<(String, String)>,
    log_format: &'static str,
    certificates: Option<Certificates>,
}

impl Setup {
    /// The backends and users of a configuration. `{folder}` in it stands for the folder of this setup, which has
    /// an empty directory `files`.
    pub fn new(rest: impl Into<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("files")).unwrap();
        Self {
            folder,
            listen: "127.0.0.1:0".to_owned(),
            passive: "ports: 20000-31999".to_owned(),
            server: String::new(),
            tls: String::new(),
            http: "listen: []".to_owned(),
            rest: rest.into(),
            wrapper: Vec::new(),
            environment: Vec::new(),
            log_format: "json",
            certificates: None,
        }
    }

    /// The usual: a user `demo` with password `demo` who may do everything in the directory `files`.
    pub fn local() -> Self {
        Self::new(
            "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full }
",
        )
    }

    /// The same in 256 MiB of memory.
    pub fn memory() -> Self {
        Self::new(
            "
backends:
  scratch: { kind: memory, capacity: 256MiB }
users:
  - { name: demo, password: demo, plain: true, backend: scratch, permissions: full }
",
        )
    }

    /// Adds a line to the section `server`.
    #[must_use]
    pub fn server(mut self, line: &str) -> Self {
        self.server.push_str(&format!("  {line}\n"));
        self
    }

    /// Listens there and not on 127.0.0.1.
    #[must_use]
    pub fn listen(mut self, address: &str) -> Self {
        address.clone_into(&mut self.listen);
        self
    }

    /// What the section `server.passive` holds.
    #[must_use]
    pub fn passive(mut self, settings: &str) -> Self {
        settings.clone_into(&mut self.passive);
        self
    }

    /// Serves health and metrics, too.
    #[must_use]
    pub fn http(mut self) -> Self {
        "listen: [\"127.0.0.1:0\"]".clone_into(&mut self.http);
        self
    }

    /// The admin interface beside health and metrics, with the tokens [`ADMIN`](super::ADMIN) and [`READ_ONLY`](super::READ_ONLY).
    #[must_use]
    pub fn admin(self) -> Self {
        let admin = format!("token: {}, read_only_token: {}", super::ADMIN, super::READ_ONLY);
        self.admin_with(&admin)
    }

    /// The same with these keys.
    #[must_use]
    pub fn admin_with(mut self, admin: &str) -> Self {
        self.http = format!("listen: [\"127.0.0.1:0\"], admin: {{ {admin} }}");
        self
    }

    /// The admin interface with these tokens at this address.
    #[must_use]
    pub fn admin_at(mut self, address: SocketAddr) -> Self {
        self = self.admin();
        self.http = self.http.replace("127.0.0.1:0", &address.to_string());
        self
    }

    /// Makes a certificate and offers TLS in this mode.
    #[must_use]
    pub fn tls(self, mode: &str) -> Self {
        self.tls_with(mode, "")
    }

    /// The same with further keys of the section.
    #[must_use]
    pub fn tls_with(mut self, mode: &str, settings: &str) -> Self {
        self.certificates = Some(Certificates::write_to(self.folder.path()));
        let comma = if settings.is_empty() { "" } else { ", " };
        self.tls = format!(
            "tls: {{ mode: {mode}, certificate: '{{folder}}/server.crt', key: '{{folder}}/server.key'\
             {comma}{settings} }}\n"
        );
        self
    }

    /// Runs the server by this command, which is given the server's command line as arguments and must `exec` it.
    #[must_use]
    pub fn wrapped_in(mut self, command: &[&str]) -> Self {
        self.wrapper = command.iter().map(|word| self.fill(word)).collect();
        self
    }

    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Has the server log lines for people.
    #[must_use]
    pub fn text_log(mut self) -> Self {
        self.log_format = "text";
        self
    }

    /// The authority, of a setup with TLS.
    pub fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().expect("a setup with TLS")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The directory that the user `demo` of [`Setup::local`] sees.
    pub fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    pub(super) fn fill(&self, text: &str) -> String {
        text.replace("{folder}", self.folder.path().to_str().unwrap())
    }

    /// Writes the configuration file.
    pub fn write(&self) -> PathBuf {
        // All clients of the tests are on this machine.
        let active = match Engine::current() {
            Engine::Native if !self.server.contains("active_on_this_machine") => {
                "  active_on_this_machine: true\n"
            }
            _ => "",
        };
        let text = format!(
            "server:\n  engine: {}\n{active}  listen: [\"{}\"]\n  passive: {{ {} }}\n{}{}http: {{ {} }}\n{}",
            Engine::current().name(),
            self.listen,
            self.passive,
            self.server,
            self.tls,
            self.http,
            self.rest
        );
        let path = self.folder.path().join("wharf.yaml");
        fs::write(&path, self.fill(&text)).unwrap();
        path
    }

    /// Starts the server and waits until it listens.
    #[track_caller]
    pub fn start(&self) -> Running<'_> {
        match self.try_start() {
            Ok(server) => server,
            Err(log) => panic!("the server did not come up:\n{log}"),
        }
    }

    /// Starts the server; its log if it does not come up.
    pub fn try_start(&self) -> Result<Running<'_>, String> {
        let config = self.write();
        let mut command = match self.wrapper.split_first() {
            None => Command::new(PROGRAM),
            Some((wrapper, arguments)) => {
                let mut command = Command::new(wrapper);
                command.args(arguments).arg(PROGRAM);
                command
            }
        };
        command
            .args(["serve", "--log-format", self.log_format, "--config"])
            .arg(config)
            .env_remove("RUST_LOG")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{PROGRAM}: {error}"));
        let log = Log::follow(child.stderr.take().unwrap());
        let mut running = Running { setup: self, child, log, address: SocketAddr::from(([0, 0, 0, 0], 0)) };
        let listening = |line: &Line| line.says("listening") && line.field("address").is_some();
        let line = running.log.find(listening).ok_or_else(|| running.log.text())?;
        running.address = running.address_of(&line);
        Ok(running)
    }
}

/// A server that runs until this value is dropped.
pub struct Running<'a> {
    setup: &'a Setup,
    child: Child,
    pub log: Log,
    pub address: SocketAddr,
}

impl Running<'_> {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn certificates(&self) -> &Certificates {
        self.setup.certificates()
    }

    /// The address in a log line that says where the server listens.
    #[track_caller]
    pub fn address_of(&self, line: &Line) -> SocketAddr {
        let address = line.field("address").and_then(|address| address.parse().ok());
        address.unwrap_or_else(|| panic!("no address in {line:?}"))
    }

    /// Where connections begin with TLS, of a setup with one such listener.
    #[track_caller]
    pub fn implicit_address(&self) -> SocketAddr {
        let plain = self.address.to_string();
        let other = |line: &Line| {
            line.says("listening") && line.field("address").is_some_and(|address| address != plain)
        };
        let line = self.log.find(other).expect("a second listener");
        self.address_of(&line)
    }

    /// Where health and metrics are, of a setup that has them.
    #[track_caller]
    pub fn http_address(&self) -> SocketAddr {
        self.address_of(&self.log.expect("health and metrics over HTTP", &[("address", "…")]))
    }

    /// A connection that has read the greeting.
    #[track_caller]
    pub fn connect(&self) -> Client {
        let mut client = Client::connect(self.address);
        client.expect_reply(220);
        client
    }

    /// The same with TLS for both kinds of connections.
    #[track_caller]
    pub fn connect_tls(&self) -> Client {
        let config = self.certificates().client_config();
        retry_handshake(
            || {
                let mut client = self.connect();
                client.try_start_tls(&config).map(|()| client)
            },
            Result::is_err,
        )
        .expect("a TLS handshake")
    }

    /// A session of the user `demo`.
    #[track_caller]
    pub fn login(&self) -> Client {
        self.login_as("demo", "demo")
    }

    #[track_caller]
    pub fn login_as(&self, user: &str, password: &str) -> Client {
        let mut client = self.connect();
        client.login(user, password);
        client
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub fn wait(mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.child);
        let (done, ended) = mpsc::channel();
        let log = self.log.clone();
        // Only this thread waits for the child, so its id can't have been given to another process when it's killed.
        std::thread::scope(|scope| {
            let child = &mut self.child;
            scope.spawn(move || done.send(child.wait().unwrap()));
            ended.recv_timeout(SOON).unwrap_or_else(|_| {
                kill_process(pid, Signal::KILL).ok();
                panic!("the server did not end; its log is\n{}", log.text())
            })
        })
    }

    /// The most memory it ever had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            eprintln!("The server's log:\n{}", self.log.text());
        }
    }
}

/// How long a reply may be missing before it counts as never coming. Only for what is known to never come: a busy machine
/// may take longer over a reply that does.
pub const SILENCE: Duration = Duration::from_secs(4);

/// How long to wait for a reply that libunftp never gives.
pub fn unless_defective() -> Duration {
    match Engine::current() {
        Engine::Libunftp => SILENCE,
        Engine::Native => SOON,
    }
}
