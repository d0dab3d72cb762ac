//! What a server hands to an engine.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::accounts::SessionPermit;

/// A control connection that was just accepted.
#[derive(Debug)]
pub struct Connection {
    /// The connection.
    pub stream: TcpStream,
    /// Who is at its other end.
    pub peer: SocketAddr,
    /// The address of this machine that the connection came to.
    pub local: SocketAddr,
    /// What the client connected to: the same, unless a load balancer says otherwise.
    pub reached: SocketAddr,
    /// The other end is a load balancer that has named no client.
    pub by_proxy_itself: bool,
    /// Unique in the life of the process; in every log line of the session.
    pub session: u64,
    /// It starts with a TLS handshake.
    pub implicit_tls: bool,
    /// Its place among the sessions, which is given back when this is dropped.
    pub permit: SessionPermit,
}
