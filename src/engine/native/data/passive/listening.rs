//! Ports that are open, and what comes to them.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::net::{SocketFlags, accept_with};
use tokio::net::{TcpListener, TcpStream};

use super::super::pacing;
use super::arrivals::MOST;
use super::host::Host;
use super::{Arrived, PassivePorts};
use crate::proxy_protocol;

/// How long to wait when the system has no means for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    // Only this machine gets there.
    if address.ip().to_canonical().is_loopback() {
        pacing::unpace(&listener);
    }
    TcpListener::from_std(listener)
}

/// Hands on what comes, for as long as the port is open.
pub(super) async fn accept(ports: Weak<PassivePorts>, listener: Arc<TcpListener>, local: Host, port: u16) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match ports.upgrade() {
                Some(ports) => came(&ports, local, port, Arrived { stream, peer }),
                None => return,
            },
            Err(error) => {
                tracing::debug!(port, %error, "can't accept a data connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Hands on what has come already, and waits for nothing: the system takes connections before this program hears of them.
pub(super) fn accept_pending(ports: &Arc<PassivePorts>, listener: &TcpListener, local: Host, port: u16) {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    for _ in 0..MOST {
        let Ok(accepted) = accept_with(listener, flags) else { return };
        let stream = std::net::TcpStream::from(accepted);
        let arrived = stream.peer_addr().and_then(|peer| {
            let stream = TcpStream::from_std(stream)?;
            Ok(Arrived { stream, peer })
        });
        match arrived {
            Ok(arrived) => came(ports, local, port, arrived),
            // It is gone again.
            Err(error) => tracing::debug!(port, %error, "can't accept a data connection"),
        }
    }
}

fn came(ports: &Arc<PassivePorts>, local: Host, port: u16, arrived: Arrived) {
    match proxy_protocol::is_trusted(&ports.proxies, arrived.peer.ip()) {
        true => drop(tokio::spawn(arrived_by_proxy(Arc::clone(ports), local, port, arrived))),
        false => ports.arrived(local, port, arrived),
    }
}

/// A load balancer says first whose connection it is.
async fn arrived_by_proxy(
    ports: Arc<PassivePorts>,
    local: Host,
    port: u16,
    Arrived { mut stream, peer }: Arrived,
) {
    match proxy_protocol::accept(&mut stream).await {
        // As for the control connection, one that names nobody counts as the balancer's own.
        Ok(route) => {
            let peer = route.map_or(peer, |route| route.client);
            ports.arrived(local, port, Arrived { stream, peer });
        }
        Err(error) => tracing::debug!(%peer, port, %error, "closed a data connection without a PROXY header"),
    }
}
