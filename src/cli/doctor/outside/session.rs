//! An FTP session of the doctor: commands and replies, and data connections.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use zeroize::Zeroizing;

use super::reply::{Lines, NoReply, Reply};
use super::wire::{NotTls, Wire};

/// The most bytes of a listing or file that are looked at.
pub(super) const MOST: usize = 1 << 20;

/// How long to look for a reply that nobody has asked for.
const UNASKED: Duration = Duration::from_millis(50);

/// "Service ready in nnn minutes" (RFC 959, section 4.2.2).
const NOT_READY: u16 = 120;

/// A control connection.
#[derive(Debug)]
pub(super) struct Session {
    wire: Wire,
    lines: Lines,
    timeout: Duration,
    /// A reply is missing, so that the next one may belong to an earlier command.
    is_lost: bool,
    /// How data connections are encrypted; `None`: not at all.
    pub(super) data: Option<Encryption>,
    /// The server did not encrypt data, although it should.
    sends_plain_data: bool,
}

/// What a server says before it is asked.
#[derive(Debug)]
pub(super) struct Greeting {
    /// That clients have to wait, if it was said.
    pub(super) delay: Option<Reply>,
    pub(super) reply: Result<Reply, NoReply>,
}

/// How a connection is encrypted.
#[derive(Debug, Clone)]
pub(super) struct Encryption {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
}

/// What to do over a data connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Move<'a> {
    Receive,
    Send(&'a [u8]),
}

/// What a transfer came to.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) bytes: Vec<u8>,
    /// There was more than [`MOST`].
    pub(super) is_cut: bool,
    /// Whether the data connection resumed a TLS session; `None` without TLS.
    pub(super) resumed: Option<bool>,
    /// The certificate that was shown, if one was.
    pub(super) certificate: Option<Vec<u8>>,
}

/// Why a transfer came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Control(#[from] NoReply),
    #[error("the server answered {}", .0.said())]
    Refused(Reply),
    /// The data connection was not made.
    #[error("no connection to {address}: {}", words(.error))]
    Unreached { address: SocketAddr, error: io::Error },
    /// It was made, and then failed.
    #[error("the data connection failed: {}", words(.0))]
    Broken(io::Error),
    /// It was made, and the server did not encrypt it, although it had said so.
    #[error("the server sends data unencrypted in spite of PROT P: {0}")]
    Unencrypted(io::Error),
    #[error("{0}")]
    Data(String),
}

