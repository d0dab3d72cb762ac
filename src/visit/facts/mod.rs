//! What happens, told to whoever has to hear of it: the log, and what else reads along.
//!
//! A [`Fact`] is made in one place, [`Journal`] for what sessions do and [`TransferRecord`](super::TransferRecord) for what they
//! move, the same for both engines. [`Facts::tell`] gives it to the log and to each [`Reader`] at once. To add a fact is a variant
//! of [`What`], the method that tells it, and its line in `log.rs`.

mod journal;
mod log;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use wharf_backends::{Error, StoragePath};

pub(crate) use self::journal::Journal;
pub(crate) use self::log::shown;
use super::transfers::{Direction, TransferFailure};
use crate::host::Host;
use crate::ops::metrics::Refusal;
use crate::shutdown::Shutdown;
use crate::tls::DistinguishedName;

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fact<'a> {
    /// When.
    pub(crate) time: SystemTime,
    /// Who did it, or met it.
    pub(crate) who: Who<'a>,
    /// What it is.
    pub(crate) what: What<'a>,
}

/// A session, and who has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who<'a> {
    /// The number of the session, unique in the life of the process.
    pub(crate) session: u64,
    /// Empty before the login; of a login that fails it is the name that was tried.
    pub(crate) user: &'a str,
    /// The address of the client.
    pub(crate) peer: SocketAddr,
}

