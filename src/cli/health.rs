//! `wharf health`.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use url::{ParseError, Position, Url};

use super::{Outcome, complain, print};
use crate::config;
use crate::ops::http::NAME;

/// The URL that is asked by default.
const DEFAULT: &str = "http://127.0.0.1:9121/readyz";

/// The path that answers whether the server accepts new sessions.
const READY: &str = "/readyz";

/// The form of a URL that can be asked.
const EXPECTED: &str = "expected http://HOST:PORT/PATH";

/// How many bytes of an answer are read.
const ANSWER_SIZE: u64 = 8 * 1024;

/// Ask a running server whether it is ready.
///
/// For health checks and probes of containers: needs no shell and no other program.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf health
  wharf health --config /etc/wharf.yaml
  wharf health --url http://127.0.0.1:9121/livez --timeout 2s

Exit status: 0 ready, 1 not ready or not reachable, 2 bad configuration or usage.")]
pub(super) struct Health {
    /// The URL to ask on the server's HTTP port: /readyz (does it accept new sessions?) or /livez (does it answer?).
    #[arg(long, value_name = "URL", default_value = DEFAULT, value_parser = url, conflicts_with = "config")]
    url: Url,
    /// The server's configuration file: its first address in `http.listen` is asked. If the file is missing, the default URL is asked.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The longest time to wait for the answer.
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = timeout)]
    timeout: Duration,
}

fn url(text: &str) -> Result<Url, String> {
    // The parser repairs some errors, such as spaces or slashes too many. It reports each of them.
    let is_odd = Cell::new(false);
    let parsed = Url::options().syntax_violation_callback(Some(&|_| is_odd.set(true))).parse(text);
    let mut url = match parsed {
        Ok(url) if url.scheme() == "http" => url,
        Ok(_) | Err(ParseError::RelativeUrlWithoutBase) => {
            return Err("only URLs that begin with http:// can be asked".to_owned());
        }
        Err(ParseError::InvalidPort) => return Err("the port is not a number from 1 to 65535".to_owned()),
        Err(_) => return Err(EXPECTED.to_owned()),
    };
    // The parser takes no number for the default port; it is a variable that is not set.
    let authority = text.strip_prefix("http://").and_then(|rest| rest.split(['/', '?', '#']).next());
    let has_empty_port = authority.is_some_and(|authority| authority.ends_with(':'));
    let has_user = !url.username().is_empty() || url.password().is_some();
    if is_odd.get() || has_user || has_empty_port || url.port() == Some(0) {
        return Err(EXPECTED.to_owned());
    }
    if url.path() == "/" {
        url.set_path(READY);
    }
    Ok(url)
}

fn timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if (Duration::from_millis(1)..=Duration::from_secs(3600)).contains(&duration) => {
            Ok(duration)
        }
        _ => Err("expected a duration such as 2s, at most an hour".to_owned()),
    }
}

impl Health {
    pub(super) fn run(self) -> Outcome {
        let url = match &self.config {
            // A server that was started in another way, which a container image allows, has no such file.
            Some(path) if path.try_exists().is_ok_and(|exists| !exists) => {
                complain(format_args!("wharf: there is no {}, so {} is asked", path.display(), self.url));
                self.url
            }
            Some(path) => match configured(path) {
                Ok(url) => url,
                Err(outcome) => return outcome,
            },
            None => self.url,
        };
        match ask(&url, Instant::now() + self.timeout) {
            Ok(Answer { by_us: false, .. }) => {
                complain(format_args!("wharf: something else than Wharf answers at {url}"));
                Outcome::Failed
            }
            Ok(Answer { status: 200, text, .. }) => {
                print(format_args!("{url}: {text}"));
                Outcome::Fine
            }
            Ok(Answer { status, text, .. }) => {
                complain(format_args!("wharf: {url} answers {status}: {text}"));
                Outcome::Failed
            }
            Err(error) => {
                complain(format_args!("wharf: {url} can't be asked: {error}"));
                Outcome::Failed
            }
        }
    }
}

/// The URL at which this machine can ask a server with this configuration.
fn configured(path: &Path) -> Result<Url, Outcome> {
    let http =
        config::load_http(path, &crate::storages::KINDS, &crate::engine::ENGINES).map_err(|problems| {
            complain(problems);
            Outcome::Unusable
        })?;
    let Some(address) = http.listen.first().filter(|address| address.port() != 0) else {
        complain(format_args!("wharf: {} has no address for HTTP that could be asked", path.display()));
        return Err(Outcome::Failed);
    };
    url(&at(*address)).map_err(|reason| {
        complain(format_args!("wharf: {address} can't be asked: {reason}"));
        Outcome::Failed
    })
}

/// The URL at which this machine reaches a server that listens at `address`.
fn at(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}{READY}", SocketAddr::new(ip, address.port()))
}

/// The answer of the server.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// Whether the answer comes from Wharf: another program may have taken the port.
    by_us: bool,
    /// The first line of the body.
    text: String,
}

fn ask(url: &Url, deadline: Instant) -> io::Result<Answer> {
    let mut stream = connect(url, deadline)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    let target = &url[Position::BeforePath..Position::AfterQuery];
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    while (answer.len() as u64) < ANSWER_SIZE {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(late()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    parse(&answer).ok_or_else(|| io::Error::other("the answer is not HTTP"))
}

fn connect(url: &Url, deadline: Instant) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in url.socket_addrs(|| None)? {
        match TcpStream::connect_timeout(&address, left(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(late()) } else { Ok(left) }
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let answer = String::from_utf8_lossy(answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    let by_us = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(name, value)| name.eq_ignore_ascii_case("server") && value.trim() == NAME);
    let line = body.lines().next().unwrap_or_default();
    let text = line.chars().filter(|c| !c.is_control()).take(200).collect();
    Some(Answer { status: status.parse().ok()?, by_us, text })
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
