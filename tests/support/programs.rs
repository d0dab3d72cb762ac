//! Real clients as child processes, each with a time limit.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{Engine, Running, retry_handshake};

/// A program about to be run in a folder, which is its home too: no one's own settings play a part.
pub struct Program {
    command: Command,
    shown: String,
}

/// The exit status of curl, and of our scripts, when the control connection's TLS handshake fails.
const HANDSHAKE_FAILED: i32 = 35;

/// What lftp says then, unless it tries again by itself.
const LFTP_HANDSHAKE_FAILED: &str = "gnutls_handshake: An unexpected TLS packet was received";

/// What a program did.
pub struct Outcome {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
    shown: String,
}

impl Program {
    /// One that is given up before the test is: a gibibyte and more takes minutes on a busy machine.
    pub fn new(program: &str, folder: &Path) -> Self {
        Self::limited(program, folder, 420)
    }

    pub fn limited(program: &str, folder: &Path, seconds: u32) -> Self {
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", &seconds.to_string(), program])
            .current_dir(folder)
            .env("HOME", folder)
            .env("LC_ALL", "C.UTF-8")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null());
        for proxy in
            ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "ALL_PROXY", "HTTP_PROXY", "FTP_PROXY"]
        {
            command.env_remove(proxy);
        }
        Self { command, shown: program.to_owned() }
    }

    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.shown.push_str(&format!(" {:?}", argument.as_ref()));
        self.command.arg(argument);
        self
    }

    #[must_use]
    pub fn args<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What it reads from its standard input.
    #[must_use]
    pub fn input(mut self, text: &str) -> Self {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).and_then(|()| file.rewind()).unwrap();
        self.command.stdin(file);
        self
    }

    /// Starts it, and leaves it running until the value is dropped or its time is over.
    #[track_caller]
    pub fn start(mut self) -> Started {
        self.command.stdout(Stdio::piped()).stderr(Stdio::null());
        Started(self.command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.shown)))
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn output(mut self) -> Outcome {
        retry_handshake(
            || self.output_once(),
            |outcome| outcome.status == HANDSHAKE_FAILED || outcome.stderr.contains(LFTP_HANDSHAKE_FAILED),
        )
    }

    #[track_caller]
    fn output_once(&mut self) -> Outcome {
        let output = self.command.output().unwrap_or_else(|error| panic!("{}: {error}", self.shown));
        Outcome {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            shown: self.shown.clone(),
        }
    }

    /// Runs it to its end and demands that it succeeds; what it printed.
    #[track_caller]
    pub fn run(self) -> String {
        let outcome = self.output();
        assert_eq!(outcome.status, 0, "{outcome}");
        outcome.stdout
    }
}

/// A program that runs beside the test.
pub struct Started(Child);

impl Started {
    /// The first line that it prints; empty if it ends without any.
    pub fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Started {
    /// `timeout` hands the signal on, and kills what does not heed it.
    fn drop(&mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).ok();
        self.0.wait().ok();
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, stdout, stderr, shown } = self;
        let why = if *status == 124 { " (its time was over)" } else { "" };
        write!(f, "{shown}\nended with status {status}{why}\n{stdout}\n{stderr}")
    }
}

/// How a client is to talk to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    pub active: bool,
    pub tls: bool,
}

impl Way {
    pub const PLAIN: Self = Self { active: false, tls: false };
}

/// curl as the user `demo`, with errors shown.
pub fn curl(server: &Running<'_>, way: Way, folder: &Path) -> Program {
    let program = Program::new("curl", folder).args([
        "--disable",
        "--silent",
        "--show-error",
        "--fail",
        "--max-time",
        "120",
        "--user",
        "demo:demo",
    ]);
    let program = if way.active { program.args(["--ftp-port", "-", "--disable-eprt"]) } else { program };
    if way.tls {
        program.arg("--ssl-reqd").arg("--cacert").arg(&server.certificates().ca_file)
    } else {
        program
    }
}

/// lftp running a script as a user whose password is the name.
pub fn lftp(server: &Running<'_>, user: &str, way: Way, folder: &Path, script: &str) -> Program {
    let settings = [
        "set cmd:fail-exit yes",
        "set cmd:interactive no",
        "set net:max-retries 2",
        "set net:timeout 30",
        "set net:reconnect-interval-base 1",
        "set net:reconnect-interval-max 2",
        "set xfer:log no",
        "set ftp:use-mdtm yes",
    ];
    let mut lines: Vec<String> = settings.map(str::to_owned).to_vec();
    lines.push(format!("set ftp:passive-mode {}", if way.active { "no" } else { "yes" }));
    lines
        .push(format!("set ftp:ssl-force {0}; set ftp:ssl-allow {0}; set ftp:ssl-protect-data {0}", way.tls));
    if way.tls {
        lines.push(format!("set ssl:ca-file {}", server.certificates().ca_file.display()));
    }
    lines.push(format!("open -u {user},{user} ftp://{}", url_host(server, way)));
    lines.push(script.to_owned());
    Program::new("lftp", folder).args(["--norc", "-c"]).arg(lines.join("\n"))
}

/// A program that `scripts/install-test-tools` puts into `.test-tools/`.
#[track_caller]
pub fn installed(path: &str, folder: &Path) -> Program {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".test-tools").join(path);
    assert!(program.exists(), "{} is missing: run scripts/install-test-tools test", program.display());
    Program::new(program.to_str().unwrap(), folder)
}

/// A file of `tests/clients`.
pub fn client_script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// A script of `tests/clients` with the server's host and port as its first arguments.
pub fn python(script: &str, server: &Running<'_>, way: Way, folder: &Path) -> Program {
    let program = Program::new("python3", folder)
        .arg(client_script(script))
        .arg("localhost")
        .arg(server.address.port().to_string());
    let program = if way.active { program.arg("--active") } else { program };
    if !way.tls {
        return program;
    }
    let program = program.arg("--ca").arg(&server.certificates().ca_file);
    // Its defect `upload-over-tls-ends-without-close-notify` has a test of its own.
    if Engine::current() == Engine::Libunftp { program.arg("--tolerate-eof") } else { program }
}

/// The host as the certificate has it, where there is one.
pub fn url_host(server: &Running<'_>, _way: Way) -> String {
    format!("localhost:{}", server.address.port())
}
