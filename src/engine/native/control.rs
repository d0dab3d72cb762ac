//! The control connection.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use wharf_backends::threads::Waiter;

use super::codec::{Decoded, Decoder};
use super::reply::Reply;
use super::socket::Socket;
use crate::charset::Charset;
use crate::ops::metrics::Metrics;
use crate::visit::facts::{Facts, What, Who};

/// How long a client may take to read a reply: its session must not wait for ever.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the end of TLS may take, on a connection that goes on or is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often to look for the rest of a record.
const PIECES_PAUSE: Duration = Duration::from_millis(10);

/// How many bytes of commands are read while a password is checked. The rest waits in the kernel.
const READ_AHEAD: usize = 4 * 1024;

enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
    /// While one becomes the other, and after a failure to do so.
    Gone,
}

/// Reads commands and writes replies.
pub(super) struct Control {
    stream: Stream,
    decoder: Decoder,
    pub(super) charset: Charset,
    pub(super) metrics: Arc<Metrics>,
    /// The code of the last reply.
    pub(super) replied: u16,
    /// Who hears of each reply, if somebody wants to.
    echo: Option<Box<Echo>>,
}

/// Whoever hears of the replies of a session.
pub(super) struct Echo {
    pub(super) facts: Arc<Facts>,
    pub(super) session: u64,
    pub(super) peer: SocketAddr,
}

impl Echo {
    fn hears(&self, reply: &Reply) {
        let who = Who { session: self.session, user: "", peer: self.peer };
        self.facts.tell(who, What::Reply { code: reply.code, text: reply.first() });
    }
}

impl Control {
    pub(super) fn new(stream: TcpStream, metrics: Arc<Metrics>, echo: Option<Echo>) -> Self {
        // Telnet's Synch is an out-of-band byte; read in order among the others it does no harm (RFC 1123, 4.1.2.10).
        if let Err(error) = rustix::net::sockopt::set_socket_oobinline(&stream, true) {
            tracing::debug!(%error, "can't set SO_OOBINLINE");
        }
        Self {
            stream: Stream::Plain(Socket::new(stream)),
            decoder: Decoder::default(),
            charset: Charset::Utf8,
            metrics,
            replied: 0,
            echo: echo.map(Box::new),
        }
    }

    /// Waits until the client no longer waits for an answer: it has closed the connection and left no command to read,
    /// or the connection was lost. Commands that arrive meanwhile are kept.
    pub(super) async fn gone(&mut self) {
        while self.decoder.waiting() < READ_AHEAD {
            match self.read().await {
                Ok(0) if self.decoder.waiting() == 0 => return,
                // Simple clients send all their commands, and then only listen.
                Ok(0) => break,
                Ok(_) => {}
                Err(_) => return,
            }
        }
        std::future::pending().await
    }

    /// The next command; `None` at the end of the connection. Cancel safe: no bytes are lost.
    pub(super) async fn next(&mut self) -> io::Result<Option<Decoded>> {
        loop {
            if let Some(decoded) = self.decoder.decode() {
                return Ok(Some(decoded));
            }
            if self.read().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads available bytes; 0 at the end of the connection.
    async fn read(&mut self) -> io::Result<usize> {
        let decoder = &mut self.decoder;
        match &mut self.stream {
            Stream::Plain(socket) => loop {
                // An idle session has no buffer.
                decoder.rest();
                socket.readable().await?;
                match socket.try_read_buf(decoder.buffer()) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return read,
                }
            },
            Stream::Tls(stream) => match stream.read_buf(decoder.buffer()).await {
                // The end without TLS's close_notify, as many clients do it.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                read => read,
            },
            Stream::Gone => Ok(0),
        }
    }

    /// Sends a reply. Gives up on a client that doesn't read.
    pub(super) async fn send(&mut self, reply: &Reply) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(128);
        reply.encode(self.charset, &mut bytes);
        self.metrics.reply(reply.code);
        self.replied = reply.code;
        if let Some(echo) = &self.echo {
            echo.hears(reply);
        }
        self.send_bytes(&bytes).await
    }

    pub(super) async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let send = async {
            match &mut self.stream {
                Stream::Plain(stream) => stream.write_all(bytes).await,
                Stream::Tls(stream) => {
                    stream.write_all(bytes).await?;
                    stream.flush().await
                }
                Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
            }
        };
        match tokio::time::timeout(REPLY_TIMEOUT, send).await {
            Ok(sent) => sent,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read replies")),
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Whether the client has closed the connection or the connection was lost, even if there are bytes to read.
    pub(super) fn is_lost(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => is_lost(stream),
            Stream::Tls(stream) => is_lost(stream.get_ref().0),
            Stream::Gone => true,
        }
    }

    /// Whether bytes have arrived that [`next`](Self::next) has not read.
    pub(super) fn has_unread_bytes(&self) -> bool {
        let unread = match &self.stream {
            Stream::Plain(stream) => rustix::io::ioctl_fionread(stream),
            Stream::Tls(stream) => rustix::io::ioctl_fionread(stream.get_ref().0),
            Stream::Gone => return false,
        };
        unread.is_ok_and(|bytes| bytes > 0)
    }

