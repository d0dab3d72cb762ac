//! One connection to a directory.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use super::ber::number_of;
use super::entry::Entry;
use super::messages::{self, BOUND, FOUND, FOUND_ELSEWHERE, Outcome, SEARCHED, STARTED, Search, code};
use crate::accounts::sources::asked::Unanswered;
use crate::config::{LdapEncryption, LdapService};

/// The most bytes of all answers to one request.
const MOST_BYTES: usize = 256 * 1024;

/// Why a request has no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There is no connection; the directory has seen no request.
    NoConnection(String),
    /// It broke.
    Gone(String),
    /// What came is no answer.
    Wrong(String),
    /// The directory says that another attempt may help.
    Later(String),
}

impl From<Trouble> for Unanswered {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoConnection(reason) => Self { may_be_repeated: true, ..Self::broken(reason) },
            Trouble::Gone(reason) => Self::broken(reason),
            Trouble::Wrong(reason) => Self::wrong(reason),
            Trouble::Later(reason) => Self { may_be_repeated: true, ..Self::wrong(reason) },
        }
    }
}

fn wrong(reason: impl Into<String>) -> Trouble {
    Trouble::Wrong(reason.into())
}

/// What a bind shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Whoever knows this password is this entry.
    Proven,
    /// The directory refuses it.
    Refused(Outcome),
}

/// What a search found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) entries: Vec<Entry>,
    /// There are more than were asked for.
    pub(super) are_more: bool,
    /// The entry below which it should have looked is not there.
    pub(super) has_no_base: bool,
    /// Other directories may have more.
    pub(super) is_elsewhere: bool,
}

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

pub(super) struct Connection {
    stream: Box<dyn Stream>,
    /// The number of the last request.
    number: u32,
    /// How many bytes its answers may still have.
    left: usize,
}

impl Connection {
    /// Connects, and encrypts what follows if the configuration says so.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) async fn open(
        settings: &LdapService,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<Self, Trouble> {
        let mut tcp = connect(&settings.host, settings.port, settings.timeout / 2).await?;
        let tls = tls.ok_or_else(|| wrong("there is no TLS"));
        match settings.encryption {
            LdapEncryption::None => Ok(Self::on(tcp)),
            LdapEncryption::Tls => encrypt(tcp, &settings.host, tls?).await.map(Self::on),
            LdapEncryption::StartTls => {
                let tls = tls?;
                // The answer is read byte by byte as far as it goes: what somebody on the way adds to it is never taken for something
                // that was said under TLS.
                tcp.write_all(&messages::start_tls(1)).await.map_err(gone)?;
                let mut left = MOST_BYTES;
                let content = read_message(&mut tcp, &mut left).await?;
                let outcome = answer_to(&content, 1, STARTED)?;
                if outcome.code != code::SUCCESS {
                    return Err(wrong(format!("the directory refuses StartTLS: {}", outcome.describe())));
                }
                encrypt(tcp, &settings.host, tls).await.map(Self::on)
            }
        }
    }

    fn on(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), number: 1, left: 0 }
    }

    /// Shows by a password that one is `dn`.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) async fn bind(&mut self, dn: &str, password: &str) -> Result<Bound, Trouble> {
        // Without one of them, a directory may answer "success" to anybody (RFC 4513, section 5.1.2).
        if dn.is_empty() || password.is_empty() {
            return Err(wrong("a bind without a name or a password shows nothing"));
        }
        self.begin();
        self.stream.write_all(&messages::bind(self.number, dn, password)).await.map_err(gone)?;
        self.stream.flush().await.map_err(gone)?;
        let content = self.read().await?;
        let mut outcome = answer_to(&content, self.number, BOUND)?;
        // It goes to the log.
        if outcome.text.contains(password) {
            outcome.text.clear();
        }
        match outcome.code {
            code::SUCCESS => Ok(Bound::Proven),
            code::INVALID_CREDENTIALS | code::INAPPROPRIATE | code::CONSTRAINT | code::NO_SUCH_OBJECT => {
                Ok(Bound::Refused(outcome))
            }
            // A directory that takes no passwords at all says the same as one that takes none of a disabled user.
            code::UNWILLING if outcome.is_of_the_account() => Ok(Bound::Refused(outcome)),
            code::BUSY | code::UNAVAILABLE => Err(Trouble::Later(outcome.describe())),
            _ => Err(wrong(format!("the directory answers a bind with: {}", outcome.describe()))),
        }
    }

    /// # Errors
    /// [`Trouble`].
    pub(super) async fn search(&mut self, search: &Search<'_>) -> Result<Found, Trouble> {
        self.begin();
        self.stream.write_all(&messages::search(self.number, search)).await.map_err(gone)?;
        self.stream.flush().await.map_err(gone)?;
        let mut found = Found::default();
        loop {
            let content = self.read().await?;
            let (number, answer) = messages::parse(&content).ok_or_else(no_message)?;
            is_answer_to(number, self.number)?;
            match answer.tag {
                FOUND => {
                    let entry = messages::entry(answer.content).ok_or_else(no_message)?;
                    if found.entries.len() >= usize::try_from(search.most).unwrap_or(usize::MAX) {
                        return Err(wrong("the directory finds more entries than it was asked for"));
                    }
                    found.entries.push(entry);
                }
                FOUND_ELSEWHERE => found.is_elsewhere = true,
                SEARCHED => {
                    let outcome = Outcome::parse(answer.content).ok_or_else(no_message)?;
                    match outcome.code {
                        code::SUCCESS => {}
                        code::SIZE_LIMIT => found.are_more = true,
                        code::NO_SUCH_OBJECT => found.has_no_base = true,
                        code::BUSY | code::UNAVAILABLE => return Err(Trouble::Later(outcome.describe())),
                        _ => {
                            let said = outcome.describe();
                            return Err(wrong(format!("the directory answers a search with: {said}")));
                        }
                    }
                    return Ok(found);
                }
                _ => return Err(no_message()),
            }
        }
    }

    /// Says that this is the end; whether the directory hears it is no matter.
    pub(super) async fn close(mut self) {
        self.begin();
        let _ = self.stream.write_all(&messages::unbind(self.number)).await;
        let _ = self.stream.shutdown().await;
    }

    fn begin(&mut self) {
        self.number += 1;
        self.left = MOST_BYTES;
    }

    async fn read(&mut self) -> Result<Vec<u8>, Trouble> {
        read_message(&mut self.stream, &mut self.left).await
    }
}

