//! Data connections within one machine aren't paced.

use std::net::SocketAddr;

use rustix::net::sockopt;
use tokio::net::TcpStream;

/// Every Linux kernel has it, and lets every program choose it.
const UNPACED: &str = "reno";

/// Sends at once what the socket takes, if the client is on this machine.
///
/// BBR, which some systems have as their default, sends at the pace that it measured last, by a timer. That is for networks:
/// between two programs of one machine there is no queue to keep short, and each byte only waits. What the system is set to
/// stays what clients elsewhere get.
pub(super) fn unpace(stream: &TcpStream) {
    let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else { return };
    if !is_this_machine(local, peer) {
        return;
    }
    let changed = match sockopt::tcp_congestion(stream) {
        Ok(name) if is_paced(&name) => sockopt::set_tcp_congestion(stream, UNPACED),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    // It is slower then, and nothing else.
    if let Err(error) = changed {
        tracing::debug!(%peer, %error, "can't set TCP_CONGESTION");
    }
}

/// Whether both ends are on one machine; of addresses that aren't those of loopback, the same one at both ends says so.
fn is_this_machine(local: SocketAddr, peer: SocketAddr) -> bool {
    let (local, peer) = (local.ip().to_canonical(), peer.ip().to_canonical());
    peer.is_loopback() || local == peer
}

/// `bbr`, and those that succeed it.
fn is_paced(congestion_control: &str) -> bool {
    congestion_control.starts_with("bbr")
}

#[cfg(test)]
#[path = "pacing_tests.rs"]
mod tests;
