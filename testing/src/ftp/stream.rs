//! One connection, plain or encrypted.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::Tls;

/// A control or data connection.
pub enum Stream {
    /// Not encrypted.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<Tls>),
    /// Lost in a handshake that failed.
    Gone,
}

/// Connects within some time to a server that may then say and take nothing for so long.
///
/// # Errors
/// Why there is no connection.
pub fn dial(address: SocketAddr, within: Duration, silence: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, within)?;
    stream.set_read_timeout(Some(silence))?;
    stream.set_write_timeout(Some(silence))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Stream {
    /// Shakes hands, with a server that is called `localhost`.
    ///
    /// # Errors
    /// Why it failed.
    pub fn encrypt(tcp: TcpStream, config: &Arc<ClientConfig>) -> io::Result<Self> {
        Self::encrypt_at(tcp, config, "localhost")
    }

    /// The same with a server of this name.
    ///
    /// # Errors
    /// Why it failed.
    pub fn encrypt_at(tcp: TcpStream, config: &Arc<ClientConfig>, host: &str) -> io::Result<Self> {
        Ok(Self::Tls(Box::new(Tls::start(tcp, config, host)?)))
    }

    /// The socket below.
    ///
    /// # Panics
    /// If the connection was lost in a handshake.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.tcp(),
            Self::Gone => panic!("the handshake failed before"),
        }
    }

    /// Whether it goes on with the TLS session of another connection.
    #[must_use]
    pub fn resumed(&self) -> bool {
        matches!(self, Self::Tls(stream) if stream.resumed())
    }

    /// The certificate that the server showed.
    #[must_use]
    pub fn certificate(&self) -> Option<Vec<u8>> {
        match self {
            Self::Tls(stream) => stream.certificate(),
            _ => None,
        }
    }

    /// Says that all is sent: with TLS's own word for it first.
    ///
    /// # Errors
    /// If that can't be sent.
    pub fn finish(&mut self) -> io::Result<()> {
        if let Self::Tls(stream) = self {
            stream.close()?;
        }
        self.tcp().shutdown(Shutdown::Write)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
            Self::Gone => Ok(0),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.send(bytes).map(|()| bytes.len()),
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Nothing is kept back.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
