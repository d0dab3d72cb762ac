//! The ports of passive mode: each is shared by all sessions.
//!
//! A connection belongs to a session that was told its port and whose client has its address. So one port serves as many
//! clients at once as there are addresses, and each client of one address as many transfers as there are ports.
//!
//! Who shares the client's address can connect, too. So a port is drawn out of the whole range: to find it, all would have to be
//! tried within the moments until the client comes. What comes all the same is kept until the session knows which connection is
//! its own.

mod arrivals;
mod host;
mod lease;
mod listening;
mod open;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::arrivals::Arrivals;
pub(super) use self::arrivals::{Arrived, Standing};
use self::host::Host;
pub(in super::super) use self::lease::Lease;
use self::open::OpenPorts;
use crate::proxy_protocol;

/// How many ports are tried in vain for one connection: each is a system call.
const TRIES: usize = 1024;

/// How long a client waits for a port when its address has a transfer on each.
const PORT_TIMEOUT: Duration = Duration::from_secs(10);

/// For how long a port is held for a client that does not use it, if others want it.
const LEASE_TIME: Duration = Duration::from_secs(60);

/// How long a connection may come that nobody wants any more: its client opened it and was refused. Until then its place is
/// given to others only if there is no free one, and not before [`STRAY_WAIT`].
const STRAY_TIME: Duration = Duration::from_secs(30);
const STRAY_WAIT: Duration = Duration::from_secs(1);

/// How long other ports are not tried again after all of them were in use by others.
const BIND_PAUSE: Duration = Duration::from_secs(10);

/// All ports of passive mode.
#[derive(Debug)]
pub(in super::super) struct PassivePorts {
    ports: RangeInclusive<u16>,
    /// Load balancers, whose connections say who the client is.
    proxies: Vec<IpNet>,
    state: Mutex<State>,
    /// A port became free for somebody.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    open: OpenPorts,
    /// The rest of an address's ports was seen to be in use by others; it is not tried again before.
    none_before: HashMap<Host, Instant>,
    expected: HashMap<Key, Place>,
    /// When there are so many expected, those that are over are forgotten.
    many: usize,
}

/// A connection that is expected.
#[derive(Debug)]
struct Place {
    /// Who expects it. `None`: nobody any more, but the client may have opened it, and it must not get to the next one
    /// who expects one from that address.
    session: Option<Arc<Arrivals>>,
    /// One that has come is the session's; otherwise it still has to show that.
    first_is_right: bool,
    /// When the place may be given to somebody else, should there be no other.
    reusable: Instant,
    /// When it is forgotten, if nobody expects it any more.
    ends: Option<Instant>,
}

/// Why there is no port now.
enum Refused {
    NoPort(NoPort),
    /// Then there will be one.
    Until(Instant),
}

impl State {
    fn forget_strays(&mut self, now: Instant) {
        if self.expected.len() >= self.many {
            self.expected.retain(|_, place| place.ends.is_none_or(|ends| ends > now));
            self.many = (self.expected.len() * 2).max(1024);
        }
    }
}

/// Where a connection is expected, and from whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    local: Host,
    port: u16,
    client: Host,
}

/// There is no port for this client.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum NoPort {
    /// Each has a connection that this address waits for.
    #[error("all ports for data connections are in use")]
    AllInUse,
    /// None can be bound.
    #[error("no port for data connections can be bound: {0}")]
    Bind(#[source] io::Error),
}

impl PassivePorts {
    pub(in super::super) fn new(ports: RangeInclusive<u16>, proxies: Vec<IpNet>) -> Arc<Self> {
        Arc::new(Self { ports, proxies, state: Mutex::default(), freed: Notify::new() })
    }

    /// A port of the address that the client reached, for one connection from the client's address. `first_is_right`: where
    /// nothing can be proven, the first one is taken for the client's.
    pub(in super::super) async fn lease(
        self: &Arc<Self>,
        local: SocketAddr,
        client: SocketAddr,
        first_is_right: bool,
    ) -> Result<Lease, NoPort> {
        let (local, client) = (Host::of(local), Host::of(client));
        let deadline = Instant::now() + PORT_TIMEOUT;
        loop {
            let freed = self.freed.notified();
            let again = match self.try_lease(local, client, first_is_right) {
                Ok(lease) => return Ok(lease),
                Err(Refused::NoPort(NoPort::Bind(error))) => return Err(NoPort::Bind(error)),
                Err(Refused::NoPort(NoPort::AllInUse)) => deadline,
                Err(Refused::Until(reusable)) => reusable.min(deadline),
            };
            let _ = tokio::time::timeout_at(again, freed).await;
            if Instant::now() >= deadline {
                return Err(NoPort::AllInUse);
            }
        }
    }

