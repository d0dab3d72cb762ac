//! Connections that have arrived for one session, until it is known which of them is the session's.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::{RecvFlags, recv, sockopt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// How many may wait. The client opens one; others come from strangers who look for open ports.
pub(super) const MOST: usize = 8;

/// A connection, and the address that opened it.
#[derive(Debug)]
pub(in super::super) struct Arrived {
    pub(in super::super) stream: TcpStream,
    pub(in super::super) peer: SocketAddr,
    /// The replica that it came by way of, if it reached another one than this.
    pub(in super::super) via: Option<u16>,
}

/// The state of a connection, as far as it is known without reading from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Standing {
    /// It is open, and no bytes have arrived.
    Silent,
    /// Bytes have arrived.
    Speaks,
    /// The client sends nothing, and never will.
    Ended,
    Reset,
}

impl Arrived {
    /// Closes a connection that nobody wants. A replica that passes it on learns at once that it is over in both directions.
    pub(super) fn refuse(self) {
        if self.via.is_some() {
            let _ = sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
        }
    }

    pub(in super::super) fn standing(&self) -> Standing {
        match recv(&self.stream, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, 0)) => Standing::Ended,
            Ok(_) => Standing::Speaks,
            Err(rustix::io::Errno::AGAIN) => Standing::Silent,
            Err(_) => Standing::Reset,
        }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    arrived: VecDeque<Arrived>,
    /// Another session now expects connections in its place.
    closed: bool,
    had_some: bool,
    strays: Strays,
}

/// Connections from other addresses than the client's, at a port where no other session expects one.
#[derive(Debug, Default)]
struct Strays {
    /// The last of them that can still prove to be the client's, if nobody has examined it yet.
    last: Option<Arrived>,
    /// Where they come from: the first address.
    from: Option<IpAddr>,
    are_of_several: bool,
}

/// Connections that have arrived and were not examined yet.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    waiting: Mutex<Waiting>,
    changed: Notify,
    strayed: Notify,
    first_is_right: bool,
}

impl Arrivals {
    /// Adds a connection; `false` if there are too many. A connection that has ended makes room.
    pub(super) fn put(&self, arrived: Arrived) -> bool {
        let mut waiting = self.waiting();
        if waiting.arrived.len() >= MOST {
            waiting
                .arrived
                .retain(|arrived| !matches!(arrived.standing(), Standing::Ended | Standing::Reset));
        }
        if waiting.closed || waiting.arrived.len() >= MOST {
            arrived.refuse();
            return false;
        }
        waiting.arrived.push_back(arrived);
        waiting.had_some = true;
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// For connections of which nothing can be proven, so that the first is the right one; or for others.
    pub(super) fn of(first_is_right: bool) -> Arc<Self> {
        Arc::new(Self { first_is_right, ..Self::default() })
    }

    /// Notes a connection from another address. It is kept only if it can prove to be the client's; then a later one from
    /// there takes its place, and none is kept if several addresses show up: then somebody looks for open ports.
    pub(super) fn put_stray(&self, arrived: Arrived) {
        let mut waiting = self.waiting();
        if waiting.closed || waiting.had_some {
            return arrived.refuse();
        }
        let strays = &mut waiting.strays;
        let ip = arrived.peer.ip().to_canonical();
        strays.are_of_several |= *strays.from.get_or_insert(ip) != ip;
        match !strays.are_of_several && !self.first_is_right {
            true => strays.last = Some(arrived),
            false => {
                strays.last = None;
                arrived.refuse();
            }
        }
        drop(waiting);
        self.strayed.notify_one();
    }

    /// Waits for the first connection from another address. Cancel safe.
    pub(super) async fn has_stray(&self) {
        loop {
            let strayed = self.strayed.notified();
            if self.waiting().strays.from.is_some() {
                return;
            }
            strayed.await;
        }
    }

    /// The next connection from another address that was kept. Cancel safe.
    pub(super) async fn stray(&self) -> Arrived {
        loop {
            let strayed = self.strayed.notified();
            if let Some(arrived) = self.waiting().strays.last.take() {
                return arrived;
            }
            strayed.await;
        }
    }

    /// The only address that connections have come from, if that is not the client's.
    pub(super) fn only_stray(&self) -> Option<IpAddr> {
        let waiting = self.waiting();
        waiting.strays.from.filter(|_| !waiting.strays.are_of_several && !waiting.had_some)
    }

    /// No more connections will arrive.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.changed.notify_one();
    }

    /// Whether any connection has arrived.
    pub(super) fn had_some(&self) -> bool {
        self.waiting().had_some
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting().arrived.is_empty()
    }

    /// A connection that has already arrived.
    pub(super) fn take(&self) -> Option<Arrived> {
        self.waiting().arrived.pop_front()
    }

    /// The next connection. Cancel safe: no connection is lost.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionAborted`] if no more connections will arrive.
    pub(super) async fn next(&self) -> io::Result<Arrived> {
        loop {
            let changed = self.changed.notified();
            {
                let mut waiting = self.waiting();
                if let Some(arrived) = waiting.arrived.pop_front() {
                    return Ok(arrived);
                }
                if waiting.closed {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            }
            changed.await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // No holder of the lock leaves it half-changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
