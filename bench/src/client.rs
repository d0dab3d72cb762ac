//! FTP, as far as the measurements need it: passive, binary, one transfer at a time.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use crate::problem::{Doing, Problem, Result};
use crate::stream::{Stream, dial};
use crate::tls::Tls;

/// Who logs in.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    pub user: &'static str,
    pub password: &'static str,
}

#[derive(Debug)]
pub struct Reply {
    pub code: u16,
    /// Its last line.
    pub text: String,
}

pub struct Session {
    /// None only while the handshake goes on, and for good if it fails.
    control: Option<Stream>,
    lines: Lines,
    server: IpAddr,
    tls: Option<Arc<ClientConfig>>,
    /// A server that refuses EPSV is not asked again.
    extended: bool,
    /// How long the server may say nothing, and take nothing.
    silence: Duration,
    until: Instant,
}

impl Session {
    /// Connects and reads the greeting. Nothing may take longer than until then.
    pub fn connect(server: SocketAddr, silence: Duration, until: Instant) -> Result<Self> {
        let tcp = dial(server, silence).doing(|| format!("connecting to {server}"))?;
        let mut session = Self {
            control: Some(Stream::Plain(tcp)),
            lines: Lines::default(),
            server: server.ip(),
            tls: None,
            extended: true,
            silence,
            until,
        };
        session.expect("the greeting", &[220])?;
        Ok(session)
    }

    /// Encrypts the control connection, and all data connections to come.
    pub fn encrypt(&mut self, config: &Arc<ClientConfig>) -> Result<()> {
        self.command("AUTH TLS", &[234])?;
        let Some(Stream::Plain(tcp)) = self.control.take() else {
            return Err(Problem::new("AUTH TLS: encrypted already"));
        };
        let tls = Tls::start(tcp, config).doing(|| "the handshake of the control connection".to_owned())?;
        self.control = Some(Stream::Tls(Box::new(tls)));
        self.tls = Some(Arc::clone(config));
        Ok(())
    }

    pub fn login(&mut self, account: Account) -> Result<()> {
        let reply = self.command(&format!("USER {}", account.user), &[331, 230])?;
        if reply.code == 331 {
            self.command(&format!("PASS {}", account.password), &[230])?;
        }
        if self.tls.is_some() {
            self.command("PBSZ 0", &[200])?;
            self.command("PROT P", &[200])?;
        }
        Ok(())
    }

    pub fn binary(&mut self) -> Result<()> {
        self.command("TYPE I", &[200]).map(drop)
    }

    /// Sends a line and demands one of these replies.
    pub fn command(&mut self, line: &str, expected: &[u16]) -> Result<Reply> {
        self.send(line)?;
        self.expect(line, expected)
    }

    pub fn quit(mut self) -> Result<()> {
        self.command("QUIT", &[221]).map(drop)
    }

    /// Downloads, looks at nothing; how many bytes came.
    pub fn retrieve(&mut self, path: &str, buffer: &mut [u8]) -> Result<u64> {
        let (command, mut data) = self.transfer("RETR", path)?;
        let mut total = 0;
        loop {
            match data.discard(buffer).doing(|| format!("{command} after {total} bytes"))? {
                0 => break,
                count => total += count as u64,
            }
            self.in_time(&command)?;
        }
        drop(data);
        self.expect(&command, &[226, 250])?;
        Ok(total)
    }