    fn try_lease(
        self: &Arc<Self>,
        local: Host,
        client: Host,
        first_is_right: bool,
    ) -> Result<Lease, Refused> {
        let now = Instant::now();
        let mut state = self.state();
        state.forget_strays(now);
        let port = self.choose(&mut state, local, client, now)?;
        // Somebody at the client's address may have come before the client was told of the port.
        for arrived in state.open.take_pending(local, port) {
            match proxy_protocol::is_trusted(&self.proxies, arrived.peer.ip()) {
                true => listening::came(self, local, port, arrived),
                false => _ = hand_over(&mut state, local, port, arrived),
            }
        }
        let key = Key { local, port, client };
        let arrivals = Arc::<Arrivals>::default();
        let place = Place {
            session: Some(Arc::clone(&arrivals)),
            first_is_right,
            reusable: now + LEASE_TIME,
            ends: None,
        };
        let before = state.expected.insert(key, place);
        if let Some(session) = before.and_then(|place| place.session) {
            session.close();
        }
        state.open.lease(self, local, port);
        Ok(Lease { key, arrivals, ports: Arc::clone(self) })
    }

    /// A port by chance out of all that this client has no connection on, which is open then.
    fn choose(
        self: &Arc<Self>,
        state: &mut State,
        local: Host,
        client: Host,
        now: Instant,
    ) -> Result<u16, Refused> {
        let (first, count) = (*self.ports.start(), self.ports.len());
        let start = random_below(count);
        let mut failure = None;
        let mut tries = if state.none_before.get(&local).is_some_and(|none| now < *none) { 0 } else { TRIES };
        // What nobody waits for any more, or has waited for too long without a need.
        let mut soonest: Option<(Instant, u16)> = None;
        // All are in the range, so the sum fits.
        for port in (0..count).map(|step| first + ((start + step) % count) as u16) {
            if let Some(place) = state.expected.get(&Key { local, port, client })
                && place.ends.is_none_or(|ends| ends > now)
            {
                let waits = (place.reusable, port);
                soonest = Some(soonest.map_or(waits, |other| other.min(waits)));
                continue;
            }
            if state.open.is_usable(local, port) {
                return Ok(port);
            }
            if tries == 0 {
                continue;
            }
            match state.open.open(local, port) {
                Ok(()) => return Ok(port),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => tries -= 1,
                // The same for every port: out of descriptors, or not an address of this machine.
                Err(error) => {
                    failure = Some(error);
                    tries = 0;
                }
            }
        }
        if failure.is_some() || soonest.is_none() {
            state.none_before.insert(local, now + BIND_PAUSE);
        }
        match soonest {
            Some((reusable, _)) if reusable > now => Err(Refused::Until(reusable)),
            Some((_, port)) if state.open.is_usable(local, port) => Ok(port),
            Some((_, port)) => match state.open.open(local, port) {
                Ok(()) => Ok(port),
                Err(_) => Err(Refused::NoPort(NoPort::AllInUse)),
            },
            None => {
                let error = failure.unwrap_or_else(|| io::ErrorKind::AddrInUse.into());
                tracing::debug!(local = %local.ip, %error, "no port for data connections");
                Err(Refused::NoPort(NoPort::Bind(error)))
            }
        }
    }

    /// Hands on what has come to a port already.
    fn accept_pending(self: &Arc<Self>, local: Host, port: u16) {
        let listener = self.state().open.listener(local, port);
        if let Some(listener) = listener {
            listening::accept_pending(self, &listener, local, port);
        }
    }

    /// Gives a connection to whoever expects it.
    fn arrived(&self, local: Host, port: u16, arrived: Arrived) {
        if hand_over(&mut self.state(), local, port, arrived) {
            self.freed.notify_waiters();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a connection to whoever expects it, and says whether that makes room for others.
fn hand_over(state: &mut State, local: Host, port: u16, arrived: Arrived) -> bool {
    let peer = arrived.peer;
    let key = Key { local, port, client: Host::of(peer) };
    let Some(Place { session: Some(session), first_is_right, reusable, .. }) = state.expected.get_mut(&key)
    else {
        // If nobody wants it any more, its place is free again.
        state.expected.remove(&key);
        tracing::debug!(%peer, port, "closed a data connection that nobody expects");
        return true;
    };
    if !session.put(arrived) {
        tracing::debug!(%peer, port, "closed a data connection: too many wait at this port");
        return false;
    }
    if *first_is_right {
        *reusable = Instant::now();
    }
    *first_is_right
}

/// A number below `count`, which is not to be foretold from outside.
fn random_below(count: usize) -> usize {
    use std::hash::{BuildHasher, RandomState};
    let hash = RandomState::new().hash_one(count);
    (hash % count.max(1) as u64) as usize
}

#[cfg(test)]
#[path = "passive_tests.rs"]
mod tests;
