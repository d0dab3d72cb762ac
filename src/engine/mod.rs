//! Engines: each speaks FTP on one side and visits on the other.

pub mod libunftp;
pub mod native;
mod reply_code;

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::accounts::SessionPermit;

pub use reply_code::ReplyCode;

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

/// How a server is told to end.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// No new transfers; sessions end when their transfer does.
    pub stopping: CancellationToken,
    /// Transfers end too, at once.
    pub now: CancellationToken,
}

/// Something that speaks FTP.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Serves one control connection, and returns when the session and its transfers are over.
    async fn serve(&self, connection: Connection, shutdown: Shutdown);

    /// How long a stopping server waits after the last byte of a transfer, so that its reply gets out.
    fn linger(&self) -> Duration {
        Duration::from_millis(500)
    }
}
