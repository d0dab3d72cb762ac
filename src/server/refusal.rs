//! Why a connection gets no session, in words.

use std::net::SocketAddr;

use crate::accounts::TooManySessions;
use crate::ops::logging::rate;
use crate::ops::metrics;

/// Why a connection gets no session.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The server is stopping.
    Stopping,
    /// There are too many sessions.
    TooMany(TooManySessions),
}

impl Refusal {
    /// What the client is told, with the end of the line.
    pub(super) fn reply(&self) -> String {
        match self {
            Self::Stopping => "421 The server is stopping; try again later.\r\n".to_owned(),
            Self::TooMany(cause) => format!("421 Try again later: {cause}.\r\n"),
        }
    }

    /// What the operator is told.
    pub(super) fn log(&self, peer: SocketAddr) {
        match self {
            Self::Stopping => tracing::debug!(%peer, "refused a session: the server is stopping"),
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
            Self::Stopping => metrics::Refusal::Stopping,
            Self::TooMany(TooManySessions::InAll) => metrics::Refusal::Limit,
            Self::TooMany(TooManySessions::FromThisAddress) => metrics::Refusal::AddressLimit,
            Self::TooMany(TooManySessions::LockedOut) => metrics::Refusal::LockedOut,
            Self::TooMany(TooManySessions::TooFast) => metrics::Refusal::AddressRate,
        }
    }
}
