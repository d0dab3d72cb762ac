//! Open ports, and the connections that arrive at them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with, acceptfrom_with};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::super::pacing;
use super::host::Host;
use super::{Arrived, PassivePorts};
use crate::proxy_protocol;

/// How long to wait when the system lacks the resources for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many connections are accepted at a time: more than the system keeps for a listener of the standard library.
const MOST_PENDING: usize = 256;

/// An open port.
///
/// A connection waits in the system's queue until a session asks for it. Most often it is there by then: a task that
/// waits for each connection would cost more than the rest of a small transfer. Only a session that has to wait, or
/// takes its time, gets such a task.
#[derive(Debug)]
pub(super) struct Listening {
    listener: Arc<TcpListener>,
    waiting: Option<AbortOnDropHandle<()>>,
}

impl Listening {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self::of(listener, Host::of(address)))
    }

    /// With a listener that does not block.
    pub(super) fn of(listener: TcpListener, local: Host) -> Self {
        // Only this machine can connect there.
        if local.ip.is_loopback() {
            pacing::unpace(&listener);
        }
        Self { listener: Arc::new(listener), waiting: None }
    }

    pub(super) fn listener(&self) -> Arc<TcpListener> {
        Arc::clone(&self.listener)
    }

    /// Whether no unaccepted connection waits. If one does, it is closed.
    pub(super) fn is_clean(&self) -> bool {
        if !has_pending(&self.listener) {
            return true;
        }
        let pending = accept_with(&self.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK);
        matches!(pending, Err(Errno::AGAIN))
    }

    /// The connections that have already arrived.
    pub(super) fn take_pending(&self, local: Host) -> Vec<Arrived> {
        let next = || has_pending(&self.listener).then(|| accept_one(&self.listener, local).ok()).flatten();
        std::iter::from_fn(next).take(MOST_PENDING).collect()
    }

    /// Whether connections are accepted as soon as they arrive.
    pub(super) fn is_attended(&self) -> bool {
        self.waiting.is_some()
    }

    /// From now on connections are accepted as soon as they arrive.
    pub(super) fn attend(&mut self, ports: &Arc<PassivePorts>, local: Host, port: u16) {
        if self.waiting.is_none() {
            let accept = accept(Arc::downgrade(ports), Arc::clone(&self.listener), local, port);
            self.waiting = Some(AbortOnDropHandle::new(tokio::spawn(accept)));
        }
    }
}

/// Hands over connections as they arrive, for as long as the port is open.
async fn accept(ports: Weak<PassivePorts>, listener: Arc<TcpListener>, local: Host, port: u16) {
    // A separate handle, which is registered with the runtime.
    let listener = match listener.try_clone().and_then(tokio::net::TcpListener::from_std) {
        Ok(listener) => listener,
        // Connections are then accepted when sessions ask for them.
        Err(error) => return tracing::debug!(port, %error, "can't wait for data connections"),
    };
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match ports.upgrade() {
                Some(ports) => {
                    pacing::unpace_accepted(&stream, local.ip, peer.ip());
                    came(&ports, local, port, Arrived { stream, peer, via: None });
                }
                None => return,
            },
            Err(error) => {
                tracing::debug!(port, %error, "can't accept a data connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Hands over connections that have already arrived, without waiting: the system accepts connections before this
/// program learns of them.
pub(super) fn accept_pending(ports: &Arc<PassivePorts>, listener: &TcpListener, local: Host, port: u16) {
    for _ in 0..MOST_PENDING {
        if !has_pending(listener) {
            return;
        }
        match accept_one(listener, local) {
            Ok(arrived) => came(ports, local, port, arrived),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // The connection is gone again.
            Err(error) => tracing::debug!(port, %error, "can't accept a data connection"),
        }
    }
}

/// Whether a connection waits. To try to accept one where none waits costs the kernel a socket that it throws away.
fn has_pending(listener: &TcpListener) -> bool {
    let mut fds = [PollFd::new(listener, PollFlags::IN)];
    !matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0))
}

/// The same for many: one call looks at all. If it fails, any of them may have one.
pub(super) fn have_pending<'a>(listeners: impl Iterator<Item = &'a TcpListener>) -> Vec<bool> {
    let mut fds: Vec<_> = listeners.map(|listener| PollFd::new(listener, PollFlags::IN)).collect();
    match poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(_) => fds.iter().map(|fd| !fd.revents().is_empty()).collect(),
        Err(_) => vec![true; fds.len()],
    }
}

fn accept_one(listener: &TcpListener, local: Host) -> io::Result<Arrived> {
    let (stream, peer) = acceptfrom_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
    let peer =
        peer.and_then(|peer| SocketAddr::try_from(peer).ok()).ok_or(io::ErrorKind::ConnectionAborted)?;
    pacing::unpace_accepted(&stream, local.ip, peer.ip());
    Ok(Arrived { stream: TcpStream::from_std(stream.into())?, peer, via: None })
}

pub(super) fn came(ports: &Arc<PassivePorts>, local: Host, port: u16, arrived: Arrived) {
    match proxy_protocol::is_trusted(&ports.proxies, arrived.peer.ip()) {
        true => drop(tokio::spawn(arrived_by_proxy(Arc::clone(ports), local, port, arrived))),
        false => ports.arrived(local, port, arrived),
    }
}

/// A load balancer first sends the address of the client.
async fn arrived_by_proxy(
    ports: Arc<PassivePorts>,
    local: Host,
    port: u16,
    Arrived { mut stream, peer, via }: Arrived,
) {
    match proxy_protocol::accept(&mut stream).await {
        // As on the control connection, a header that names no client counts as the balancer's own connection.
        Ok(route) => {
            let peer = route.map_or(peer, |route| route.client);
            ports.arrived(local, port, Arrived { stream, peer, via });
        }
        Err(error) => tracing::debug!(%peer, port, %error, "closed a data connection without a PROXY header"),
    }
}
