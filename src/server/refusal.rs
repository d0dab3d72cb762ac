//! Why a connection gets no session, in words.

use std::net::SocketAddr;
use std::time::Duration;

use crate::accounts::{LockedBy, TooManySessions};
use crate::ops::logging::rate;
use crate::ops::metrics;

/// Why a connection gets no session.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The server is stopping, for so long at most.
    Stopping(Duration),
    /// There are too many sessions.
    TooMany(TooManySessions),
}

impl Refusal {
    /// What the client is told, with the end of the line.
    pub(super) fn reply(&self) -> String {
        match self {
            // It may be there again sooner; whoever waits for so long has not come in vain.
            Self::Stopping(left) => {
                format!("421 The server is stopping; try again in {} seconds.\r\n", left.as_secs() + 1)
            }
            // Whoever has locked it has told what the reason is, if anybody was to know.
            Self::TooMany(TooManySessions::LockedOut(LockedBy::Operator | LockedBy::Configuration)) => {
                "421 Try again later: this address is locked out.\r\n".to_owned()
            }
            Self::TooMany(cause) => format!("421 Try again later: {cause}.\r\n"),
        }
    }

    /// What the operator is told.
    pub(super) fn log(&self, peer: SocketAddr) {
        match self {
            Self::Stopping(_) => tracing::debug!(%peer, "refused a session: the server is stopping"),
            Self::TooMany(cause @ TooManySessions::Draining) => {
                tracing::debug!(%peer, %cause, "refused a session");
            }
            Self::TooMany(cause) => {
                if rate::REFUSED_SESSIONS.admits(peer.ip()) {
                    tracing::warn!(%peer, %cause, "refused a session");
                }
            }
        }
    }

    /// As what it is counted.
    pub(super) fn counted(&self) -> metrics::Refusal {
        match self {
            Self::Stopping(_) | Self::TooMany(TooManySessions::Draining) => metrics::Refusal::Stopping,
            Self::TooMany(TooManySessions::InAll) => metrics::Refusal::Limit,
            Self::TooMany(TooManySessions::FromThisAddress) => metrics::Refusal::AddressLimit,
            Self::TooMany(TooManySessions::LockedOut(_)) => metrics::Refusal::LockedOut,
            Self::TooMany(TooManySessions::TooFast) => metrics::Refusal::AddressRate,
        }
    }
}