    /// Downloads with RETR or LIST, and hands over what comes.
    pub fn fetch(&mut self, verb: &str, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<()> {
        let (command, mut data) = self.transfer(verb, path)?;
        let mut buffer = vec![0; 256 << 10];
        while data.receive(&mut buffer, take).doing(|| command.clone())? {
            self.in_time(&command)?;
        }
        drop(data);
        self.expect(&command, &[226, 250]).map(drop)
    }

    /// Uploads the block again and again until so many bytes are sent.
    pub fn store(&mut self, path: &str, block: &[u8], size: u64) -> Result<()> {
        self.store_in_steps(path, block, size, &mut || ())
    }

    /// The same with something to be done before each block, and once more when all are sent.
    pub fn store_in_steps(
        &mut self,
        path: &str,
        block: &[u8],
        size: u64,
        between: &mut dyn FnMut(),
    ) -> Result<()> {
        self.send_in_steps("STOR", path, block, size, between)
    }

    /// Puts the block behind the end of a file.
    pub fn append(&mut self, path: &str, block: &[u8]) -> Result<()> {
        self.send_in_steps("APPE", path, block, block.len() as u64, &mut || ())
    }

    fn send_in_steps(
        &mut self,
        verb: &str,
        path: &str,
        block: &[u8],
        size: u64,
        between: &mut dyn FnMut(),
    ) -> Result<()> {
        let (command, mut data) = self.transfer(verb, path)?;
        let mut left = size;
        while left > 0 {
            between();
            let part = &block[..block.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
            if let Err(error) = data.send(part) {
                drop(data);
                let reply = self.reply().map_or_else(|problem| problem.to_string(), |reply| reply.text);
                return Err(Problem::new(format!("{command}: {error}, then: {reply}")));
            }
            left -= part.len() as u64;
            self.in_time(&command)?;
        }
        between();
        data.finish().doing(|| format!("{command}: closing"))?;
        drop(data);
        self.expect(&command, &[226, 250]).map(drop)
    }

    fn transfer(&mut self, verb: &str, path: &str) -> Result<(String, Stream)> {
        let command = format!("{verb} {path}").trim_end().to_owned();
        let address = self.passive()?;
        let tcp = dial(address, self.silence).doing(|| format!("{command}: connecting to {address}"))?;
        self.command(&command, &[150, 125])?;
        let stream = match &self.tls {
            Some(config) => {
                let tls = Tls::start(tcp, config).doing(|| format!("{command}: the handshake"))?;
                Stream::Tls(Box::new(tls))
            }
            None => Stream::Plain(tcp),
        };
        Ok((command, stream))
    }

    fn passive(&mut self) -> Result<SocketAddr> {
        if self.extended {
            self.send("EPSV")?;
            let reply = self.reply()?;
            if reply.code == 229 {
                let port = extended_port(&reply.text).ok_or_else(|| wrong("EPSV", &reply))?;
                return Ok(SocketAddr::new(self.server, port));
            }
            self.extended = false;
        }
        let reply = self.command("PASV", &[227])?;
        let port = passive_port(&reply.text).ok_or_else(|| wrong("PASV", &reply))?;
        Ok(SocketAddr::new(self.server, port))
    }

    fn send(&mut self, line: &str) -> Result<()> {
        let control = self.control.as_mut().ok_or_else(|| Problem::new("the connection is lost"))?;
        control.send(format!("{line}\r\n").as_bytes()).doing(|| format!("sending {line}"))
    }

    fn expect(&mut self, what: &str, expected: &[u16]) -> Result<Reply> {
        self.in_time(what)?;
        let reply = self.reply().doing(|| what.to_owned())?;
        if expected.contains(&reply.code) { Ok(reply) } else { Err(wrong(what, &reply)) }
    }

    fn reply(&mut self) -> Result<Reply> {
        let control = self.control.as_mut().ok_or_else(|| Problem::new("the connection is lost"))?;
        loop {
            let line = self.lines.next(control)?;
            // RFC 959, 4.2: the line that ends a reply has a space after the code.
            let (code, text) = (line.get(..3).and_then(|code| code.parse().ok()), line.get(3..4));
            if let (Some(code), Some(" ") | None) = (code, text) {
                return Ok(Reply { code, text: line });
            }
        }
    }

    fn in_time(&self, what: &str) -> Result<()> {
        if Instant::now() < self.until {
            return Ok(());
        }
        Err(Problem::new(format!("{what}: the time for this measurement was over")))
    }
}

fn wrong(what: &str, reply: &Reply) -> Problem {
    Problem::new(format!("{what} was answered with \"{}\"", reply.text))
}

/// What came on a control connection and was not yet used.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
}

impl Lines {
    fn next(&mut self, control: &mut Stream) -> Result<String> {
        let mut buffer = [0; 1024];
        loop {
            if let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            let bytes = &mut self.bytes;
            let more = control
                .receive(&mut buffer, &mut |came| bytes.extend_from_slice(came))
                .doing(|| "waiting for a reply".to_owned())?;
            if !more {
                return Err(Problem::new("the server closed the control connection"));
            }
        }
    }
}

/// RFC 2428, 3: `229 … (|||6446|)`, with any character in the place of `|`.
fn extended_port(text: &str) -> Option<u16> {
    let inside = text.split_once('(')?.1.split_once(')')?.0;
    let delimiter = inside.chars().next()?;
    inside.split(delimiter).nth(3)?.parse().ok()
}

/// `227 … (h1,h2,h3,h4,p1,p2)`. The host is not looked at: it is the one of the control connection.
fn passive_port(text: &str) -> Option<u16> {
    let inside = text.split_once('(')?.1.split_once(')')?.0;
    let numbers: Vec<u8> =
        inside.split(',').map(|number| number.trim().parse().ok()).collect::<Option<_>>()?;
    match numbers[..] {
        [_, _, _, _, high, low] => Some(u16::from_be_bytes([high, low])),
        _ => None,
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
