//! The ports of passive mode: each is bound once and shared by all sessions.
//!
//! A connection belongs to the session that was told its port and whose client has its address. So one port serves as
//! many clients at once as there are addresses, and each client of one address as many transfers as there are ports.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio_util::task::AbortOnDropHandle;

use crate::proxy_protocol;

/// Ports are chosen at random among those that are bound, so that the next one can't be foretold. More than this many are
/// bound only when a client needs them.
const COMFORTABLE: usize = 64;

/// How long a client waits for a port when its address has a transfer on each.
const PORT_TIMEOUT: Duration = Duration::from_secs(10);

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
    bound: HashMap<IpAddr, Vec<Bound>>,
    expected: HashMap<Key, oneshot::Sender<TcpStream>>,
}

#[derive(Debug)]
struct Bound {
    port: u16,
    _accepting: AbortOnDropHandle<()>,
}

/// Where a connection is expected, and from whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    local: IpAddr,
    port: u16,
    client: IpAddr,
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
        local: IpAddr,
        client: IpAddr,
    ) -> Result<Lease, NoPort> {
        let (local, client) = (local.to_canonical(), client.to_canonical());
        let waiting = async {
            loop {
                let freed = self.freed.notified();
                match self.try_lease(local, client) {
                    Err(NoPort::AllInUse) => freed.await,
                    lease => return lease,
                }
            }
        };
        tokio::time::timeout(PORT_TIMEOUT, waiting).await.unwrap_or(Err(NoPort::AllInUse))
    }

    fn try_lease(self: &Arc<Self>, local: IpAddr, client: IpAddr) -> Result<Lease, NoPort> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { bound, expected } = &mut *state;
        let bound = bound.entry(local).or_default();
        let is_free = |port: u16| !expected.contains_key(&Key { local, port, client });
        let count = self.ports.len();
        let mut port = None;
        if bound.len() >= COMFORTABLE.min(count) {
            let start = random_below(bound.len());
            port = bound
                .iter()
                .cycle()
                .skip(start)
                .take(bound.len())
                .map(|bound| bound.port)
                .find(|port| is_free(*port));
        }
        let port = match port {
            Some(port) => port,
            None => match self.bind_one(local, bound) {
                Ok(port) => port,
                // Other programs may have the rest: those that are bound will do.
                Err(error) => match bound.iter().map(|bound| bound.port).find(|port| is_free(*port)) {
                    Some(port) => port,
                    None if bound.is_empty() => return Err(NoPort::Bind(error)),
                    None => return Err(NoPort::AllInUse),
                },
            },
        };
        let key = Key { local, port, client };
        let (sender, arrived) = oneshot::channel();
        expected.insert(key, sender);
        Ok(Lease { key, arrived, ports: Arc::clone(self) })
    }

    fn bind_one(self: &Arc<Self>, local: IpAddr, bound: &mut Vec<Bound>) -> io::Result<u16> {
        let (first, count) = (*self.ports.start(), self.ports.len());
        let start = random_below(count);
        let mut failure = io::Error::from(io::ErrorKind::AddrInUse);
        // All are in the range, so the sum fits.
        let candidates = (0..count).map(|step| first + ((start + step) % count) as u16);
        for port in
            candidates.filter(|port| !bound.iter().any(|bound| bound.port == *port)).collect::<Vec<_>>()
        {
            match self.bind(SocketAddr::new(local, port)) {
                Ok(listener) => {
                    let accepting = tokio::spawn(accept(Arc::downgrade(self), listener, local, port));
                    bound.push(Bound { port, _accepting: AbortOnDropHandle::new(accepting) });
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
        tracing::debug!(%local, error = %failure, "no further port for data connections");
        Err(failure)
    }

    fn bind(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    }

    /// Gives a connection to whoever expects it.
    fn arrived(&self, local: IpAddr, port: u16, stream: TcpStream, peer: SocketAddr) {
        let key = Key { local, port, client: peer.ip().to_canonical() };
        let expected = self.state.lock().unwrap_or_else(PoisonError::into_inner).expected.remove(&key);
        match expected {
            Some(session) => {
                self.freed.notify_waiters();
                // If the session is gone by now, so is the connection.
                let _ = session.send(stream);
            }
            None => tracing::debug!(%peer, port, "closed a data connection that nobody expects"),
        }
    }
}

async fn accept(ports: std::sync::Weak<PassivePorts>, listener: TcpListener, local: IpAddr, port: u16) {
    loop {
        match listener.accept().await {
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
    local: IpAddr,
    port: u16,
    mut stream: TcpStream,
    peer: SocketAddr,
) {
    match proxy_protocol::accept(&mut stream).await {
        Ok(Some(route)) => ports.arrived(local, port, stream, route.client),
        Ok(None) => {}
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
        if state.expected.get(&self.key).is_some_and(oneshot::Sender::is_closed) {
            state.expected.remove(&self.key);
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