/// The content of the next message. Of `stream`, nothing behind it is read; `left` is how much it may take.
async fn read_message(
    stream: &mut (impl AsyncRead + Unpin + ?Sized),
    left: &mut usize,
) -> Result<Vec<u8>, Trouble> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.map_err(gone)?;
    let [super::ber::SEQUENCE, first] = head else { return Err(no_message()) };
    let length = match first {
        0..=0x7f => usize::from(first),
        0x81..=0x84 => {
            let mut digits = vec![0; usize::from(first & 0x7f)];
            stream.read_exact(&mut digits).await.map_err(gone)?;
            number_of(&digits).ok_or_else(no_message)?
        }
        _ => return Err(no_message()),
    };
    *left = left
        .checked_sub(length.saturating_add(head.len()))
        .ok_or_else(|| wrong(format!("the directory answers with more than {} KiB", MOST_BYTES / 1024)))?;
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await.map_err(gone)?;
    Ok(content)
}

fn gone(error: std::io::Error) -> Trouble {
    Trouble::Gone(match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the directory closed the connection".to_owned(),
        _ => format!("the connection broke: {error}"),
    })
}

fn no_message() -> Trouble {
    wrong("what the directory sent is no answer")
}

/// How the request of this number went.
fn answer_to(content: &[u8], number: u32, tag: u8) -> Result<Outcome, Trouble> {
    let (of, answer) = messages::parse(content).ok_or_else(no_message)?;
    is_answer_to(of, number)?;
    if answer.tag != tag {
        return Err(no_message());
    }
    Outcome::parse(answer.content).ok_or_else(no_message)
}

fn is_answer_to(of: u32, number: u32) -> Result<(), Trouble> {
    match of {
        _ if of == number => Ok(()),
        // Nobody has asked for it: a notice that the directory ends the connection (RFC 4511, section 4.4.1).
        0 => Err(Trouble::Gone("the directory ended the connection".to_owned())),
        _ => Err(no_message()),
    }
}

/// To the first address of the host that answers; each has this long.
async fn connect(host: &str, port: u16, patience: Duration) -> Result<TcpStream, Trouble> {
    let failed = |error: std::io::Error| Trouble::NoConnection(error.to_string());
    let addresses: Vec<SocketAddr> = lookup_host((host, port)).await.map_err(failed)?.collect();
    let mut reason = "the host has no address".to_owned();
    for address in addresses {
        match tokio::time::timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                // Each request is one write.
                let _ = tcp.set_nodelay(true);
                return Ok(tcp);
            }
            Ok(Err(error)) => reason = format!("{address}: {error}"),
            Err(_) => reason = format!("{address}: it does not answer"),
        }
    }
    Err(Trouble::NoConnection(reason))
}

async fn encrypt(
    tcp: TcpStream,
    host: &str,
    tls: &Arc<ClientConfig>,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Trouble> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| wrong(error.to_string()))?;
    let connected = TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await;
    connected.map_err(|error| Trouble::NoConnection(format!("TLS: {error}")))
}
