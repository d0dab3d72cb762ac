//! A port, for as long as a session may get its connection there.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::arrivals::{Arrivals, Arrived};
use super::{Expectation, Key, PassivePorts, STRAY_TIME};

/// A port that is held for one connection of one client.
#[derive(Debug)]
pub(in super::super::super) struct Lease {
    pub(super) key: Key,
    pub(super) arrivals: Arc<Arrivals>,
    pub(super) ports: Arc<PassivePorts>,
    /// When the client was told.
    pub(super) since: Instant,
}

/// Connections at the port of a lease that come from another address than the client's.
#[derive(Debug)]
pub(in super::super) struct Strays {
    key: Key,
    arrivals: Arc<Arrivals>,
    ports: Arc<PassivePorts>,
    since: Instant,
}

impl Strays {
    /// Whether the client's own connection may come by way of another replica.
    pub(in super::super) fn may_be_passed_on(&self) -> bool {
        self.ports.is_of_cluster()
    }

    /// Waits for the first of them. Cancel safe.
    pub(in super::super) async fn first(&self) {
        self.arrivals.has_stray().await;
    }

    /// The next of them that may prove to be the client's. Cancel safe.
    pub(in super::super) async fn next(&self) -> Arrived {
        self.arrivals.stray().await
    }

    /// The only address that connections have come from, if that is not the client's.
    pub(in super::super) fn only_address(&self) -> Option<IpAddr> {
        self.ports.accept_pending(self.key.local, self.key.port);
        self.arrivals.only_stray()
    }

    /// The address of the client.
    pub(in super::super) fn client(&self) -> IpAddr {
        self.key.client.ip
    }

    /// When the client was told of the port.
    pub(in super::super) fn since(&self) -> Instant {
        self.since
    }
}

impl Lease {
    pub(in super::super::super) fn port(&self) -> u16 {
        self.key.port
    }

    pub(in super::super) fn strays(&self) -> Strays {
        let Self { key, arrivals, ports, since } = self;
        Strays { key: *key, arrivals: Arc::clone(arrivals), ports: Arc::clone(ports), since: *since }
    }

    /// Waits for the next connection. Cancel safe: no connection is lost.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionAborted`] if the port was given to another session.
    pub(in super::super) async fn next(&self) -> io::Result<Arrived> {
        if self.is_empty() {
            self.accept_pending();
        }
        if self.is_empty() {
            self.attend();
        }
        self.arrivals.next().await
    }

    /// From now on connections are accepted as soon as they arrive.
    fn attend(&self) {
        let Key { local, port, .. } = self.key;
        self.ports.table().open.attend(&self.ports, local, port);
    }

    /// Makes sure that all connections that the system has accepted can be [taken](Self::take).
    pub(in super::super) fn accept_pending(&self) {
        self.ports.accept_pending(self.key.local, self.key.port);
    }

    /// Whether there is no connection to be [taken](Self::take).
    pub(in super::super) fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// A connection that has already arrived.
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
        let mut table = self.ports.table();
        // The entry may be another session's by now.
        let is_ours = |expectation: &Expectation| {
            expectation.session.as_ref().is_some_and(|session| Arc::ptr_eq(session, &self.arrivals))
        };
        if let Some(expectation) =
            table.expected.get_mut(&self.key).filter(|expectation| is_ours(expectation))
        {
            match self.arrivals.had_some() {
                true => {
                    table.expected.remove(&self.key);
                }
                false => {
                    expectation.session = None;
                    expectation.reusable = now + self.ports.stray_wait();
                    expectation.ends = Some(now + STRAY_TIME);
                    // The connection is closed when it arrives, and the entry is then free.
                    table.open.attend(&self.ports, local, port);
                }
            }
        }
        table.open.give_back(local, port, &self.arrivals);
        drop(table);
        self.ports.freed.notify_waiters();
    }
}
