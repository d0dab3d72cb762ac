//! A control connection.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::{Reply, Stream, dial};

/// Sends lines, reads replies, and changes to TLS and back.
pub struct Control {
    stream: BufReader<Stream>,
}

impl Control {
    /// Connects as [`dial`] does; the greeting is still to be read.
    ///
    /// # Errors
    /// Why there is no connection.
    pub fn connect(address: SocketAddr, within: Duration, silence: Duration) -> io::Result<Self> {
        Ok(Self::over(Stream::Plain(dial(address, within, silence)?)))
    }

    /// Takes a connection that is there already.
    #[must_use]
    pub fn over(stream: Stream) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// If the server does not take them.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// The next reply, each line of which is handed over as it comes.
    ///
    /// # Errors
    /// As [`Reply::read`].
    pub fn reply(&mut self, heard: impl FnMut(&str)) -> io::Result<Reply> {
        Reply::read(&mut self.stream, heard)
    }

    /// Shakes hands, after the reply to AUTH, with a server that is called `localhost`.
    ///
    /// # Errors
    /// Why it failed; the connection is lost then.
    pub fn encrypt(&mut self, config: &Arc<ClientConfig>) -> io::Result<()> {
        self.encrypt_at(config, "localhost")
    }

    /// The same with a server of this name.
    ///
    /// # Errors
    /// Why it failed; the connection is lost then.
    pub fn encrypt_at(&mut self, config: &Arc<ClientConfig>, host: &str) -> io::Result<()> {
        let Stream::Plain(tcp) = self.take() else { return Err(io::Error::other("encrypted already")) };
        *self.stream.get_mut() = Stream::encrypt_at(tcp, config, host)?;
        Ok(())
    }

    /// Goes back to plain text, after the reply to CCC: each side says that TLS ends (RFC 4217, section 12.3).
    ///
    /// # Errors
    /// If the server does not say it; the connection is lost then.
    pub fn decrypt(&mut self) -> io::Result<()> {
        let Stream::Tls(tls) = self.take() else { return Err(io::Error::other("not encrypted")) };
        *self.stream.get_mut() = Stream::Plain(tls.into_plain()?);
        Ok(())
    }

    fn take(&mut self) -> Stream {
        std::mem::replace(self.stream.get_mut(), Stream::Gone)
    }

    /// The connection itself.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        self.stream.get_ref()
    }

    /// The socket below.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        self.stream().tcp()
    }
}
