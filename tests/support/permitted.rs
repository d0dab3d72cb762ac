//! Tests that need what not every machine permits: namespaces, mounts, FUSE, fewer rights. There, a test says so and is over;
//! `make test` repeats at its end what was left out.

use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::process::Command;

use super::Setup;

/// Says that this test, or a part of it, can't be run on this machine.
pub fn skipped(reason: impl Display) {
    let reason = reason.to_string();
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    eprintln!("skipped: {reason}");
    if let Some(list) = std::env::var_os("WHARF_TEST_SKIPPED") {
        let test = std::env::var("NEXTEST_TEST_NAME").unwrap_or_else(|_| "a test".to_owned());
        let mut list = File::options().append(true).create(true).open(list).unwrap();
        // In one piece, as tests run beside each other.
        list.write_all(format!("{test}: {reason}\n").as_bytes()).unwrap();
    }
}

/// The command that runs another one in a mount namespace of its own.
pub fn unshare() -> [&'static str; 3] {
    let rights = if rustix::process::geteuid().is_root() { "--mount" } else { "--map-root-user" };
    ["unshare", rights, "--mount"]
}

impl Setup {
    /// As [`wrapped_in`](Self::wrapped_in), if that command can run anything here; else the test is [`skipped`].
    #[must_use]
    pub fn permitted_in(self, command: &[impl AsRef<str>]) -> Option<Self> {
        let words: Vec<String> = command.iter().map(|word| self.fill(word.as_ref())).collect();
        let tried = Command::new(&words[0]).args(&words[1..]).arg("true").output().unwrap();
        if !tried.status.success() {
            let said = [&tried.stdout[..], &tried.stderr[..]].concat();
            skipped(format!("this machine does not permit it: {}", String::from_utf8_lossy(&said)));
            return None;
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Some(self.wrapped_in(&words))
    }

    /// Mounts in a namespace of the server alone, by these commands of the shell, if the machine permits that.
    #[must_use]
    pub fn mounted(self, commands: &str) -> Option<Self> {
        let mut words = unshare().map(str::to_owned).to_vec();
        words.extend([
            "sh".to_owned(),
            "-c".to_owned(),
            format!("{commands} && exec \"$@\""),
            "sh".to_owned(),
        ]);
        self.permitted_in(&words)
    }
}
