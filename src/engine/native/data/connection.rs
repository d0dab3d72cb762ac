//! An open data connection.

use std::io;
use std::net::TcpStream as StdStream;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use rustls::ProtocolVersion;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::task::AbortOnDropHandle;

use super::TransferError;
use super::wire::Wire;

/// How long the client may take to end a connection whose transfer is over, before it is closed regardless.
const LINGER: Duration = Duration::from_secs(5);

/// The end of TLS takes a record or two.
const LINGER_BYTES: usize = 64 * 1024;

/// How much of an upload that can't be stored is discarded.
const DISCARDED_BYTES: usize = 32 * 1024 * 1024;

/// A data connection, in plain text or over TLS.
pub(in super::super) enum DataConnection {
    Plain(Plain),
    Tls {
        stream: Box<TlsStream<Wire>>,
        /// Whether the end of TCP alone is taken for the end of the data.
        lenient: bool,
    },
    /// A thread of a disk has it.
    Lent(Lent),
}

/// The socket of a connection that is lent; dropping this closes the connection.
pub(in super::super) struct Lent(Option<Arc<StdStream>>);

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(socket) = self.0.take() {
            let _ = rustix::net::shutdown(&*socket, rustix::net::Shutdown::Both);
        }
    }
}

/// What a thread of a disk gets of a connection whose bytes it stores.
pub(super) enum Loan {
    Plain(Arc<TcpStream>),
    Tls { stream: Box<TlsStream<Wire>>, lenient: bool },
}

/// A data connection in plain text, shared with the thread that sends or stores a file.
pub(in super::super) struct Plain(Arc<TcpStream>);

impl Plain {
    /// Whether a thread has it, too.
    fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Discards up to `left` received bytes.
    async fn discard(&self, mut left: usize) {
        let mut waste = vec![0; 16 * 1024];
        while self.0.readable().await.is_ok() {
            match self.0.try_read(&mut waste) {
                Ok(count) if count > 0 && left >= count => left -= count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return,
            }
        }
    }
}

impl Deref for Plain {
    type Target = Arc<TcpStream>;

    fn deref(&self) -> &Arc<TcpStream> {
        &self.0
    }
}

impl Drop for Plain {
    /// Without this, a thread that waits for a disk would keep the connection open.
    fn drop(&mut self) {
        if self.is_shared() {
            let _ = rustix::net::shutdown(&*self.0, rustix::net::Shutdown::Both);
        }
    }
}

