//! What a connection meets at an address before its session: plain text, TLS, or the question whose connection it is.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use ipnet::IpNet;
use tokio::net::TcpStream;

use super::refusal::Refusal;
use crate::proxy_protocol;

/// Whose connection it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) peer: SocketAddr,
    /// What the client connected to, if that is not where the connection came in.
    pub(super) reached: Option<SocketAddr>,
    /// The other end is a load balancer that has named no client.
    pub(super) by_proxy_itself: bool,
}

impl From<SocketAddr> for Arrival {
    /// The connection of whoever has opened it.
    fn from(peer: SocketAddr) -> Self {
        Self { peer, reached: None, by_proxy_itself: false }
    }
}

/// What a connection meets at an address before its session.
#[async_trait]
pub(super) trait Front: Send + Sync {
    /// Whether the session begins with a TLS handshake.
    fn begins_with_tls(&self) -> bool;

    /// Tells the client why it gets no session, if that is possible without waiting.
    fn refuse(&self, stream: TcpStream, refusal: &Refusal);

    /// Whether a connection of this peer says first whose it is.
    fn is_introduced(&self, _peer: IpAddr) -> bool {
        false
    }

    /// Waits for the word on whose connection it is.
    ///
    /// # Errors
    /// If the word does not come, or is none.
    async fn introduction(&self, _stream: &mut TcpStream, peer: SocketAddr) -> io::Result<Arrival> {
        Ok(peer.into())
    }
}

/// The session begins in plain text.
pub(super) struct Plain;

impl Front for Plain {
    fn begins_with_tls(&self) -> bool {
        false
    }

    /// The buffer of a new connection is empty, so this does not wait: whoever floods the server gets no task for it.
    fn refuse(&self, stream: TcpStream, refusal: &Refusal) {
        if let Ok(mut stream) = stream.into_std() {
            let _ = stream.write(refusal.reply().as_bytes());
        }
    }
}

/// The session begins with a TLS handshake.
pub(super) struct ImplicitTls;

impl Front for ImplicitTls {
    fn begins_with_tls(&self) -> bool {
        true
    }

    /// There is no handshake only to say no: it takes time and a task, so the connection is closed.
    fn refuse(&self, _stream: TcpStream, _refusal: &Refusal) {}
}

/// Load balancers say first who the client is, by the PROXY protocol; everybody else meets the front behind it.
pub(super) struct Proxied<F> {
    behind: F,
    /// The load balancers.
    proxies: Arc<[IpNet]>,
}

impl<F> Proxied<F> {
    pub(super) fn new(behind: F, proxies: Arc<[IpNet]>) -> Self {
        Self { behind, proxies }
    }
}

#[async_trait]
impl<F: Front> Front for Proxied<F> {
    fn begins_with_tls(&self) -> bool {
        self.behind.begins_with_tls()
    }

    fn refuse(&self, stream: TcpStream, refusal: &Refusal) {
        self.behind.refuse(stream, refusal);
    }

    fn is_introduced(&self, peer: IpAddr) -> bool {
        proxy_protocol::is_trusted(&self.proxies, peer)
    }

    async fn introduction(&self, stream: &mut TcpStream, proxy: SocketAddr) -> io::Result<Arrival> {
        Ok(match proxy_protocol::accept(stream).await? {
            Some(route) => {
                Arrival { peer: route.client, reached: Some(route.server), by_proxy_itself: false }
            }
            // Often a look at whether the server is alive, which may want to read the greeting.
            None => Arrival { peer: proxy, reached: None, by_proxy_itself: true },
        })
    }
}
