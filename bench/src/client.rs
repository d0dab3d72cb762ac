//! FTP, as far as the measurements need it: passive, binary, one transfer at a time.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use wharf_testing::ftp::{Control, Reply, Stream};

use crate::problem::{Doing, Problem, Result};
use crate::stream::{CONNECT, dial, discard, finish, receive};

/// A name and a password.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    pub user: &'static str,
    pub password: &'static str,
}

pub struct Session {
    control: Control,
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
        let control =
            Control::connect(server, CONNECT, silence).doing(|| format!("connecting to {server}"))?;
        let mut session = Self { control, server: server.ip(), tls: None, extended: true, silence, until };
        session.expect("the greeting", &[220])?;
        Ok(session)
    }

    /// Encrypts the control connection, and all data connections to come.
    pub fn encrypt(&mut self, config: &Arc<ClientConfig>) -> Result<()> {
        self.command("AUTH TLS", &[234])?;
        self.control.encrypt(config).doing(|| "the handshake of the control connection".to_owned())?;
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

    /// Sends a line; whatever is answered.
    pub fn ask(&mut self, line: &str) -> Result<Reply> {
        self.send(line)?;
        self.in_time(line)?;
        self.reply().doing(|| line.to_owned())
    }

    pub fn quit(mut self) -> Result<()> {
        self.command("QUIT", &[221]).map(drop)
    }

    /// Downloads, looks at nothing; how many bytes came.
    pub fn retrieve(&mut self, path: &str, buffer: &mut [u8]) -> Result<u64> {
        let (command, mut data) = self.transfer("RETR", path)?;
        let mut total = 0;
        loop {
            match discard(&mut data, buffer).doing(|| format!("{command} after {total} bytes"))? {
                0 => break,
                count => total += count as u64,
            }
            self.in_time(&command)?;
        }
        drop(data);
        self.expect(&command, &[226, 250])?;
        Ok(total)
    }

    /// Downloads, looks at nothing but the number of bytes that came each time, and stops when it is told to; whether all
    /// came. If not, the session is good for nothing more.
    pub fn retrieve_while(
        &mut self,
        path: &str,
        buffer: &mut [u8],
        go_on: &mut dyn FnMut(u64) -> bool,
    ) -> Result<bool> {
        let (command, mut data) = self.transfer("RETR", path)?;
        loop {
            let count = discard(&mut data, buffer).doing(|| command.clone())?;
            if count == 0 {
                break;
            }
            if !go_on(count as u64) {
                return Ok(false);
            }
            self.in_time(&command)?;
        }
        drop(data);
        self.expect(&command, &[226, 250])?;
        Ok(true)
    }

    /// Downloads with RETR or LIST, and hands over what comes.
    pub fn fetch(&mut self, verb: &str, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<()> {
        let (command, mut data) = self.transfer(verb, path)?;
        let mut buffer = vec![0; 256 << 10];
        while receive(&mut data, &mut buffer, take).doing(|| command.clone())? {
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
            if let Err(error) = data.write_all(part) {
                drop(data);
                let reply = self
                    .reply()
                    .map_or_else(|problem| problem.to_string(), |reply| reply.last_line().to_owned());
                return Err(Problem::new(format!("{command}: {error}, then: {reply}")));
            }
            left -= part.len() as u64;
            self.in_time(&command)?;
        }
        between();
        finish(&mut data).doing(|| format!("{command}: closing"))?;
        drop(data);
        self.expect(&command, &[226, 250]).map(drop)
    }

    fn transfer(&mut self, verb: &str, path: &str) -> Result<(String, Stream)> {
        let command = format!("{verb} {path}").trim_end().to_owned();
        let address = self.passive()?;
        let tcp = dial(address, self.silence).doing(|| format!("{command}: connecting to {address}"))?;
        self.command(&command, &[150, 125])?;
        let stream = match &self.tls {
            Some(config) => Stream::encrypt(tcp, config).doing(|| format!("{command}: the handshake"))?,
            None => Stream::Plain(tcp),
        };
        Ok((command, stream))
    }

    fn passive(&mut self) -> Result<SocketAddr> {
        if self.extended {
            self.send("EPSV")?;
            let reply = self.reply()?;
            if reply.code == 229 {
                let port = reply.extended_port().ok_or_else(|| wrong("EPSV", &reply))?;
                return Ok(SocketAddr::new(self.server, port));
            }
            self.extended = false;
        }
        let reply = self.command("PASV", &[227])?;
        // The host is not looked at: it is the one of the control connection.
        let address = reply.passive_address().ok_or_else(|| wrong("PASV", &reply))?;
        Ok(SocketAddr::new(self.server, address.port()))
    }

    fn send(&mut self, line: &str) -> Result<()> {
        self.control.send(format!("{line}\r\n").as_bytes()).doing(|| format!("sending {line}"))
    }

    fn expect(&mut self, what: &str, expected: &[u16]) -> Result<Reply> {
        self.in_time(what)?;
        let reply = self.reply().doing(|| what.to_owned())?;
        if expected.contains(&reply.code) { Ok(reply) } else { Err(wrong(what, &reply)) }
    }

    fn reply(&mut self) -> Result<Reply> {
        self.control.reply(|_| ()).doing(|| "waiting for a reply".to_owned())
    }

    fn in_time(&self, what: &str) -> Result<()> {
        if Instant::now() < self.until {
            return Ok(());
        }
        Err(Problem::new(format!("{what}: the time for this measurement was over")))
    }
}

fn wrong(what: &str, reply: &Reply) -> Problem {
    Problem::new(format!("{what} was answered with \"{}\"", reply.last_line()))
}