    /// Whether the client is gone and no command is left to read. A simple client sends QUIT after its last command and
    /// closes its side at once, and wants that command carried out. Over TLS, its close_notify is always left to read.
    pub(super) fn is_abandoned(&self) -> bool {
        let is_read = match &self.stream {
            Stream::Plain(stream) => {
                self.decoder.waiting() == 0
                    && rustix::io::ioctl_fionread(stream).is_ok_and(|bytes| bytes == 0)
            }
            Stream::Tls(_) | Stream::Gone => true,
        };
        is_read && self.is_lost()
    }

    /// Watches whether the client is there while a command uses this connection; `None` if the connection is gone.
    pub(super) fn watch(&self) -> Option<Watch> {
        let (socket, is_plain) = match &self.stream {
            Stream::Plain(socket) => (socket, true),
            Stream::Tls(stream) => (stream.get_ref().0, false),
            Stream::Gone => return None,
        };
        Some(Watch { socket: socket.clone(), is_plain, has_more: self.decoder.waiting() > 0 })
    }

    /// Waits until the client has sent bytes, which are still to be read; `false` if it has closed the connection.
    pub(super) async fn sends_something(&self) -> io::Result<bool> {
        match &self.stream {
            Stream::Plain(stream) => Ok(stream.peek(&mut [0]).await? > 0),
            Stream::Tls(_) | Stream::Gone => Ok(true),
        }
    }

    /// The TCP connection, to begin TLS on it. Commands that arrived before the handshake are forgotten: anyone on the
    /// way could have sent them.
    pub(super) fn take_plain(&mut self) -> io::Result<Socket> {
        self.decoder.clear();
        match std::mem::replace(&mut self.stream, Stream::Gone) {
            Stream::Plain(stream) => Ok(stream),
            stream => {
                self.stream = stream;
                Err(io::Error::other("already encrypted"))
            }
        }
    }

    /// Continues over TLS.
    pub(super) fn put_tls(&mut self, stream: TlsStream<Socket>) {
        self.stream = Stream::Tls(Box::new(stream));
    }

    /// Continues in plain text (CCC; RFC 4217, section 12.3): the server ends TLS, and the TCP connection stays. Some
    /// clients answer with their own close_notify, some don't.
    pub(super) async fn end_tls(&mut self, patience: Duration) -> io::Result<()> {
        let Stream::Tls(mut stream) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(io::Error::other("not encrypted"));
        };
        let end = async {
            stream.get_mut().1.send_close_notify();
            stream.flush().await?;
            let (mut tcp, connection) = stream.into_inner();
            // It arrived together with the command.
            if connection.is_handshaking() || connection.wants_write() {
                return Err(io::Error::other("TLS can't end now"));
            }
            loop {
                // The rest of TLS arrives in records, and no command begins like a record.
                let mut header = [0; 5];
                let seen = tcp.peek(&mut header).await?;
                match header[..seen] {
                    [] => return Ok(tcp),
                    [20..=23, 3, ..] if seen == header.len() => {
                        tcp.read_exact(&mut header).await?;
                        let mut record = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
                        tcp.read_exact(&mut record).await?;
                    }
                    // A part of the record is still missing.
                    [20..=23] | [20..=23, 3, ..] => tokio::time::sleep(PIECES_PAUSE).await,
                    _ => return Ok(tcp),
                }
            }
        };
        match tokio::time::timeout(patience, end).await {
            Ok(Ok(tcp)) => {
                self.stream = Stream::Plain(tcp);
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "the client says nothing after the end of TLS"))
            }
        }
    }

    /// Closes in good order: sent replies arrive even if the client has sent more than was read.
    pub(super) async fn close(&mut self) {
        let mut stream = std::mem::replace(&mut self.stream, Stream::Gone);
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, async {
            match &mut stream {
                Stream::Plain(stream) => stream.shutdown().await,
                Stream::Tls(stream) => stream.shutdown().await,
                Stream::Gone => return Ok(()),
            }?;
            // Unread bytes would make the kernel send a reset, and the client would lose the last reply.
            let tcp: &TcpStream = match &stream {
                Stream::Plain(stream) => stream,
                Stream::Tls(stream) => stream.get_ref().0,
                Stream::Gone => return Ok(()),
            };
            let mut waste = [0; 512];
            for _ in 0..128 {
                match tcp.try_read(&mut waste) {
                    Ok(count) if count > 0 => {}
                    _ => break,
                }
            }
            io::Result::Ok(())
        })
        .await;
    }
}

/// The socket of a control connection, while other code uses the connection.
pub(super) struct Watch {
    socket: Socket,
    is_plain: bool,
    /// Commands were read that wait for their turn.
    has_more: bool,
}

impl Waiter for Watch {
    /// Like [`Control::is_abandoned`].
    fn is_gone(&self) -> bool {
        let socket = &self.socket;
        let is_read = !self.is_plain
            || !self.has_more && rustix::io::ioctl_fionread(socket).is_ok_and(|bytes| bytes == 0);
        is_read && is_lost(socket)
    }
}

fn is_lost(socket: impl AsFd) -> bool {
    let mut fds = [PollFd::new(&socket, PollFlags::RDHUP)];
    match poll(&mut fds, Some(&rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(_) => {
            let gone = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
            fds[0].revents().intersects(gone)
        }
        Err(_) => false,
    }
}
