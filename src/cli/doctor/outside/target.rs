//! Whom to examine, and as whom.

use std::path::Path;

use url::{Host, Url};

use super::super::Doctor;
use crate::cli::complain;
use crate::cli::terminal::{self, Interrupts};
use crate::config::{Secret, read_file};

/// The longest password, as `wharf hash-password` has it.
const LONGEST_PASSWORD: usize = 8 * 1024;

/// What a login shows.
#[derive(Debug)]
pub(super) struct Password {
    pub(super) secret: Secret,
    /// It is nobody's: the one that everybody sends without an account.
    pub(super) is_nobodys: bool,
}

/// How a password would get to the server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Passage {
    Unencrypted {
        /// To this machine.
        is_here: bool,
    },
    /// To whoever shows a certificate that can't be trusted.
    Untrusted,
}

/// Consent of whoever asks, given on the command line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consent {
    pub(super) plain_text: bool,
    pub(super) insecure: bool,
}

impl Password {
    /// Whether it may go this way. Only the password itself counts: somebody called `ftp` may have a secret one.
    pub(super) fn may_go(&self, passage: Passage, consent: Consent) -> bool {
        let is_allowed = match passage {
            Passage::Unencrypted { is_here } => is_here || consent.plain_text,
            Passage::Untrusted => consent.insecure,
        };
        is_allowed || self.is_nobodys
    }
}

/// An FTP server, as a URL names it.
#[derive(Debug, Clone)]
pub(in super::super) struct Target {
    /// Whether connections begin with TLS.
    pub(super) implicit: bool,
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    password: Option<Secret>,
    /// The directory that is listed.
    pub(super) directory: Option<String>,
}

impl Target {
    /// From a URL. What is wrong with it is said without repeating it: it may hold a password.
    pub(in super::super) fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected ftp://USER@HOST[:PORT] or ftps://USER@HOST[:PORT]".to_owned();
        let url = Url::parse(text).map_err(|_| expected())?;
        let implicit = match url.scheme() {
            "ftp" => false,
            "ftps" => true,
            _ => return Err(expected()),
        };
        let host = match url.host().ok_or_else(expected)? {
            Host::Domain(name) => decoded(name)?,
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        if host.is_empty() || url.query().is_some() || url.fragment().is_some() {
            return Err(expected());
        }
        let port = url.port().unwrap_or(if implicit { 990 } else { 21 });
        if port == 0 {
            return Err("the port is not a number from 1 to 65535".to_owned());
        }
        let user = match url.username() {
            "" => "anonymous".to_owned(),
            user => decoded(user)?,
        };
        let password = url.password().map(decoded).transpose()?.map(Secret::new);
        let directory =
            Some(url.path()).filter(|path| !matches!(*path, "" | "/")).map(decoded).transpose()?;
        Ok(Self { implicit, host, port, user, password, directory })
    }

    /// Itself without a password.
    pub(super) fn shown(&self) -> String {
        let Self { implicit, host, port, user, .. } = self;
        let scheme = if *implicit { "ftps" } else { "ftp" };
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("{scheme}://{user}@{bracketed}:{port}")
    }

    pub(super) fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// The password, from where there is one first.
    pub(super) fn password(&self, doctor: &Doctor) -> Result<Password, String> {
        let mut is_nobodys = false;
        let secret = if let Some(file) = &doctor.password_file {
            first_line(file)?
        } else if let Some(password) = self.password.as_ref().or(doctor.password.as_ref()) {
            password.clone()
        } else if is_anonymous(&self.user) {
            is_nobodys = true;
            Secret::new("doctor@example.com")
        } else if terminal::is_there() {
            let interrupts = Interrupts::watch(|| complain("\nwharf: interrupted"));
            let interrupts = interrupts.map_err(|error| error.to_string())?;
            let prompt = format!("Password of {}: ", super::visible(&self.user));
            terminal::ask_hidden(&interrupts, &prompt)?
        } else {
            return Err("there is no password: --password-file FILE, or the variable WHARF_DOCTOR_PASSWORD"
                .to_owned());
        };
        match secret.expose() {
            text if text.len() > LONGEST_PASSWORD => Err("the password is too long".to_owned()),
            text if breaks_lines(text) => Err("the password has a line end, which FTP can't send".to_owned()),
            _ => Ok(Password { secret, is_nobodys }),
        }
    }
}

fn is_anonymous(user: &str) -> bool {
    user.eq_ignore_ascii_case("anonymous") || user.eq_ignore_ascii_case("ftp")
}

/// A line end in a part of the URL would be another command.
pub(super) fn breaks_lines(text: &str) -> bool {
    text.contains(['\r', '\n', '\0'])
}

fn decoded(part: &str) -> Result<String, String> {
    let bad = || "the URL has a part that is not UTF-8".to_owned();
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).filter(|_| *first == b'%').and_then(|digits| hex::decode(digits).ok());
        match digits {
            Some(byte) => {
                bytes.extend(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| bad())?;
    if breaks_lines(&text) {
        return Err("the URL has a line end in it, which FTP can't send".to_owned());
    }
    Ok(text)
}

fn first_line(file: &Path) -> Result<Secret, String> {
    let blame = |reason: String| format!("{}: {reason}", file.display());
    let bytes = read_file(file, 64 * 1024).map_err(|error| blame(error.to_string()))?;
    let text = Secret::new(String::from_utf8(bytes).map_err(|_| blame("it is not UTF-8".to_owned()))?);
    match text.expose().lines().next().unwrap_or_default() {
        "" => Err(blame("its first line is empty".to_owned())),
        line => Ok(Secret::new(line)),
    }
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