/// What can happen.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What<'a> {
    /// A connection got no session, and so none has this number.
    SessionRefused { cause: Refusal },
    /// A client has connected.
    #[allow(dead_code, reason = "for who ends sessions")]
    SessionOpened { ending: &'a Shutdown },
    /// It is gone, or was sent away.
    SessionClosed { moved: Moved, lasted: Duration },
    /// The session had not logged in, and its place was needed.
    SessionDisplaced,
    /// The account is no more, and the session ends.
    AccountExpired,
    /// Somebody has logged in, maybe at a host that the client has named.
    LoggedIn { host: Option<&'a Host>, proof: &'static str, encrypted: bool },
    /// Somebody makes room for another user (REIN).
    LoggedOut { moved: Moved },
    /// Somebody has not logged in, for this reason.
    LoginFailed { cause: &'a str },
    /// An operator wants no new logins; nobody looked at the password.
    LoginRefused { cause: &'a str },
    /// A login failed with a certificate of somebody else.
    OtherCertificate { subject: Option<&'a DistinguishedName>, sha256: &'a [u8] },
    /// The client left before it was the turn of its password.
    LoginAbandoned,
    /// A failure has locked the address.
    AddressLockedOut,
    /// A failure has locked the name.
    NameLockedOut,
    /// The user has as many transfers as it may have.
    TooManyTransfers,
    /// A client is not doing what this server needs of it, and most often does not say so to its people.
    Mistaken { mistake: Mistake },
    /// A transfer begins.
    TransferBegan { transfer: &'a Arc<Transfer> },
    /// A transfer is over.
    TransferEnded { transfer: &'a Transfer, end: TransferEnd<'a> },
    /// An upload whose line broke is kept for its owner, who hears of so many bytes.
    UploadKept { path: &'a StoragePath, bytes: u64 },
    /// The owner of what was kept of an upload has thrown it away: so many bytes. No file was changed.
    UploadRemoved { path: &'a StoragePath, bytes: u64 },
    /// All bytes of a file that a layer wanted to see have passed: this is their SHA-256.
    Digested { sha256: &'a [u8] },
    /// A command has changed what is stored, but for the bytes of files. The value is the time or the mode that it has set.
    Changed { operation: &'a str, path: &'a StoragePath, to: Option<&'a StoragePath>, value: Option<&'a str> },
    /// The scanner has found something in an upload, which is refused; where a copy is kept, if one is.
    ScanFound { path: &'a StoragePath, finding: &'a str, scanner: &'a str, quarantined: Option<&'a str> },
    /// There is no verdict about an upload, or none about the whole of it: whether it is stored in spite of that.
    ScanUnavailable { path: &'a StoragePath, scanner: &'a str, cause: &'a str, passed: bool },
    /// A command failed in the storage, or was refused by it.
    CommandFailed { operation: &'a str, error: &'a Error },
    /// The control connection is encrypted from now on, or no more (CCC).
    Encrypted { is_encrypted: bool },
    /// A command came: its name if it is one of the table, the verb as it was sent, and the bytes behind it, which may be a secret.
    /// Nobody knows the user here.
    Command { known: Option<&'static str>, verb: &'a str, argument: &'a [u8] },
    /// A reply goes out; told only if somebody [wants replies](Facts::wants_replies). Nobody knows the user here.
    Reply { code: u16, text: &'a str },
}

/// What an operator did, or had the server do: with a signal, a command, or over HTTP. Log lines are up to whoever carries it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Act<'a> {
    /// Who or what asked for it: `SIGHUP`, `wharf lockouts`, the name of a token with the address that it came from. Never a secret.
    pub(crate) by: &'a str,
    /// What was asked for, in a word: `reload`, `lift`, `kick`.
    pub(crate) action: &'a str,
    /// To what or whom, and how much; empty if there is no more to say.
    pub(crate) detail: &'a str,
    /// Why it was not done, if it was not.
    pub(crate) outcome: Result<(), &'a str>,
}

/// What clients do that this server can't serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// It wants to log in without TLS where that is required (534).
    LoginWithoutTls,
    /// It wants data connections, or the rest of its session, without TLS where that is required (534).
    DataWithoutTls,
    /// It has sent a name that is not in its character set (553).
    OtherCharset,
    /// It was silent for too long (421).
    Silent,
    /// It has not logged in in time (421).
    NotLoggedIn,
    /// It begins with TLS at a port where that begins later.
    TlsTooEarly,
    /// It speaks FTP in plain text at a port whose connections begin with TLS.
    NoTls,
}

impl Mistake {
    /// What it did, and what would be right, in words for the log.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::LoginWithoutTls => {
                "a login without TLS, which `tls.mode` requires: let the client use explicit TLS"
            }
            Self::DataWithoutTls => {
                "data without TLS, which `tls.mode` requires: let the client protect data, too"
            }
            Self::OtherCharset => "a name that is not in its character set: the user may need an `encoding`",
            Self::Silent => "silent for too long: its session was closed",
            Self::NotLoggedIn => "nobody logged in in time: its session was closed",
            Self::TlsTooEarly => {
                "TLS at a port that begins in plain text: let the client use explicit TLS, or a port of `implicit_tls_listen`"
            }
            Self::NoTls => {
                "silence or plain text at a port that begins with TLS: let the client use implicit TLS, or a port of `listen`"
            }
        }
    }
}

/// A transfer, as it began.
#[derive(Debug)]
pub(crate) struct Transfer {
    /// What moves where.
    pub(crate) direction: Direction,
    /// The path as the client has named it.
    pub(crate) path: String,
    /// The backend that the path lies in, where that is known.
    pub(crate) backend: String,
    /// Where it begins in the file.
    pub(crate) offset: u64,
    /// How long the file is, or will be, as far as that is known.
    pub(crate) size: Option<u64>,
    /// When it began.
    pub(crate) began: Instant,
    /// The bytes so far.
    pub(crate) moved: Arc<AtomicU64>,
}

impl Transfer {
    /// The bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }
}

/// How a transfer ended.
#[derive(Clone, Copy)]
pub(crate) struct TransferEnd<'a> {
    /// How long it took.
    pub(crate) seconds: f64,
    /// The other end of the data connection, where that is known.
    pub(crate) data_peer: Option<SocketAddr>,
    /// How the bytes went, as far as the engine knows.
    pub(crate) wire: Wire,
    /// Why it failed, if it did.
    pub(crate) failure: Option<&'a dyn TransferFailure>,
}

/// How the bytes of a transfer go over the wire, as far as an engine knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wire {
    /// The other end of the data connection.
    pub(crate) peer: Option<SocketAddr>,
    /// Whether the server has opened it (PORT, EPRT).
    pub(crate) active: Option<bool>,
    /// The version of TLS that protects it, if any does.
    pub(crate) tls: Option<Option<&'static str>>,
    /// Whether the line ends of text are converted (TYPE A).
    pub(crate) ascii: Option<bool>,
    /// Whether the bytes are compressed (MODE Z).
    pub(crate) compressed: Option<bool>,
}

impl fmt::Debug for TransferEnd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, data_peer, wire, failure } = self;
        let failure = failure.map(ToString::to_string);
        f.debug_struct("TransferEnd")
            .field("seconds", seconds)
            .field("data_peer", data_peer)
            .field("wire", wire)
            .field("failure", &failure)
            .finish()
    }
}

