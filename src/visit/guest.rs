//! Who is here.

use std::net::SocketAddr;
use std::sync::Arc;

use super::facts::{Facts, Journal, Who};

/// Somebody who is logged in: what is logged, counted and told to others of whatever they do.
#[derive(Debug, Clone)]
pub struct Guest {
    /// The name of the user. However the anonymous user writes theirs, it is in lower case.
    pub name: String,
    /// There was no password, so many may be behind that name.
    pub is_anonymous: bool,
    /// The number of the session, unique in the life of the process.
    pub session: u64,
    /// The address of the client.
    pub peer: SocketAddr,
    /// Who hears of it.
    pub(crate) facts: Arc<Facts>,
}

impl Guest {
    /// The session, for whoever hears of it.
    pub(crate) fn who(&self) -> Who<'_> {
        Who { session: self.session, user: &self.name, peer: self.peer }
    }

    /// Tells what this one does.
    pub(crate) fn journal(&self) -> Journal<'_> {
        Journal { facts: &self.facts, who: self.who() }
    }
}
