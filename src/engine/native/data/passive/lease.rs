//! A port, for as long as a session may get its connection there.

use std::io;
use std::sync::Arc;

use tokio::time::Instant;

use super::arrivals::{Arrivals, Arrived};
use super::{Key, PassivePorts, Place, STRAY_TIME, STRAY_WAIT};

/// A port that is held for one connection of one client.
#[derive(Debug)]
pub(in super::super::super) struct Lease {
    pub(super) key: Key,
    pub(super) arrivals: Arc<Arrivals>,
    pub(super) ports: Arc<PassivePorts>,
}

impl Lease {
    pub(in super::super::super) fn port(&self) -> u16 {
        self.key.port
    }

    /// Waits for the next connection. Nothing is lost if it is not waited for to the end.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionAborted`] if the place was given to somebody else.
    pub(in super::super) async fn next(&self) -> io::Result<Arrived> {
        if self.is_empty() {
            self.accept_pending();
        }
        if self.is_empty() {
            self.attend();
        }
        self.arrivals.next().await
    }

    /// From now on connections are taken when they come.
    fn attend(&self) {
        let Key { local, port, .. } = self.key;
        self.ports.state().open.attend(&self.ports, local, port);
    }

    /// Makes sure that all connections that the system has taken can be [taken](Self::take).
    pub(in super::super) fn accept_pending(&self) {
        self.ports.accept_pending(self.key.local, self.key.port);
    }

    /// Whether there is none to be [taken](Self::take).
    pub(in super::super) fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// A connection that is there already.
    pub(in super::super) fn take(&self) -> Option<Arrived> {
        self.arrivals.take()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Key { local, port, .. } = self.key;
        let now = Instant::now();
        if !self.arrivals.had_some() {
            self.accept_pending();
        }
        let mut state = self.ports.state();
        // It may be another session's by now.
        let ours = |place: &Place| {
            place.session.as_ref().is_some_and(|session| Arc::ptr_eq(session, &self.arrivals))
        };
        if let Some(place) = state.expected.get_mut(&self.key).filter(|place| ours(place)) {
            match self.arrivals.had_some() {
                true => {
                    state.expected.remove(&self.key);
                }
                false => {
                    place.session = None;
                    place.reusable = now + STRAY_WAIT;
                    place.ends = Some(now + STRAY_TIME);
                    // It is closed when it comes, and the place is free then.
                    state.open.attend(&self.ports, local, port);
                }
            }
        }
        state.open.give_back(local, port);
        drop(state);
        self.ports.freed.notify_waiters();
    }
}
