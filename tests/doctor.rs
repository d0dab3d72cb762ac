//! `wharf doctor`: its findings about servers that are as they should be, about others, and about hostile ones.

mod hostile;
mod inside;
mod odd_tls;
mod outside;
mod played;

use serde_json::Value;

use crate::support::wharf;

const VARIABLE: &str = "WHARF_DOCTOR_PASSWORD";

/// What the doctor has found.
struct Examined {
    status: Option<i32>,
    findings: Vec<Value>,
    stdout: String,
    stderr: String,
}

impl Examined {
    /// With this password, or none.
    #[track_caller]
    fn new(password: Option<&str>, arguments: &[&str]) -> Self {
        let mut command = wharf(["doctor", "--format", "json"]);
        command.args(arguments).env_remove(VARIABLE);
        if let Some(password) = password {
            command.env(VARIABLE, password);
        }
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let document: Value = serde_json::from_str(&stdout).unwrap_or_default();
        let findings = document["findings"].as_array().cloned().unwrap_or_default();
        let count = |level: &str| findings.iter().filter(|finding| finding["level"] == level).count() as u64;
        if !document.is_null() {
            assert_eq!(document["problems"], count("problem"));
            assert_eq!(document["warnings"], count("warning"));
            assert_eq!(output.status.code(), Some(i32::from(count("problem") > 0)), "{stdout}");
        }
        if let Some(password) = password.filter(|password| password.len() > 6) {
            assert!(
                !stdout.contains(password) && !stderr.contains(password),
                "the password is shown\n{stdout}{stderr}"
            );
        }
        Self { status: output.status.code(), findings, stdout, stderr }
    }

    /// A finding of this level about this, whose sentence or cure has all of these words.
    #[track_caller]
    fn expect(&self, level: &str, check: &str, words: &[&str]) {
        let fits = |finding: &&Value| {
            let text = format!("{} {}", finding["says"], finding["cure"]);
            finding["level"] == level
                && finding["check"] == check
                && words.iter().all(|word| text.contains(word))
        };
        assert!(
            self.findings.iter().any(|finding| fits(&finding)),
            "no {level} {check} {words:?} in\n{}{}",
            self.stdout,
            self.stderr
        );
    }

    /// No finding about this, or none of this level.
    #[track_caller]
    fn expect_none(&self, level: &str, check: &str) {
        let fits =
            |finding: &&Value| finding["level"] == level && (check.is_empty() || finding["check"] == check);
        assert!(!self.findings.iter().any(|finding| fits(&finding)), "{}", self.stdout);
    }
}

#[test]
fn wrong_usage_is_refused() {
    for arguments in [
        &[][..],
        &["ftp://demo@127.0.0.1", "--config", "x.yaml"],
        &["http://127.0.0.1"],
        &["ftp://u%0d%0aQUIT@127.0.0.1"],
        &["ftp://demo@127.0.0.1", "--timeout", "0s"],
        &["ftp://demo@127.0.0.1", "--ports", "5-1"],
        &["--config", "x.yaml", "--active"],
        // Nobody can be asked for the password.
        &["ftp://demo@127.0.0.1"],
        &["ftp://demo@127.0.0.1", "--password-file", "/does/not/exist"],
        &["ftp://demo@127.0.0.1", "--authorities", "/does/not/exist"],
        &["--config", "/does/not/exist"],
    ] {
        let examined = Examined::new(None, arguments);
        assert_eq!(examined.status, Some(2), "{arguments:?}: {}{}", examined.stdout, examined.stderr);
        assert!(!examined.stderr.is_empty());
    }
}

/// The command line repeats what it refuses.
#[test]
fn a_url_that_is_refused_shows_no_password() {
    for url in
        ["http://u:hunter2@127.0.0.1", "ftp://u:hunter2@127.0.0.1:99999", "ftp://u:hunter2%0a@127.0.0.1"]
    {
        let examined = Examined::new(None, &[url]);
        assert_eq!(examined.status, Some(2));
        assert!(!examined.stderr.contains("hunter2"), "{}", examined.stderr);
    }
}
