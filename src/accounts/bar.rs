//! What keeps a client out whose credential may be right.

use std::net::IpAddr;
use std::time::SystemTime;

use super::account::Account;
use super::guard::LockedBy;
use super::proofs::LoginError;
use crate::host::Host;

/// What keeps a client out, whatever its credential is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar<'a> {
    /// The address of the client.
    pub(super) from: IpAddr,
    /// The host that it has named.
    pub(super) at: Option<&'a Host>,
    /// Why the name is locked for it, if it is.
    pub(super) locked: Option<LockedBy>,
}

impl Bar<'_> {
    /// Why the client may not use this account here and now.
    pub(super) fn of(self, account: &Account) -> Option<LoginError> {
        // Strangers can't lock a user out of where the user belongs, but an operator can.
        let is_free = self.locked != Some(LockedBy::Operator) && account.access.names(self.from);
        let locked = self.lock().filter(|_| !is_free);
        locked.or_else(|| account.access.refuses(self.from, self.at, SystemTime::now()))
    }

    /// How a name that is locked is refused.
    pub(super) fn lock(self) -> Option<LoginError> {
        self.locked.map(|by| match by {
            LockedBy::Operator => LoginError::LockedByOperator,
            LockedBy::Failures | LockedBy::Configuration => LoginError::LockedOut,
        })
    }
}