impl DataConnection {
    /// The version of TLS that protects it, if any does.
    pub(super) fn tls_version(&self) -> Option<&'static str> {
        match self {
            // A connection is lent later than this is asked.
            Self::Plain(_) | Self::Lent(_) => None,
            Self::Tls { stream, .. } => stream.get_ref().1.protocol_version().map(|version| match version {
                ProtocolVersion::TLSv1_3 => "1.3",
                _ => "1.2",
            }),
        }
    }

    pub(super) fn plain(stream: TcpStream) -> Self {
        Self::Plain(Plain(Arc::new(stream)))
    }

    pub(super) fn tls(stream: TlsStream<Wire>, lenient: bool) -> Self {
        Self::Tls { stream: Box::new(stream), lenient }
    }

    /// Lends it to a thread of a disk.
    pub(super) fn lend(&mut self) -> Result<Loan, TransferError> {
        let lent = match self {
            Self::Plain(stream) => return Ok(Loan::Plain(Arc::clone(stream))),
            Self::Tls { stream, .. } => {
                Lent(Some(stream.get_mut().0.give_to_thread().map_err(TransferError::DataConnection)?))
            }
            Self::Lent(_) => return Err(is_lent()),
        };
        match std::mem::replace(self, Self::Lent(lent)) {
            Self::Tls { stream, lenient } => Ok(Loan::Tls { stream, lenient }),
            Self::Plain(_) | Self::Lent(_) => Err(is_lent()),
        }
    }

    /// Takes it back.
    pub(super) fn take_back(&mut self, loan: Loan) -> Result<(), TransferError> {
        if let Loan::Tls { mut stream, lenient } = loan {
            if let Self::Lent(lent) = self {
                lent.0 = None;
            }
            stream.get_mut().0.give_to_runtime().map_err(TransferError::DataConnection)?;
            *self = Self::Tls { stream, lenient };
        }
        Ok(())
    }

    /// Reads available bytes into the room of the buffer, at most so many; 0 at the end of the data.
    pub(super) async fn read(&mut self, buffer: &mut BytesMut, most: usize) -> Result<usize, TransferError> {
        let mut buffer = buffer.limit(most);
        match self {
            Self::Plain(stream) => loop {
                stream.readable().await.map_err(TransferError::DataConnection)?;
                match stream.try_read_buf(&mut buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return read.map_err(TransferError::DataConnection),
                }
            },
            Self::Tls { stream, lenient } => match stream.read_buf(&mut buffer).await {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && *lenient => Ok(0),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(TransferError::NotClosed),
                read => read.map_err(TransferError::DataConnection),
            },
            Self::Lent(_) => Err(is_lent()),
        }
    }

    /// Writes some of the bytes; returns how many.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<usize, TransferError> {
        let written = match self {
            Self::Plain(stream) => loop {
                stream.writable().await.map_err(TransferError::DataConnection)?;
                match stream.try_write(bytes) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    written => break written,
                }
            },
            Self::Tls { stream, .. } => stream.write(bytes).await,
            Self::Lent(_) => return Err(is_lent()),
        };
        match written {
            Ok(0) => Err(TransferError::DataConnection(io::ErrorKind::WriteZero.into())),
            written => written.map_err(TransferError::DataConnection),
        }
    }

    /// Marks the end of the data: TLS has an alert for it (RFC 8446, section 6.1). In plain text the end of the connection
    /// is the mark, which is [closed](Self::linger) next.
    pub(in super::super) async fn finish(&mut self) -> Result<(), TransferError> {
        match self {
            // A client that has reset it already did not get all.
            Self::Plain(stream) => match stream.take_error() {
                Ok(None) => Ok(()),
                Ok(Some(error)) | Err(error) => Err(TransferError::DataConnection(error)),
            },
            Self::Tls { stream, .. } => stream.shutdown().await.map_err(TransferError::DataConnection),
            Self::Lent(_) => Err(is_lent()),
        }
    }

    /// The same at the end of what the client has sent. Nothing is left of a connection in plain text: whatever happened
    /// to it would only wake the server.
    pub(in super::super) async fn received(mut self) -> Option<Self> {
        // All is here; whether the client hears of it makes no difference.
        let _ = self.finish().await;
        matches!(self, Self::Tls { .. }).then_some(self)
    }

    /// Closes the connection, but not at once: bytes that the client still sends would be answered with a reset, and
    /// the client would lose what it has not read yet. `wanted`: whether the client's bytes were to be stored. If the
    /// rest of an upload can't be stored, a client that has sent all of it can then read the reply with the reason.
    pub(in super::super) fn linger(self, wanted: bool) -> Option<Linger> {
        let most = if wanted { LINGER_BYTES } else { DISCARDED_BYTES };
        let linger = match self {
            // The client sends nothing on such a connection.
            Self::Plain(_) if wanted => return None,
            Self::Plain(stream) => tokio::spawn(async move {
                let _ = tokio::time::timeout(LINGER, stream.discard(most)).await;
                if stream.is_shared() {
                    // A client that goes on sending must not wait for the disk.
                    let _ = rustix::net::connect_unspec(&**stream);
                }
            }),
            Self::Tls { stream, .. } => tokio::spawn(async move {
                let _ = tokio::time::timeout(LINGER, discard(stream, most)).await;
            }),
            Self::Lent(_) if wanted => return None,
            // The disk hangs, and its thread has the connection: what the client still sends is thrown away as it comes.
            // However this ends, also before it has begun, the guard ends the connection, which the thread would keep open.
            Self::Lent(lent) => {
                let socket = Arc::clone(lent.0.as_ref()?);
                let stream = socket.try_clone().and_then(TcpStream::from_std).ok()?;
                tokio::spawn(async move {
                    let _ends = lent;
                    let stream = Plain(Arc::new(stream));
                    let _ = tokio::time::timeout(LINGER, stream.discard(most)).await;
                    let _ = rustix::net::connect_unspec(&*socket);
                })
            }
        };
        Some(Linger(AbortOnDropHandle::new(linger)))
    }
}

fn is_lent() -> TransferError {
    TransferError::DataConnection(io::Error::other("a thread of the disk has it"))
}

/// Discards up to `left` received bytes.
async fn discard(mut stream: Box<TlsStream<Wire>>, mut left: usize) {
    let mut waste = vec![0; 16 * 1024];
    while let Ok(count) = stream.read(&mut waste).await
        && count > 0
        && left >= count
    {
        left -= count;
    }
}

/// A connection that is about to be closed; dropping this closes it at once.
pub(in super::super) struct Linger(AbortOnDropHandle<()>);

impl Linger {
    /// Waits until the connection is closed.
    pub(in super::super) async fn closed(self) {
        let _ = self.0.await;
    }
}