/// What a session moved, in bytes of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

/// Hears of everything that happens. What happens waits meanwhile, so this must neither block nor take long.
pub(crate) trait Reader: fmt::Debug + Send + Sync {
    fn hears(&self, fact: &Fact<'_>);

    /// Whether it has room for what happens next. While one of them has none, or can't do its work, nothing is to happen that it
    /// would have to hear of.
    fn standing(&self) -> Standing {
        Standing::Ready
    }

    /// Hears of what operators do, too.
    fn hears_act(&self, time: SystemTime, act: &Act<'_>) {
        let _ = (time, act);
    }
}

/// Whether somebody can hear of more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Yes.
    Ready,
    /// In a moment.
    Busy,
    /// Not before somebody does something about it.
    Failing,
}

/// Something was refused, as it could not be told to a reader who has to hear of it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the audit can't be written")]
pub(crate) struct Untold;

/// How long those who have no room are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often they are asked meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// Everybody who hears of what happens. It outlives every world.
#[derive(Default)]
pub(crate) struct Facts {
    readers: ArcSwap<Vec<Arc<dyn Reader>>>,
    /// Somebody wants each reply.
    replies: AtomicBool,
}

impl Facts {
    /// One more reads along, from now on.
    pub(crate) fn add(&self, reader: Arc<dyn Reader>) {
        self.readers.rcu(|readers| {
            let mut readers = Vec::clone(readers);
            readers.push(Arc::clone(&reader));
            readers
        });
    }

    /// From now on somebody wants to hear of each reply of new sessions.
    pub(crate) fn want_replies(&self) {
        self.replies.store(true, Ordering::Relaxed);
    }

    /// Whether somebody wants to hear of each reply.
    pub(crate) fn wants_replies(&self) -> bool {
        self.replies.load(Ordering::Relaxed)
    }

    /// Tells everybody what just happened.
    pub(crate) fn tell(&self, who: Who<'_>, what: What<'_>) {
        log::write(who, what);
        let readers = self.readers.load();
        if readers.is_empty() {
            return;
        }
        let fact = Fact { time: SystemTime::now(), who, what };
        for reader in readers.iter() {
            reader.hears(&fact);
        }
    }

    /// Has only the log say what just happened: that something was refused because readers can't hear of more. They would have to
    /// keep it, and whoever asks again and again would fill what room they have.
    fn log_only(&self, who: Who<'_>, what: What<'_>) {
        log::write(who, what);
    }

    /// Whether everybody can hear of what happens next; those who are busy are waited for, for a while.
    pub(crate) async fn can_be_told(&self) -> bool {
        let standing = || self.readers.load().iter().map(|reader| reader.standing()).max();
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            match standing() {
                None | Some(Standing::Ready) => return true,
                Some(Standing::Busy) if tokio::time::Instant::now() < end => tokio::time::sleep(PAUSE).await,
                Some(_) => return false,
            }
        }
    }

    /// Tells everybody what an operator just did.
    pub(crate) fn acted(&self, act: Act<'_>) {
        let time = SystemTime::now();
        for reader in self.readers.load().iter() {
            reader.hears_act(time, &act);
        }
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts").field("readers", &self.readers.load()).finish()
    }
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
