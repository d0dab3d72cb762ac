//! TLS of the client, on the part of rustls that leaves the buffers to its caller: records are read a megabyte at a
//! time. The usual part reads 4 KiB at a time, and then a benchmark measures its client.
//!
//! rustls is asked again and again what it wants ([`Tls::turn`]) with all that was received and not yet used: to hand over
//! a record, to encode and send a message of its own, or to be given more. What came while something was to be sent waits in
//! `waiting` for the next who reads.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::unbuffered::{ConnectionState, EncryptError, UnbufferedStatus};
use rustls::{ClientConfig, HandshakeKind};

const INCOMING: usize = 1 << 20;
/// How much is encrypted before it is sent.
const OUTGOING: usize = 256 << 10;
/// Room for what each record of 16 KiB has around its content.
const OVERHEAD: usize = 8 << 10;
/// The longest record there is.
const MESSAGE: usize = 17 << 10;

/// The result of one step of the TLS machinery.
enum Turn {
    /// There is more for us to read, or for the machinery to do.
    Again,
    /// It needs more from the server.
    Starved,
    /// The server said that this was all.
    Closed,
}

/// How reading went on.
#[derive(PartialEq, Eq)]
enum Received {
    /// Bytes were handed over.
    Some,
    /// The server said that this was all.
    Closed,
    /// The connection ended, and the server had not said so.
    CutOff,
}

/// An encrypted connection.
pub struct Tls {
    connection: UnbufferedClientConnection,
    tcp: TcpStream,
    incoming: Vec<u8>,
    /// The part of `incoming` that was received and not yet used.
    start: usize,
    end: usize,
    outgoing: Vec<u8>,
    /// Messages of the protocol's own that wait for being sent.
    messages: Vec<u8>,
    handshaking: bool,
    /// Bytes that were decrypted and not yet read.
    waiting: VecDeque<u8>,
    /// The server said that this was all.
    closed: bool,
}

