//! Who is here.

use std::net::SocketAddr;

use super::journal::Journal;

/// Somebody who is logged in: what is logged, counted and told to others of whatever they do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// The name of the user. However the anonymous user writes theirs, it is in lower case.
    pub name: String,
    /// There was no password, so many may be behind that name.
    pub is_anonymous: bool,
    /// The number of the session, unique in the life of the process.
    pub session: u64,
    /// The address of the client.
    pub peer: SocketAddr,
}

impl Guest {
    /// The log lines of this one.
    pub(crate) fn journal(&self) -> Journal<'_> {
        Journal { session: self.session, user: &self.name, peer: self.peer }
    }
}
