//! The last commands and replies of a session, without what is secret.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::views::{Dialogued, time};

/// How many lines are kept.
const LINES: usize = 20;

/// The most bytes of a line.
const LENGTH: usize = 200;

/// In place of a secret.
const HIDDEN: &str = "********";

/// Words of FTP, and of other protocols, that clients say and this server may not know. Others may be secrets.
const UNKNOWN: [&str; 36] = [
    "ABOR", "AVBL", "CLNT", "COMB", "CONNECT", "CPSV", "CSID", "DSIZ", "EHLO", "ESTA", "ESTP", "GET", "HEAD",
    "HELO", "LANG", "LPRT", "LPSV", "MAIL", "MFCT", "MLFL", "MODE", "MSAM", "MSND", "MSOM", "OPTIONS",
    "POST", "PUT", "RANG", "REPL", "RMDA", "SMNT", "SPSV", "SSCN", "THMB", "XRCP", "XRSQ",
];

/// The last lines.
#[derive(Debug, Default)]
pub(super) struct Dialogue(VecDeque<(SystemTime, Box<str>, bool)>);

impl Dialogue {
    pub(super) fn push(&mut self, time: SystemTime, line: String, is_reply: bool) {
        if self.0.len() >= LINES {
            self.0.pop_front();
        }
        self.0.push_back((time, line.into_boxed_str(), is_reply));
    }

    pub(super) fn lines(&self) -> Vec<Dialogued> {
        let line = |(at, line, is_reply): &(SystemTime, Box<str>, bool)| Dialogued {
            at: time(*at),
            from: if *is_reply { "server" } else { "client" },
            line: line.to_string(),
        };
        self.0.iter().map(line).collect()
    }
}

/// A command as it may be shown.
pub(super) fn command(known: Option<&'static str>, verb: &str, argument: &[u8]) -> String {
    let Some(name) = known else {
        // Whoever is out of step may have sent a password here.
        return match UNKNOWN.iter().find(|word| word.eq_ignore_ascii_case(verb)) {
            Some(word) => format!("{word} (unknown command)"),
            None => "(unknown command)".to_owned(),
        };
    };
    if argument.is_empty() {
        return name.to_owned();
    }
    let text = String::from_utf8_lossy(argument);
    let text = match name {
        // Tokens are passwords, and whatever ADAT and its kin carry is for the two ends alone.
        "PASS" | "ACCT" | "ADAT" | "CONF" | "ENC" | "MIC" => HIDDEN.into(),
        "SITE" => match text.split_whitespace().next() {
            Some(first) if is_public(first) => text,
            Some(first) if first.chars().all(|c| c.is_ascii_alphabetic()) && first.len() <= 8 => {
                format!("{first} {HIDDEN}").into()
            }
            _ => HIDDEN.into(),
        },
        _ => text,
    };
    cut(&format!("{name} {text}"))
}

/// What this server knows of SITE, where nothing is secret. `SITE PSWD`, which others know, has two passwords.
fn is_public(word: &str) -> bool {
    const WORDS: [&str; 6] = ["CHMOD", "HELP", "IDLE", "MD5", "QUOTA", "UTIME"];
    WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The first line of a reply.
pub(super) fn reply(code: u16, text: &str) -> String {
    cut(&format!("{code} {text}"))
}

fn cut(line: &str) -> String {
    let end = line.floor_char_boundary(LENGTH);
    let mut shown: String =
        line[..end].chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if end < line.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let shown = |known, verb, argument: &str| command(known, verb, argument.as_bytes());
        assert_eq!(shown(Some("PASS"), "PASS", "sesame"), "PASS ********");
        assert_eq!(shown(Some("ACCT"), "ACCT", "sesame"), "ACCT ********");
        assert_eq!(shown(Some("SITE"), "SITE", "PSWD old new"), "SITE PSWD ********");
        assert_eq!(shown(Some("SITE"), "SITE", "s3same old"), "SITE ********");
        assert_eq!(shown(Some("SITE"), "SITE", "chmod 644 a"), "SITE chmod 644 a");
        assert_eq!(shown(None, "SESAME", "and more"), "(unknown command)");
        assert_eq!(shown(None, "s3sa", ""), "(unknown command)");
        assert_eq!(shown(None, "smnt", "sesame"), "SMNT (unknown command)");
        assert_eq!(shown(Some("RETR"), "RETR", "a\r\u{1b}[2Jb"), "RETR a\u{fffd}\u{fffd}[2Jb");
        assert_eq!(shown(Some("PWD"), "PWD", ""), "PWD");
        let long = shown(Some("STOR"), "STOR", &"ü".repeat(4000));
        assert!(long.len() <= LENGTH + 4 && long.ends_with('…'), "{long}");
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut dialogue = Dialogue::default();
        for number in 0..100 {
            dialogue.push(SystemTime::UNIX_EPOCH, number.to_string(), number % 2 == 1);
        }
        let lines = dialogue.lines();
        assert_eq!((lines.len(), &*lines[0].line, lines[LINES - 1].from), (LINES, "80", "server"));
    }
}
