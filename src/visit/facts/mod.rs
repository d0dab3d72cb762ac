//! What happens, told to whoever has to hear of it: the log, and what else reads along.
//!
//! A [`Fact`] is made in one place, [`Journal`] for what sessions do and [`TransferRecord`](super::TransferRecord) for what they
//! move, the same for both engines. [`Facts::tell`] gives it to the log and to each [`Reader`] at once. To add a fact is a variant
//! of [`What`], the method that tells it, and its line in `log.rs`.

#![expect(dead_code, reason = "the log alone reads it so far")]

mod journal;
mod log;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use wharf_backends::{Error, StoragePath};

pub(crate) use self::journal::Journal;
use super::transfers::{Direction, TransferFailure};
use crate::host::Host;
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
    /// A client has connected.
    SessionOpened { ending: &'a Shutdown },
    /// It is gone, or was sent away.
    SessionClosed { moved: Moved, lasted: Duration },
    /// The session had not logged in, and its place was needed.
    SessionDisplaced,
    /// The account is no more, and the session ends.
    AccountExpired,
    /// Somebody has logged in, maybe at a host that the client has named.
    LoggedIn { host: Option<&'a Host> },
    /// Somebody makes room for another user (REIN).
    LoggedOut { moved: Moved },
    /// Somebody has not logged in, for this reason.
    LoginFailed { cause: &'a str },
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
    /// A transfer begins.
    TransferBegan { transfer: &'a Transfer },
    /// A transfer is over.
    TransferEnded { transfer: &'a Transfer, end: TransferEnd<'a> },
    /// A command has changed what is stored, but for the bytes of files.
    Changed { operation: &'a str, path: &'a StoragePath, to: Option<&'a StoragePath> },
    /// The scanner has found something in an upload, which is refused; where a copy is kept, if one is.
    ScanFound { path: &'a StoragePath, finding: &'a str, scanner: &'a str, quarantined: Option<&'a str> },
    /// There is no verdict about an upload, or none about the whole of it: whether it is stored in spite of that.
    ScanUnavailable { path: &'a StoragePath, scanner: &'a str, cause: &'a str, passed: bool },
    /// A command failed in the storage, or was refused by it.
    CommandFailed { operation: &'a str, error: &'a Error },
}

/// A transfer, as it began.
#[derive(Debug)]
pub(crate) struct Transfer {
    /// What moves where.
    pub(crate) direction: Direction,
    /// The path as the client has named it.
    pub(crate) path: String,
    /// Where it begins in the file.
    pub(crate) offset: u64,
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
    /// Why it failed, if it did.
    pub(crate) failure: Option<&'a dyn TransferFailure>,
}

impl fmt::Debug for TransferEnd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, data_peer, failure } = self;
        let failure = failure.map(ToString::to_string);
        f.debug_struct("TransferEnd")
            .field("seconds", seconds)
            .field("data_peer", data_peer)
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
}

/// Everybody who hears of what happens. It outlives every world.
#[derive(Default)]
pub(crate) struct Facts {
    readers: ArcSwap<Vec<Arc<dyn Reader>>>,
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
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts").field("readers", &self.readers.load()).finish()
    }
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
