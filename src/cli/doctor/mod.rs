//! `wharf doctor`: what keeps clients from working with a server, and what helps.
//!
//! From outside it is a client of any FTP server (`outside`): what the server, and whatever stands before it, sends is not
//! trusted, and every wait has an end. From inside it looks at this machine with the server's configuration (`inside`).

mod findings;
mod inside;
mod outside;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};

use self::findings::{Format, Report};
use self::outside::Target;
use super::{Outcome, complain};
use crate::config::Secret;

/// What is wrong with a certificate that a server shows, and that is an authority's: what `openssl req -x509` makes by itself.
const AUTHORITYS_OWN: &str = "is an authority's own (CA:TRUE): clients that are built on rustls refuse it from a server; those on OpenSSL take it if they have \
     it as an authority";
const MAKE_A_SERVERS: &str =
    "make it with `openssl req -x509 -addext basicConstraints=critical,CA:FALSE`, or sign one for the server";

/// Find out what keeps clients from working, and what helps.
///
/// With a URL it is a client of that FTP server, of whatever make: connection, encryption, login, data connections. With
/// --config it looks at this machine: ports, certificates, backends, limits. Nothing is changed unless --write says so.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("subject").required(true).args(["url", "config"]),
    after_help = "\
Examples:
  wharf doctor ftp://partner@ftp.example.com
  wharf doctor --password-file secret --write /inbox ftp://partner@ftp.example.com
  wharf doctor --ports 61000-61099 --idle 10m ftps://partner@ftp.example.com:990
  wharf doctor --config /etc/wharf/wharf.yaml
  wharf doctor --config /etc/wharf/wharf.yaml --write --format json

The password is that of the URL, of --password-file or of the variable WHARF_DOCTOR_PASSWORD, or is asked for.

Exit status: 0 nothing has to be done, 1 there are problems, 2 bad configuration or usage."
)]
pub(super) struct Doctor {
    /// The server: ftp://USER@HOST[:PORT] (encrypted if it offers AUTH TLS) or ftps://USER@HOST[:PORT] (TLS from the beginning).
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// The configuration of the server of this machine.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The longest time to wait for each answer.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = wait)]
    timeout: Duration,
    /// How findings are shown.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Also store, read and remove a small file in this directory; with --config, in each backend.
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "")]
    write: Option<String>,
    /// A file whose first line is the password.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    password_file: Option<PathBuf>,
    /// The password.
    #[arg(long, value_name = "PASSWORD", env = "WHARF_DOCTOR_PASSWORD", hide = true, hide_env_values = true, value_parser = secret)]
    password: Option<Secret>,
    /// Certificates (PEM) that are trusted instead of the system's authorities.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    authorities: Option<PathBuf>,
    /// Log in even if the certificate can't be trusted.
    #[arg(long, conflicts_with = "config")]
    insecure: bool,
    /// Log in even if the server offers no encryption, so that the password can be read on its way.
    #[arg(long, conflicts_with = "config")]
    plain_text: bool,
    /// Also try to connect to each of these passive ports.
    #[arg(long, value_name = "FIRST-LAST", value_parser = ports, conflicts_with = "config")]
    ports: Option<RangeInclusive<u16>>,
    /// Also have the server connect to this machine (active mode).
    #[arg(long, conflicts_with = "config")]
    active: bool,
    /// Also be silent for so long, to see whether something on the way forgets the connection.
    #[arg(long, value_name = "DURATION", value_parser = idle, conflicts_with = "config")]
    idle: Option<Duration>,
}

fn duration(text: &str, most: Duration) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if (Duration::from_millis(1)..=most).contains(&duration) => Ok(duration),
        _ => Err(format!("expected a duration such as 10s, at most {}", humantime::format_duration(most))),
    }
}

fn wait(text: &str) -> Result<Duration, String> {
    duration(text, Duration::from_secs(10 * 60))
}

fn idle(text: &str) -> Result<Duration, String> {
    duration(text, Duration::from_secs(24 * 60 * 60))
}

fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) if (1..=last).contains(&first) => Ok(first..=last),
        _ => Err("expected a range such as 61000-61099".to_owned()),
    }
}

impl Doctor {
    pub(super) fn run(self) -> Outcome {
        let report = Report::new(self.format);
        match (&self.url, &self.config) {
            (Some(url), _) => {
                // Not by the command line's parser, which repeats what it refuses: there may be a password in it.
                let target = Target::parse(url);
                let wishes = target.and_then(|target| Ok((outside::Wishes::of(&self, &target)?, target)));
                match wishes {
                    Ok((wishes, target)) => outside::examine(&target, &wishes, report),
                    Err(reason) => {
                        complain(format_args!("wharf: {reason}"));
                        Outcome::Unusable
                    }
                }
            }
            (None, Some(file)) => inside::examine(file, self.timeout, self.write.as_deref(), report),
            // The command line demands one of them.
            (None, None) => Outcome::Unusable,
        }
    }
}
