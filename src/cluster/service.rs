//! What connections between replicas are for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::net::TcpStream;
use tokio::sync::watch;

use super::keys::ConnectionKey;
use crate::config::Secret;

/// What a connection between replicas is for. A new kind is a variant here, and a [`Service`] at the replicas that know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A client's data connection, which another replica has accepted.
    DataConnection,
    /// What a replica counts, which it tells for as long as the connection lasts (`told`).
    Counters,
    /// A question and its answer (`ask`).
    Question,
}

impl Kind {
    const ALL: [Self; 3] = [Self::DataConnection, Self::Counters, Self::Question];

    /// As it is sent. A number is never given to another kind.
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::DataConnection => 1,
            Self::Counters => 2,
            Self::Question => 3,
        }
    }

    pub(super) fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }
}

/// A connection that another replica has opened, and has proven to.
#[derive(Debug)]
pub struct Call {
    /// The connection, from which nothing was read but the handshake.
    pub stream: TcpStream,
    /// The replica that has opened it.
    pub from: u16,
    /// What it has said of it.
    pub said: Vec<u8>,
    /// What both ends know.
    pub key: ConnectionKey,
    /// Tells when other secrets count than those of the handshake.
    pub(super) secrets: watch::Receiver<Vec<Secret>>,
}

/// Takes connections of one kind.
pub trait Service: Send + Sync {
    /// Whether what was said can be served here at all. If not, the other replica is told that it has come to the wrong one.
    fn knows(&self, said: &[u8]) -> bool;

    /// Takes over a connection. Must not block; whatever takes time is a task.
    fn serve(self: Arc<Self>, call: Call);
}

/// Who takes connections of which kind.
#[derive(Default)]
pub(super) struct Services(Mutex<HashMap<Kind, Weak<dyn Service>>>);

impl Services {
    pub(super) fn set(&self, kind: Kind, service: &Arc<dyn Service>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, Arc::downgrade(service));
    }

    pub(super) fn of(&self, kind: Kind) -> Option<Arc<dyn Service>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&kind)?.upgrade()
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services")
    }
}
