//! A connection on which nothing takes longer than allowed, encrypted or not.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, StreamOwned};

use super::super::findings::quoted;

/// A TCP connection that fails with [`io::ErrorKind::TimedOut`] when the time is over, however few bytes come at a time.
#[derive(Debug)]
pub(super) struct Timed {
    tcp: TcpStream,
    deadline: Rc<Cell<Instant>>,
}

/// The other side sends something else than TLS, which begins like this.
#[derive(Debug, thiserror::Error)]
#[error("plain text came in place of TLS: {}", quoted(&String::from_utf8_lossy(.0)))]
pub(super) struct NotTls(Vec<u8>);

/// How many bytes tell TLS from anything else: a record has its type and the version 3.x in front (RFC 8446, section 5.1).
const TELLING: usize = 2;

/// How many bytes are shown of what is not TLS.
const SHOWN: usize = 60;

/// A connection in a handshake, with the first bytes that came.
struct Beginning<'a> {
    timed: &'a mut Timed,
    bytes: Vec<u8>,
}

impl Beginning<'_> {
    /// What came, if it can't be TLS.
    fn other_than_tls(self) -> Option<NotTls> {
        let is_tls = match self.bytes.get(..TELLING) {
            Some(start) => (20..=24).contains(&start[0]) && start[1] == 3,
            None => self.bytes.first().is_none_or(|first| (20..=24).contains(first)),
        };
        (!is_tls).then_some(NotTls(self.bytes))
    }
}

impl Read for Beginning<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.timed.read(buffer)?;
        let wanted = SHOWN.saturating_sub(self.bytes.len()).min(count);
        self.bytes.extend_from_slice(&buffer[..wanted]);
        Ok(count)
    }
}

impl Write for Beginning<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.timed.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.timed.flush()
    }
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.get().saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// The system calls it "would block".
fn late(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(Some(self.left()?))?;
        self.tcp.read(buffer).map_err(late)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(Some(self.left()?))?;
        self.tcp.write(bytes).map_err(late)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Wire {
    way: Way,
    deadline: Rc<Cell<Instant>>,
}

#[derive(Debug)]
enum Way {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
    /// Lost in a handshake.
    Gone,
}

impl Wire {
    pub(super) fn connect(address: SocketAddr, within: Duration) -> io::Result<Self> {
        let tcp = TcpStream::connect_timeout(&address, within).map_err(late)?;
        tcp.set_nodelay(true)?;
        Ok(Self::over(tcp, within))
    }

    /// Over a connection that there is.
    pub(super) fn over(tcp: TcpStream, within: Duration) -> Self {
        let deadline = Rc::new(Cell::new(Instant::now() + within));
        Self { way: Way::Plain(Timed { tcp, deadline: Rc::clone(&deadline) }), deadline }
    }

    /// From now on it may take so long altogether.
    pub(super) fn within(&self, time: Duration) {
        self.deadline.set(Instant::now() + time);
    }

    pub(super) fn peer(&self) -> io::Result<SocketAddr> {
        self.tcp()?.peer_addr()
    }

    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        self.tcp()?.local_addr()
    }

    fn tcp(&self) -> io::Result<&TcpStream> {
        match &self.way {
            Way::Plain(timed) => Ok(&timed.tcp),
            Way::Tls(stream) => Ok(&stream.get_ref().tcp),
            Way::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Shakes hands. Fails with [`NotTls`] if the other side does not.
    pub(super) fn encrypt(
        &mut self,
        config: &Arc<ClientConfig>,
        name: &ServerName<'static>,
    ) -> io::Result<()> {
        let Way::Plain(mut timed) = std::mem::replace(&mut self.way, Way::Gone) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let mut connection =
            ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
        let mut beginning = Beginning { timed: &mut timed, bytes: Vec::new() };
        while connection.is_handshaking() {
            if let Err(error) = connection.complete_io(&mut beginning) {
                // Whoever has sent something and hung up does not take the first message, and what was sent is still there to read.
                if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) {
                    let _nothing = beginning.read(&mut [0; SHOWN]);
                }
                return Err(beginning.other_than_tls().map_or(error, io::Error::other));
            }
        }
        self.way = Way::Tls(Box::new(StreamOwned::new(connection, timed)));
        Ok(())
    }

    fn connection(&self) -> Option<&ClientConnection> {
        if let Way::Tls(stream) = &self.way { Some(&stream.conn) } else { None }
    }

    pub(super) fn version(&self) -> Option<ProtocolVersion> {
        self.connection()?.protocol_version()
    }

    pub(super) fn resumed(&self) -> bool {
        self.connection()
            .is_some_and(|connection| connection.handshake_kind() == Some(HandshakeKind::Resumed))
    }

    /// The server's own certificate, in DER.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        self.connection()?.peer_certificates()?.first().map(|der| der.to_vec())
    }

    /// No more will be sent.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match &mut self.way {
            Way::Tls(stream) => {
                stream.conn.send_close_notify();
                stream.flush()?;
                stream.get_ref().tcp.shutdown(std::net::Shutdown::Write)
            }
            Way::Plain(timed) => timed.tcp.shutdown(std::net::Shutdown::Write),
            Way::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// What comes until the end, or until there is more of it than anybody needs; and whether there is.
    pub(super) fn rest(&mut self, most: usize) -> io::Result<(Vec<u8>, bool)> {
        let mut bytes = Vec::new();
        match self.take(most as u64 + 1).read_to_end(&mut bytes) {
            // Many servers end TLS without a word.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            read => {
                read?;
            }
        }
        let is_cut = bytes.len() > most;
        bytes.truncate(most);
        Ok((bytes, is_cut))
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.way {
            Way::Plain(timed) => timed.read(buffer),
            Way::Tls(stream) => stream.read(buffer),
            Way::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.way {
            Way::Plain(timed) => timed.write(bytes),
            Way::Tls(stream) => stream.write(bytes),
            Way::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.way {
            Way::Plain(timed) => timed.flush(),
            Way::Tls(stream) => stream.flush(),
            Way::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}
