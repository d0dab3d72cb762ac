//! The ports of passive mode: each is bound once and shared by all sessions.
//!
//! A connection belongs to the session that was told its port and whose client has its address. So one port serves as
//! many clients at once as there are addresses, and each client of one address as many transfers as there are ports.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::pacing;
use crate::proxy_protocol;

/// Ports are chosen at random among those that are bound, so that the next one can't be foretold. More than this many are
/// bound only when a client needs them.
const COMFORTABLE: usize = 64;

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

/// A port beyond the [`COMFORTABLE`] ones that nobody connected to for so long is closed: each takes a descriptor.
const IDLE_TIME: Duration = Duration::from_secs(60);

/// How long to wait when the system has no means for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
    /// What is bound, by the address that control connections reached.
    bound: HashMap<Host, BoundPorts>,
    expected: HashMap<Key, Place>,
    /// When there are so many expected, those that are over are forgotten.
    many: usize,
}

#[derive(Debug)]
struct BoundPorts {
    ports: Vec<Bound>,
    /// The rest was seen to be in use by others; it is not tried again before.
    none_before: Instant,
}

impl Default for BoundPorts {
    fn default() -> Self {
        Self { ports: Vec::new(), none_before: Instant::now() }
    }
}

impl BoundPorts {
    /// One of those that are free, by chance.
    fn random(&self, is_free: impl Fn(u16) -> bool) -> Option<u16> {
        let start = random_below(self.ports.len());
        let ports = self.ports.iter().cycle().skip(start).take(self.ports.len());
        ports.map(|bound| bound.port).find(|port| is_free(*port))
    }
}

/// A connection that is expected.
#[derive(Debug)]
struct Place {
    /// Who expects it. `None`: nobody any more, but the client may have opened it, and it must not get to the next one
    /// who expects one from that address.
    session: Option<oneshot::Sender<TcpStream>>,
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

#[derive(Debug)]
struct Bound {
    port: u16,
    _accepting: AbortOnDropHandle<()>,
}

/// Where a connection is expected, and from whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    local: Host,
    port: u16,
    client: Host,
}

/// An address, and the interface where one of IPv6 names none without (RFC 4007, section 6): `fe80::1` may be another host on
/// each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Host {
    ip: IpAddr,
    scope: u32,
}

impl Host {
    fn of(address: SocketAddr) -> Self {
        let scope = match address {
            SocketAddr::V6(address) if address.ip().is_unicast_link_local() => address.scope_id(),
            _ => 0,
        };
        Self { ip: address.ip().to_canonical(), scope }
    }

    fn at(self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V4(ip) => SocketAddr::from((ip, port)),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, self.scope).into(),
        }
    }
}

/// A port that is held for one connection of one client.
#[derive(Debug)]
pub(in super::super) struct Lease {
    key: Key,
    arrived: oneshot::Receiver<TcpStream>,
    ports: Arc<PassivePorts>,
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

