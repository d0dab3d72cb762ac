//! What the system is told of a control connection.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::TcpStream;

/// When the other end of a silent control connection is asked whether it is still there, how often, and how often in vain.
/// Firewalls and balancers forget connections that are silent for minutes, as these are during long transfers.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 8;

/// Makes the connection answer at once, and notice that its other end is gone.
pub(super) fn prepare(stream: &TcpStream, peer: SocketAddr) {
    // Replies are short, and each is waited for.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "can't set TCP_NODELAY");
    }
    if let Err(error) = keep_alive(stream) {
        tracing::debug!(%peer, %error, "can't set SO_KEEPALIVE");
    }
}

fn keep_alive(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)?;
    sockopt::set_socket_keepalive(stream, true)
}
