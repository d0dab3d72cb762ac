//! What every scanner has in common.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use wharf_backends::StoragePath;

use super::clamd::Clamd;
use super::icap::{Icap, Service};
use crate::config::{self, ScannerAddress};

/// What a scanner says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is nothing in it.
    Clean,
    /// There is this in it.
    Infected(String),
}

/// Why a scanner says nothing of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The file is larger than what the scanner takes.
    TooLarge(String),
    /// The service sends something in the place of the file: what it makes of a file that it does not want, for all anybody knows.
    Replaced(String),
    /// Anything else.
    Silent(String),
}

impl Trouble {
    pub(super) fn silent(reason: impl Into<String>) -> Self {
        Self::Silent(reason.into())
    }
}

/// A file that a scanner looks at. Dropping it ends that.
#[async_trait]
pub(super) trait Inquiry: Send {
    /// The next bytes. A scanner may know its verdict before it has all of them.
    ///
    /// # Errors
    /// [`Trouble`].
    async fn bytes(&mut self, bytes: &Bytes) -> Result<Option<Verdict>, Trouble>;

    /// What the scanner says, now that it has all bytes.
    ///
    /// # Errors
    /// [`Trouble`].
    async fn verdict(&mut self) -> Result<Verdict, Trouble>;
}

/// Somebody who looks at files.
#[derive(Debug)]
pub(super) enum Scanner {
    Clamd(ScannerAddress),
    Icap(Arc<Service>),
}

impl Scanner {
    pub(super) fn new(scanner: &config::Scanner) -> Self {
        match scanner {
            config::Scanner::Clamd(address) => Self::Clamd(address.clone()),
            config::Scanner::Icap { host, port, url } => Self::Icap(Arc::new(Service::new(host, *port, url))),
        }
    }

    /// Begins with a file, which has this name.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) async fn begin(&self, path: &StoragePath) -> Result<Box<dyn Inquiry>, Trouble> {
        Ok(match self {
            Self::Clamd(address) => Box::new(Clamd::begin(Line::connect(address).await?).await?),
            Self::Icap(service) => Box::new(Icap::begin(Arc::clone(service), path).await?),
        })
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection to a scanner, which may speak while it is spoken to.
pub(super) struct Line {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    /// What came and was not used.
    pub(super) heard: BytesMut,
}

/// What became of what was said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The scanner took it.
    Taken,
    /// The scanner began to speak before it had all of it, or it hung up.
    Interrupted,
}

impl Line {
    pub(super) async fn connect(address: &ScannerAddress) -> Result<Self, Trouble> {
        let stream: io::Result<Box<dyn Stream>> = match address {
            ScannerAddress::Unix(path) => UnixStream::connect(path).await.map(|stream| Box::new(stream) as _),
            ScannerAddress::Tcp { host, port } => return Self::to(host, *port).await,
        };
        stream.map(Self::on).map_err(|error| no_connection(&error))
    }

    /// To the first address of a host that answers.
    pub(super) async fn to(host: &str, port: u16) -> Result<Self, Trouble> {
        let addresses: Vec<SocketAddr> =
            lookup_host((host, port)).await.map_err(|error| no_connection(&error))?.collect();
        let mut last = io::Error::other("the host has no address");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(tcp) => {
                    // The last bytes of a file must not wait for others.
                    let _ = tcp.set_nodelay(true);
                    return Ok(Self::on(Box::new(tcp)));
                }
                Err(error) => last = error,
            }
        }
        Err(no_connection(&last))
    }

    fn on(stream: Box<dyn Stream>) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self { reader, writer, heard: BytesMut::new() }
    }

    /// Says something, and stops when the scanner says something itself: both would wait for each other, or the scanner wants no more.
    pub(super) async fn say(&mut self, mut what: impl Buf + Send) -> Said {
        if !self.heard.is_empty() {
            return Said::Interrupted;
        }
        // The room for what comes is bounded by whoever reads it.
        self.heard.reserve(1024);
        tokio::select! {
            biased;
            _ = self.reader.read_buf(&mut self.heard) => Said::Interrupted,
            written = self.writer.write_all_buf(&mut what) => match written {
                Ok(()) => Said::Taken,
                // It may have said why before it hung up.
                Err(_) => Said::Interrupted,
            },
        }
    }

    /// Hears more; `false` at the end.
    pub(super) async fn hear(&mut self) -> Result<bool, Trouble> {
        self.heard.reserve(1024);
        match self.reader.read_buf(&mut self.heard).await {
            Ok(count) => Ok(count > 0),
            Err(error) => Err(Trouble::silent(format!("the connection broke: {error}"))),
        }
    }
}

fn no_connection(error: &io::Error) -> Trouble {
    Trouble::silent(format!("there is no connection: {error}"))
}

/// Something that a scanner said, fit for a log line and a reply: short and without control characters.
pub(super) fn shown(text: &[u8]) -> String {
    const SHOWN: usize = 120;
    let text = String::from_utf8_lossy(text);
    let mut short: String =
        text.trim().chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}