    /// A port of the address that the client reached, for one connection from the client's address.
    pub(in super::super) async fn lease(
        self: &Arc<Self>,
        local: SocketAddr,
        client: SocketAddr,
    ) -> Result<Lease, NoPort> {
        let (local, client) = (Host::of(local), Host::of(client));
        let deadline = Instant::now() + PORT_TIMEOUT;
        loop {
            let freed = self.freed.notified();
            let again = match self.try_lease(local, client) {
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

    fn try_lease(self: &Arc<Self>, local: Host, client: Host) -> Result<Lease, Refused> {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.forget_strays(now);
        let State { bound, expected, .. } = &mut *state;
        let bound = bound.entry(local).or_default();
        let key = |port: u16| Key { local, port, client };
        let is_over = |place: &Place| place.ends.is_some_and(|ends| ends <= now);
        let free = bound.random(|port| expected.get(&key(port)).is_none_or(is_over));
        let enough = bound.ports.len() >= COMFORTABLE.min(self.ports.len()) || now < bound.none_before;
        let port = match free {
            Some(port) if enough => port,
            _ => match (self.bind_another(local, bound, now), free) {
                (Ok(port), _) | (Err(_), Some(port)) => port,
                (Err(error), None) => {
                    if bound.ports.is_empty() {
                        return Err(Refused::NoPort(NoPort::Bind(error)));
                    }
                    // What nobody waits for any more, or has waited for too long without a need.
                    let waits = bound.ports.iter().filter_map(|bound| {
                        let reusable = expected.get(&key(bound.port))?.reusable;
                        Some((reusable, bound.port))
                    });
                    match waits.min() {
                        Some((reusable, port)) if reusable <= now => port,
                        Some((reusable, _)) => return Err(Refused::Until(reusable)),
                        None => return Err(Refused::NoPort(NoPort::AllInUse)),
                    }
                }
            },
        };
        let (sender, arrived) = oneshot::channel();
        let place = Place { session: Some(sender), reusable: now + LEASE_TIME, ends: None };
        expected.insert(key(port), place);
        Ok(Lease { key: key(port), arrived, ports: Arc::clone(self) })
    }

    /// Tries all ports that are not bound yet, but not again soon after that was in vain: it is many system calls.
    fn bind_another(self: &Arc<Self>, local: Host, bound: &mut BoundPorts, now: Instant) -> io::Result<u16> {
        if now < bound.none_before && !bound.ports.is_empty() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        self.bind_one(local, bound, now)
    }

    fn bind_one(self: &Arc<Self>, local: Host, bound: &mut BoundPorts, now: Instant) -> io::Result<u16> {
        let (first, count) = (*self.ports.start(), self.ports.len());
        let start = random_below(count);
        let mut failure = io::Error::from(io::ErrorKind::AddrInUse);
        let taken: HashSet<u16> = bound.ports.iter().map(|bound| bound.port).collect();
        // All are in the range, so the sum fits.
        let candidates = (0..count).map(|step| first + ((start + step) % count) as u16);
        for port in candidates.filter(|port| !taken.contains(port)) {
            match self.bind(local.at(port)) {
                Ok(listener) => {
                    let accepting = tokio::spawn(accept(Arc::downgrade(self), listener, local, port));
                    bound.ports.push(Bound { port, _accepting: AbortOnDropHandle::new(accepting) });
                    return Ok(port);
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                // The same for every port: out of descriptors, or not an address of this machine.
                Err(error) => {
                    failure = error;
                    break;
                }
            }
        }
        bound.none_before = now + BIND_PAUSE;
        tracing::debug!(local = %local.ip, error = %failure, "no further port for data connections");
        Err(failure)
    }

    fn bind(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        // Only this machine gets there.
        if address.ip().to_canonical().is_loopback() {
            pacing::unpace(&listener);
        }
        TcpListener::from_std(listener)
    }

    /// Lets go of a port, unless it is one of few or somebody expects a connection to it.
    fn unbind_idle(&self, local: Host, port: u16) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { bound, expected, .. } = &mut *state;
        let Some(bound) = bound.get_mut(&local) else { return true };
        let is_expected = |(key, place): (&Key, &Place)| {
            (key.local, key.port) == (local, port) && place.ends.is_none_or(|ends| ends > now)
        };
        if bound.ports.len() <= COMFORTABLE || expected.iter().any(is_expected) {
            return false;
        }
        bound.ports.retain(|bound| bound.port != port);
        true
    }

    /// Gives a connection to whoever expects it.
    fn arrived(&self, local: Host, port: u16, stream: TcpStream, peer: SocketAddr) {
        let key = Key { local, port, client: Host::of(peer) };
        let expected = self.state.lock().unwrap_or_else(PoisonError::into_inner).expected.remove(&key);
        match expected {
            Some(Place { session, .. }) => {
                self.freed.notify_waiters();
                // If nobody wants it any more, it ends here.
                if let Some(session) = session {
                    let _ = session.send(stream);
                }
            }
            None => tracing::debug!(%peer, port, "closed a data connection that nobody expects"),
        }
    }
}

async fn accept(ports: std::sync::Weak<PassivePorts>, listener: TcpListener, local: Host, port: u16) {
    loop {
        let Ok(accepted) = tokio::time::timeout(IDLE_TIME, listener.accept()).await else {
            match ports.upgrade() {
                Some(ports) if !ports.unbind_idle(local, port) => continue,
                _ => return,
            }
        };
        match accepted {
            Ok((stream, peer)) => match ports.upgrade() {
                Some(ports) if proxy_protocol::is_trusted(&ports.proxies, peer.ip()) => {
                    tokio::spawn(arrived_by_proxy(ports, local, port, stream, peer));
                }
                Some(ports) => ports.arrived(local, port, stream, peer),
                None => return,
            },
            Err(error) => {
                tracing::debug!(port, %error, "can't accept a data connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A load balancer says first whose connection it is.
async fn arrived_by_proxy(
    ports: Arc<PassivePorts>,
    local: Host,
    port: u16,
    mut stream: TcpStream,
    peer: SocketAddr,
) {
    match proxy_protocol::accept(&mut stream).await {
        Ok(Some(route)) => ports.arrived(local, port, stream, route.client),
        // As for the control connection.
        Ok(None) => ports.arrived(local, port, stream, peer),
        Err(error) => tracing::debug!(%peer, port, %error, "closed a data connection without a PROXY header"),
    }
}

impl Lease {
    pub(in super::super) fn port(&self) -> u16 {
        self.key.port
    }

    /// Waits for the connection.
    pub(in super::super) async fn connection(mut self) -> io::Result<TcpStream> {
        (&mut self.arrived).await.map_err(|_| io::ErrorKind::ConnectionAborted.into())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.arrived.close();
        let mut state = self.ports.state.lock().unwrap_or_else(PoisonError::into_inner);
        // After a connection arrived, the same place may be expected by another session.
        let ours = |place: &Place| place.session.as_ref().is_some_and(oneshot::Sender::is_closed);
        if let Some(place) = state.expected.get_mut(&self.key).filter(|place| ours(place)) {
            let now = Instant::now();
            *place = Place { session: None, reusable: now + STRAY_WAIT, ends: Some(now + STRAY_TIME) };
            drop(state);
            self.ports.freed.notify_waiters();
        }
    }
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
