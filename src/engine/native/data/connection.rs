//! A data connection that is open.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::task::AbortOnDropHandle;

use super::TransferError;

/// How long the client may take to end a connection that is over, before it is closed regardless.
const LINGER: Duration = Duration::from_secs(5);

/// The end of TLS takes a record or two.
const LINGER_BYTES: usize = 64 * 1024;

/// How much of an upload is thrown away that can't be stored.
const DISCARDED_BYTES: usize = 32 * 1024 * 1024;

/// A data connection, in plain text or over TLS.
pub(in super::super) enum DataConnection {
    /// Shared with the thread that sends a file.
    Plain(Arc<TcpStream>),
    Tls {
        stream: Box<TlsStream<BufReader<TcpStream>>>,
        /// The end of TCP alone is taken for the end of the data.
        lenient: bool,
    },
}

impl DataConnection {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self::Plain(Arc::new(stream))
    }

    pub(super) fn tls(stream: TlsStream<BufReader<TcpStream>>, lenient: bool) -> Self {
        Self::Tls { stream: Box::new(stream), lenient }
    }

    /// Reads what is there into the room that the buffer has; 0 at the end of the data.
    pub(super) async fn read(&mut self, buffer: &mut BytesMut) -> Result<usize, TransferError> {
        match self {
            Self::Plain(stream) => loop {
                stream.readable().await.map_err(TransferError::DataConnection)?;
                match stream.try_read_buf(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return read.map_err(TransferError::DataConnection),
                }
            },
            Self::Tls { stream, lenient } => match stream.read_buf(buffer).await {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && *lenient => Ok(0),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(TransferError::NotClosed),
                read => read.map_err(TransferError::DataConnection),
            },
        }
    }

    /// Writes some of the bytes; says how many.
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
        };
        match written {
            Ok(0) => Err(TransferError::DataConnection(io::ErrorKind::WriteZero.into())),
            written => written.map_err(TransferError::DataConnection),
        }
    }

    /// Says that all is sent, or received: TLS ends with its own word for it (RFC 8446, section 6.1).
    pub(in super::super) async fn finish(&mut self) -> Result<(), TransferError> {
        let finished = match self {
            Self::Plain(stream) => {
                rustix::net::shutdown(stream, rustix::net::Shutdown::Write).map_err(io::Error::from)
            }
            Self::Tls { stream, .. } => stream.shutdown().await,
        };
        finished.map_err(TransferError::DataConnection)
    }

    /// Lets go of it, but not at once: what the client still sends would be answered with a reset, which takes away from
    /// it what it has not read yet. `wanted` tells whether what it sends has a meaning: if the rest of an upload has none, a
    /// client that has sent all of it reads the reply that says why.
    pub(in super::super) fn linger(self, wanted: bool) -> Option<Linger> {
        let (most, mut stream): (usize, Box<dyn AsyncRead + Send + Unpin>) = match (self, wanted) {
            (Self::Tls { stream, .. }, true) => (LINGER_BYTES, stream),
            (Self::Tls { stream, .. }, false) => (DISCARDED_BYTES, stream),
            // Nobody sends anything here.
            (Self::Plain(_), true) => return None,
            (Self::Plain(stream), false) => (DISCARDED_BYTES, Box::new(Arc::into_inner(stream)?)),
        };
        let drain = async move {
            let mut waste = vec![0; 16 * 1024];
            let mut left = most;
            while let Ok(count) = stream.read(&mut waste).await
                && count > 0
                && left >= count
            {
                left -= count;
            }
        };
        let linger = async move {
            let _ = tokio::time::timeout(LINGER, drain).await;
        };
        Some(Linger(AbortOnDropHandle::new(tokio::spawn(linger))))
    }
}

/// A connection that is about to be closed; it is at once when this is dropped.
pub(in super::super) struct Linger(AbortOnDropHandle<()>);

impl Linger {
    /// Waits until it is closed.
    pub(in super::super) async fn closed(self) {
        let _ = self.0.await;
    }
}