impl Tls {
    /// Shakes hands, with a server of this name.
    ///
    /// # Errors
    /// Why it failed.
    pub fn start(tcp: TcpStream, config: &Arc<ClientConfig>, host: &str) -> io::Result<Self> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connection =
            UnbufferedClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        let mut tls = Self {
            connection,
            tcp,
            incoming: vec![0; INCOMING],
            start: 0,
            end: 0,
            outgoing: Vec::new(),
            messages: Vec::new(),
            handshaking: true,
            waiting: VecDeque::new(),
            closed: false,
        };
        // A server may send right behind its part of the handshake.
        let mut early = VecDeque::new();
        while tls.handshaking {
            match tls.turn(&mut |bytes| early.extend(bytes))? {
                Turn::Again => {}
                Turn::Starved if tls.handshaking => {
                    if !tls.fill()? {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Turn::Starved => {}
                // With TLS 1.2, all of a short download may come with the end of the handshake.
                Turn::Closed if !tls.connection.is_handshaking() => break,
                Turn::Closed => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        tls.waiting = early;
        Ok(tls)
    }

    /// The socket below.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Whether it goes on with the TLS session of another connection.
    #[must_use]
    pub fn resumed(&self) -> bool {
        self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The certificate that the server showed.
    #[must_use]
    pub fn certificate(&self) -> Option<Vec<u8>> {
        self.connection.peer_certificates()?.first().map(|certificate| certificate.to_vec())
    }

    /// Hands over what came next; false at the end. A server that closes without saying so is believed: who asks
    /// knows by the size and by the reply whether all has come.
    ///
    /// # Errors
    /// The connection failed.
    pub fn receive(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        Ok(self.next(take)? == Received::Some)
    }

    fn next(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<Received> {
        if !self.waiting.is_empty() {
            take(self.waiting.make_contiguous());
            self.waiting.clear();
            return Ok(Received::Some);
        }
        let mut came = false;
        while !self.closed {
            match self.turn(&mut |bytes| {
                came = true;
                take(bytes);
            })? {
                Turn::Again if came => return Ok(Received::Some),
                Turn::Starved if !self.fill()? => return Ok(Received::CutOff),
                Turn::Again | Turn::Starved | Turn::Closed => {}
            }
        }
        Ok(Received::Closed)
    }

    /// Sends all of it.
    ///
    /// # Errors
    /// The connection failed.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.chunks(OUTGOING) {
            self.write(Some(part))?;
        }
        Ok(())
    }

    /// Says that this was all.
    ///
    /// # Errors
    /// The connection failed.
    pub fn close(&mut self) -> io::Result<()> {
        self.write(None)
    }

    /// Throws away what still comes, until the server closes: tickets that it sent and nobody read would make the system reset
    /// the connection, and take the end of an upload with it.
    ///
    /// # Errors
    /// The connection failed.
    pub fn drain(&mut self) -> io::Result<()> {
        while self.fill()? {
            self.start = 0;
            self.end = 0;
        }
        Ok(())
    }

    /// Ends TLS and keeps the connection: each side says that it ends.
    ///
    /// # Errors
    /// `UnexpectedEof` if the server does not say it.
    pub fn into_plain(mut self) -> io::Result<TcpStream> {
        self.close()?;
        loop {
            match self.next(&mut |_| {})? {
                Received::Some => {}
                Received::Closed => return Ok(self.tcp),
                Received::CutOff => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    /// Encrypts and sends, or says goodbye.
    fn write(&mut self, bytes: Option<&[u8]>) -> io::Result<()> {
        self.outgoing.resize(OUTGOING + OVERHEAD, 0);
        loop {
            let UnbufferedStatus { mut discard, state, .. } =
                self.connection.process_tls_records(&mut self.incoming[self.start..self.end]);
            let mut written = 0;
            let done = match state.map_err(wrong)? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(wrong)?;
                        discard += record.discard;
                        self.waiting.extend(record.payload);
                    }
                    false
                }
                ConnectionState::WriteTraffic(mut traffic) => {
                    written = match bytes {
                        Some(bytes) => traffic.encrypt(bytes, &mut self.outgoing),
                        None => traffic.queue_close_notify(&mut self.outgoing),
                    }
                    .map_err(|error: EncryptError| io::Error::other(error))?;
                    true
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    written = data.encode(&mut self.outgoing).map_err(io::Error::other)?;
                    false
                }
                ConnectionState::TransmitTlsData(data) => {
                    data.done();
                    false
                }
                // The server closed its half; ours is open still.
                ConnectionState::PeerClosed => {
                    self.closed = true;
                    false
                }
                other => return Err(io::Error::other(format!("can't send now: {other:?}"))),
            };
            self.start += discard;
            self.tcp.write_all(&self.outgoing[..written])?;
            if done {
                return Ok(());
            }
        }
    }

    fn turn(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<Turn> {
        let UnbufferedStatus { mut discard, state, .. } =
            self.connection.process_tls_records(&mut self.incoming[self.start..self.end]);
        let state = match state {
            Ok(state) => state,
            Err(error) => {
                self.alert();
                return Err(wrong(error));
            }
        };
        let turn = match state {
            ConnectionState::ReadTraffic(mut traffic) => {
                while let Some(record) = traffic.next_record() {
                    let record = record.map_err(wrong)?;
                    discard += record.discard;
                    take(record.payload);
                }
                Turn::Again
            }
            ConnectionState::EncodeTlsData(mut data) => {
                let length = self.messages.len();
                self.messages.resize(length + MESSAGE, 0);
                let written = data.encode(&mut self.messages[length..]).map_err(io::Error::other)?;
                self.messages.truncate(length + written);
                Turn::Again
            }
            ConnectionState::TransmitTlsData(data) => {
                self.tcp.write_all(&self.messages)?;
                self.messages.clear();
                data.done();
                Turn::Again
            }
            ConnectionState::WriteTraffic(_) => {
                self.handshaking = false;
                Turn::Starved
            }
            ConnectionState::BlockedHandshake => Turn::Starved,
            ConnectionState::PeerClosed | ConnectionState::Closed => {
                self.closed = true;
                Turn::Closed
            }
            other => return Err(io::Error::other(format!("unexpected: {other:?}"))),
        };
        self.start += discard;
        Ok(turn)
    }

    /// Sends an alert about the error. If the server doesn't listen any more, nothing can be done about that.
    fn alert(&mut self) {
        let status = self.connection.process_tls_records(&mut []);
        if let Ok(ConnectionState::EncodeTlsData(mut data)) = status.state {
            let mut message = vec![0; MESSAGE];
            let written = data.encode(&mut message).unwrap_or(0);
            self.tcp.write_all(&message[..written]).ok();
        }
    }

    /// Reads more; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.incoming.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let count = self.tcp.read(&mut self.incoming[self.end..])?;
        self.end += count;
        Ok(count > 0)
    }
}

impl Read for Tls {
    /// As rustls has it: an end that the server has not announced is an error.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.waiting.is_empty() {
            let mut decrypted = VecDeque::new();
            match self.next(&mut |bytes| decrypted.extend(bytes))? {
                Received::Some => self.waiting = decrypted,
                Received::Closed => return Ok(0),
                Received::CutOff => {
                    let text = "the server closed the connection without TLS's close_notify";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
                }
            }
        }
        self.waiting.read(buffer)
    }
}

fn wrong(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
