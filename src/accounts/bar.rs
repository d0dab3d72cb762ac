//! What keeps a client out whose credential may be right.

use std::net::IpAddr;
use std::time::SystemTime;

use super::account::Account;
use super::proofs::LoginError;
use crate::host::Host;

/// What keeps a client out, whatever its credential is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar<'a> {
    /// The address of the client.
    pub(super) from: IpAddr,
    /// The host that it has named.
    pub(super) at: Option<&'a Host>,
    /// Whether the name is locked for it.
    pub(super) is_locked: bool,
}

impl Bar<'_> {
    /// Why the client may not use this account here and now.
    pub(super) fn of(self, account: &Account) -> Option<LoginError> {
        let is_locked = self.is_locked && !account.access.names(self.from);
        let is_locked = is_locked.then_some(LoginError::LockedOut);
        is_locked.or_else(|| account.access.refuses(self.from, self.at, SystemTime::now()))
    }
}
