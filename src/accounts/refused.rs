//! How logins are refused.

use std::time::Duration;

use super::guard::LockedBy;
use super::present::NoSeat;
use super::proofs::LoginError;

/// The refusal of a login, by the reply that the client gets. The reason is logged already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No reply: the client is gone.
    Gone,
    /// The login failed. The reply says no more: clients must not find out which names exist. Its delay is over.
    Failed(LoginError),
    /// Try again later: the address is locked. No password was looked at.
    LockedOut(LockedBy),
    /// Try again later: whoever has to be asked gives no answer. The password may be right.
    Unavailable,
    /// Try again later: too many passwords wait for their check.
    Busy,
    /// Try again later: the credential is right, but the user has as many sessions as allowed.
    TooManySessions,
    /// Try again later: the credential is right, but the address has as many sessions as allowed, in all replicas together.
    TooManyFromThisAddress,
    /// Try again later: an operator wants no new logins. No password was looked at.
    Draining,
    /// Try again later: the session had to give way to another one.
    Displaced,
}

/// A login that the proofs refused.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) cause: LoginError,
    /// What the log says beside the cause.
    pub(super) reason: Option<String>,
    /// The delay of the reply. The log does not wait.
    pub(super) delay: Duration,
}

impl Failed {
    /// Not for a wrong password.
    pub(super) fn of(cause: LoginError) -> Self {
        Self { cause, reason: None, delay: Duration::ZERO }
    }
}

impl From<NoSeat> for Refused {
    fn from(no_seat: NoSeat) -> Self {
        match no_seat {
            NoSeat::TooMany | NoSeat::Elsewhere => Self::TooManySessions,
            NoSeat::Address => Self::TooManyFromThisAddress,
            NoSeat::Changed => Self::Failed(LoginError::Changed),
        }
    }
}
