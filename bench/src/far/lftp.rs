//! lftp, which mirrors a tree as people do with it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::problem::{Doing, Problem, Result};
use crate::servers::{BENCH, Server, Tools, libraries, tethered};

/// The program: the unpacked one, or the one of this machine.
pub struct Lftp {
    program: PathBuf,
    /// Where its own libraries are, if they came with it.
    libraries: Option<String>,
}

/// Which way a mirror goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the disk to the server.
    Up,
    Down,
}

impl Lftp {
    /// None if there is none.
    pub fn find(tools: &Tools) -> Option<Self> {
        let unpacked = tools.peers.join("lftp");
        let own = Self {
            program: unpacked.join("usr/bin/lftp"),
            libraries: Some(libraries(&unpacked)).filter(|it| !it.is_empty()),
        };
        let installed = Self { program: PathBuf::from("/usr/bin/lftp"), libraries: None };
        [own, installed].into_iter().find(|lftp| lftp.program.exists())
    }

    /// Its version.
    pub fn version(&self) -> Result<String> {
        let text = self.run(Path::new("."), &["--version"], Duration::from_secs(10))?;
        let line = text.lines().next().unwrap_or_default();
        Ok(line.split(" | ").take(2).collect::<Vec<_>>().join(" "))
    }

    /// Mirrors a directory of the disk and one of the server, one file after the other, as is its default.
    pub fn mirror(&self, way: Way, server: &Server, disk: &Path, tree: &str, limit: Duration) -> Result<()> {
        let mirror = match way {
            Way::Up => format!("mirror -R '{}' {tree}", disk.display()),
            Way::Down => format!("mirror {tree} '{}'", disk.display()),
        };
        let settings = [
            // A failure is one, and nothing is tried again in silence.
            "cmd:fail-exit yes".to_owned(),
            "net:max-retries 1".to_owned(),
            "net:persist-retries 0".to_owned(),
            format!("net:timeout {}", limit.as_secs()),
            // No server has TLS in this table.
            "ftp:ssl-allow no".to_owned(),
        ];
        let mut script: String = settings.iter().map(|setting| format!("set {setting}; ")).collect();
        let address = server.address();
        script.push_str(&format!("open -u {},{} ftp://{address}; {mirror}", BENCH.user, BENCH.password));
        // Its own settings and bookmarks play no part.
        let home = disk.parent().unwrap_or(disk);
        self.run(home, &["--norc", "-c", &script], limit).map(drop)
    }

    fn run(&self, home: &Path, arguments: &[&str], limit: Duration) -> Result<String> {
        let doing = || "running lftp".to_owned();
        let mut command = tethered(Path::new("timeout"));
        // It ends with the one that watches its time, as that one does with this program.
        command.arg(limit.as_secs().to_string()).args(["setpriv", "--pdeathsig", "KILL", "--"]);
        command.arg(&self.program).args(arguments);
        command.env("HOME", home).env("LFTP_HOME", home);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let output = command.stdin(Stdio::null()).output().doing(doing)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let words = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " / ");
        Err(Problem::new(format!("lftp ended with {}: {words}", output.status)))
    }
}