impl Session {
    /// Over a connection whose greeting was not read yet.
    pub(super) fn new(wire: Wire, timeout: Duration) -> Self {
        Self { wire, lines: Lines::default(), timeout, is_lost: false, data: None, sends_plain_data: false }
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(super) fn raw(&mut self) -> &mut Wire {
        &mut self.wire
    }

    pub(super) fn reply(&mut self) -> Result<Reply, NoReply> {
        self.wire.within(self.timeout);
        let reply = self.lines.reply(&mut self.wire);
        self.is_lost |= reply.is_err();
        reply
    }

    /// The greeting. A server that is not ready says so first, and clients wait (RFC 959, section 5.4); here not longer than
    /// for any other reply, however often the server says it.
    pub(super) fn greeting(&mut self) -> Greeting {
        self.wire.within(self.timeout);
        let mut delay = None;
        loop {
            match self.lines.reply(&mut self.wire) {
                Ok(reply) if reply.code == NOT_READY => delay = Some(reply),
                reply => {
                    self.is_lost |= reply.is_err();
                    return Greeting { delay, reply };
                }
            }
        }
    }

    /// Whether it is of no more use.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Whether the server has sent data unencrypted that should be encrypted.
    pub(super) fn sends_plain_data(&self) -> bool {
        self.sends_plain_data
    }

    /// What the server has said without being asked, as before it hangs up.
    pub(super) fn unasked(&mut self) -> Option<Result<Reply, NoReply>> {
        self.wire.within(UNASKED);
        match self.lines.reply(&mut self.wire) {
            Err(NoReply::Late) => None,
            said => Some(said),
        }
    }

    pub(super) fn send(&mut self, line: &str) -> Result<(), NoReply> {
        // It may be a password.
        let line = Zeroizing::new(format!("{line}\r\n"));
        self.wire.within(self.timeout);
        let sent = self.wire.write_all(line.as_bytes()).and_then(|()| self.wire.flush());
        self.is_lost |= sent.is_err();
        Ok(sent?)
    }

    pub(super) fn command(&mut self, line: &str) -> Result<Reply, NoReply> {
        self.send(line)?;
        self.reply()
    }

    /// What the server has sent without being asked.
    pub(super) fn has_more(&self) -> bool {
        self.lines.has_more()
    }

    /// Shakes hands on the control connection.
    pub(super) fn encrypt(&mut self, encryption: &Encryption) -> io::Result<()> {
        self.wire.within(self.timeout);
        self.wire.encrypt(&encryption.config, &encryption.name)
    }

    pub(super) fn peer_ip(&self) -> io::Result<IpAddr> {
        Ok(self.wire.peer()?.ip().to_canonical())
    }

    /// Asks for a port for the next data connection: by EPSV, or by PASV with whatever address that names.
    pub(super) fn passive(&mut self, extended: bool) -> Result<SocketAddr, Failure> {
        let reply = self.command(if extended { "EPSV" } else { "PASV" })?;
        let port = match extended {
            true if reply.code == 229 => reply.port(),
            false if reply.code == 227 => reply.address().map(|address| address.port()),
            _ => return Err(Failure::Refused(reply)),
        };
        let port = port.filter(|port| *port > 0).ok_or_else(|| {
            Failure::Data(format!("the answer {} names no address that could be used", reply.said()))
        })?;
        // Wherever the reply leads: to another host, the doctor would knock on doors for a stranger.
        let mut address = self.wire.peer().map_err(NoReply::from)?;
        address.set_port(port);
        Ok(address)
    }

    /// Connects to a passive port, and moves data by this command.
    pub(super) fn transfer(
        &mut self,
        address: SocketAddr,
        command: &str,
        what: Move<'_>,
    ) -> Result<Moved, Failure> {
        let wire =
            Wire::connect(address, self.timeout).map_err(|error| Failure::Unreached { address, error })?;
        self.send(command)?;
        let begun = self.reply()?;
        if !begun.has_begun() {
            return Err(Failure::Refused(begun));
        }
        self.through(wire, what)
    }

    /// Moves data over a connection, as the server has said that it may begin.
    pub(super) fn through(&mut self, mut wire: Wire, what: Move<'_>) -> Result<Moved, Failure> {
        let timeout = self.timeout;
        let encryption = self.data.clone();
        let mut moved = || -> io::Result<(Vec<u8>, bool)> {
            wire.within(timeout);
            if let Some(Encryption { config, name }) = &encryption {
                wire.encrypt(config, name)?;
            }
            match what {
                Move::Receive => wire.rest(MOST),
                Move::Send(bytes) => {
                    wire.write_all(bytes)?;
                    wire.flush()?;
                    wire.finish()?;
                    Ok((Vec::new(), false))
                }
            }
        };
        let moved = moved();
        let resumed = encryption.is_some().then(|| wire.resumed());
        let certificate = wire.certificate();
        if let (Ok(_), Move::Send(_)) = (&moved, what) {
            // The server closes when it has read all.
            wire.within(timeout);
            let _closed_or_late = wire.rest(MOST);
        }
        drop(wire);
        let reply = self.reply();
        let moved = match moved {
            // Whatever the server says: the doctor has hung up.
            Err(error) if is_not_tls(&error) => {
                self.sends_plain_data = true;
                return Err(Failure::Unencrypted(error));
            }
            moved => moved,
        };
        // The reply says more than the end of the data connection.
        match (reply, moved) {
            (Ok(reply), Ok((bytes, is_cut))) if reply.is_fine() || (is_cut && reply.is_broken_off()) => {
                Ok(Moved { bytes, is_cut, resumed, certificate })
            }
            // The doctor gave up, so the reply says no more than that.
            (Ok(reply), Err(error)) if reply.is_fine() || (is_late(&error) && reply.is_broken_off()) => {
                Err(Failure::Broken(error))
            }
            (Ok(reply), _) => Err(Failure::Refused(reply)),
            (Err(_), Err(error)) => Err(Failure::Broken(error)),
            (Err(error), Ok(_)) => Err(error.into()),
        }
    }
}

/// Whether a handshake failed because the other side speaks no TLS.
pub(super) fn is_not_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<NotTls>())
}

pub(super) fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// A failure of a connection, in words.
pub(super) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no answer in time".to_owned(),
        io::ErrorKind::ConnectionRefused => "it was refused".to_owned(),
        io::ErrorKind::ConnectionReset => "it was reset".to_owned(),
        io::ErrorKind::UnexpectedEof => "it was closed".to_owned(),
        _ => match error.get_ref() {
            Some(inner) => inner.to_string(),
            None => error.to_string(),
        },
    }
}
