//! The ports of passive mode, which all sessions share.
//!
//! The plan. A connection belongs to the session that was told its port and whose client has its address. So one port
//! serves as many clients at once as there are addresses, and each client of one address has as many transfers at once
//! as there are ports.
//!
//! Strangers who share the client's address can connect, too. So each port is chosen at random from the whole range: to
//! find it, they would have to try all ports in the moments until the client connects. Connections of strangers that do
//! arrive are kept until the session knows which connection is its own (`claims`).

mod arrivals;
mod host;
mod lease;
mod listening;
mod open;
mod relayed;

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
pub(super) use self::lease::Strays;
use self::open::OpenPorts;
use self::relayed::Relayed;
pub(in super::super) use self::relayed::RelayedConnections;
use crate::proxy_protocol;

/// How many attempts to open a port may fail for one connection: each is a system call.
const TRIES: usize = 1024;

/// How long a client waits for a port when its address has a transfer on each.
const PORT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a port is held for a client that does not use it, if other clients want it.
const LEASE_TIME: Duration = Duration::from_secs(60);

/// How long an unwanted connection may still arrive: its client opened it, and its transfer was refused. Until then its
/// entry is given to other sessions only if there is no free one, and not before [`STRAY_WAIT`].
const STRAY_TIME: Duration = Duration::from_secs(30);
const STRAY_WAIT: Duration = Duration::from_secs(1);

/// How long other ports are not tried again after other programs used all of them.
const BIND_PAUSE: Duration = Duration::from_secs(10);

/// All ports of passive mode.
#[derive(Debug)]
pub(in super::super) struct PassivePorts {
    ports: RangeInclusive<u16>,
    /// Load balancers, whose connections begin with the client's address.
    proxies: Vec<IpNet>,
    table: Mutex<Table>,
    /// Signals that a port became free for some client.
    freed: Notify,
    /// If this is one of several replicas.
    cluster: Option<Relayed>,
}

#[derive(Debug, Default)]
struct Table {
    open: OpenPorts,
    /// Addresses whose remaining ports were all in use by other programs; they are not tried again before this time.
    exhausted_until: HashMap<Host, Instant>,
    expected: HashMap<Key, Expectation>,
    /// The number of entries at which expired ones are forgotten.
    tidy_at: usize,
}

/// A connection that is expected.
#[derive(Debug)]
struct Expectation {
    /// The session that expects it. `None` if no session does any more, but the client may have opened it, and the
    /// connection must not reach the next session that expects one from that address.
    session: Option<Arc<Arrivals>>,
    /// Whether the first connection to arrive is the session's; otherwise each still has to prove that.
    first_is_right: bool,
    /// When the entry may be given to another session, if there is no other.
    reusable: Instant,
    /// When the entry is forgotten, if no session expects the connection any more.
    ends: Option<Instant>,
}

/// Why there is no port at the moment.
enum Refused {
    NoPort(NoPort),
    /// A port will be available at this time.
    Until(Instant),
}

impl Table {
    fn forget_strays(&mut self, now: Instant) {
        if self.expected.len() >= self.tidy_at {
            self.expected.retain(|_, expectation| expectation.ends.is_none_or(|ends| ends > now));
            self.tidy_at = (self.expected.len() * 2).max(1024);
        }
    }
}

/// Where a connection is expected, and from which client.
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
        let (table, freed) = (Mutex::default(), Notify::new());
        Arc::new(Self { ports, proxies, table, freed, cluster: None })
    }

    /// A port of the address that the client reached, for one connection from the client's address. `first_is_right`:
    /// nothing can be proven, so the first connection is taken for the client's.
    pub(in super::super) async fn lease(
        self: &Arc<Self>,
        local: SocketAddr,
        client: SocketAddr,
        first_is_right: bool,
    ) -> Result<Lease, NoPort> {
        let (local, client) = (self.home(Host::of(local)), self.client(client));
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
        let mut table = self.table();
        table.forget_strays(now);
        let port = self.choose(&mut table, local, client, now)?;
        // A connection from the client's address may have arrived before the client was told of the port.
        for arrived in table.open.take_pending(local, port) {
            match proxy_protocol::is_trusted(&self.proxies, arrived.peer.ip()) {
                true => listening::came(self, local, port, arrived),
                false => {
                    let client = self.client(arrived.peer);
                    _ = hand_over(&mut table, Key { local, port, client }, arrived);
                }
            }
        }
        let key = Key { local, port, client };
        let arrivals = Arrivals::of(first_is_right);
        let expectation = Expectation {
            session: Some(Arc::clone(&arrivals)),
            first_is_right,
            reusable: now + LEASE_TIME,
            ends: None,
        };
        let previous = table.expected.insert(key, expectation);
        if let Some(session) = previous.and_then(|expectation| expectation.session) {
            session.close();
        }
        table.open.lease(self, local, port, &arrivals);
        Ok(Lease { key, arrivals, ports: Arc::clone(self), since: now })
    }

    /// A random port of the range on which this client has no connection. The port is then open.
    fn choose(
        self: &Arc<Self>,
        table: &mut Table,
        local: Host,
        client: Host,
        now: Instant,
    ) -> Result<u16, Refused> {
        let (first, count) = (*self.ports.start(), self.ports.len());
        let start = random_below(count);
        let mut failure = None;
        let mut tries =
            if table.exhausted_until.get(&local).is_some_and(|until| now < *until) { 0 } else { TRIES };
        // The port that becomes available first, because no session waits for it any more, or one has waited for too
        // long.
        let mut soonest: Option<(Instant, u16)> = None;
        // All are in the range, so the sum fits.
        for port in (0..count).map(|step| first + ((start + step) % count) as u16) {
            if let Some(expectation) = table.expected.get(&Key { local, port, client })
                && expectation.ends.is_none_or(|ends| ends > now)
            {
                let candidate = (expectation.reusable, port);
                soonest = Some(soonest.map_or(candidate, |other| other.min(candidate)));
                continue;
            }
            if table.open.is_usable(local, port) {
                return Ok(port);
            }
            if tries == 0 {
                continue;
            }
            match table.open.open(local, port) {
                Ok(()) => return Ok(port),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => tries -= 1,
                // This would fail for every port: no descriptors are left, or the address is not of this machine.
                Err(error) => {
                    failure = Some(error);
                    tries = 0;
                }
            }
        }
        if failure.is_some() || soonest.is_none() {
            table.exhausted_until.insert(local, now + BIND_PAUSE);
        }
        match soonest {
            Some((reusable, _)) if reusable > now => Err(Refused::Until(reusable)),
            Some((_, port)) if table.open.is_usable(local, port) => Ok(port),
            Some((_, port)) => match table.open.open(local, port) {
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

    /// Hands over connections that have already arrived at a port.
    fn accept_pending(self: &Arc<Self>, local: Host, port: u16) {
        let listener = self.table().open.listener(local, port);
        if let Some(listener) = listener {
            listening::accept_pending(self, &listener, local, port);
        }
    }

    /// Gives a connection to the session that expects it.
    fn arrived(&self, local: Host, port: u16, arrived: Arrived) {
        let client = self.client(arrived.peer);
        if hand_over(&mut self.table(), Key { local, port, client }, arrived) {
            self.freed.notify_waiters();
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a connection to the session that expects it, and returns whether this makes room for others.
fn hand_over(table: &mut Table, key: Key, arrived: Arrived) -> bool {
    let peer = arrived.peer;
    let Key { local, port, .. } = key;
    let Some(Expectation { session: Some(session), first_is_right, reusable, .. }) =
        table.expected.get_mut(&key)
    else {
        // If no session wants it any more, its entry is free again.
        let was_expected = table.expected.remove(&key).is_some();
        match table.open.only_session(local, port) {
            // Or its client comes from another address than its control connection.
            Some(session) if !was_expected => session.put_stray(arrived),
            _ => {
                tracing::debug!(%peer, port, "closed a data connection that nobody expects");
                arrived.refuse();
            }
        }
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

/// A number below `count` that can't be predicted from outside.
fn random_below(count: usize) -> usize {
    use std::hash::{BuildHasher, RandomState};
    let hash = RandomState::new().hash_one(count);
    (hash % count.max(1) as u64) as usize
}

#[cfg(test)]
#[path = "passive_tests.rs"]
pub(super) mod tests;
