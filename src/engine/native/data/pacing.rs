//! Data connections within one machine aren't paced by BBR.

use std::net::SocketAddr;
use std::os::fd::AsFd;

use rustix::net::sockopt;
use tokio::net::TcpStream;

/// Every Linux kernel has it, and lets every program choose it.
const UNPACED: &str = "reno";

/// Has a socket whose connections lead to this machine send at once what it takes. Best before there is a connection: one that
/// was paced goes on by the kernel's own timer, at a pace that is far from BBR's, but not at none.
///
/// BBR, which some systems have as their default, sends at the pace that it measured last. That is for networks: between two
/// programs of one machine there is no queue to keep short, and each byte only waits. What the system is set to stays what
/// clients elsewhere get.
pub(super) fn unpace(socket: impl AsFd) {
    if let Err(error) = switch(socket, is_paced) {
        // It is slower then, and nothing else.
        tracing::debug!(%error, "can't set TCP_CONGESTION");
    }
}

/// The same for a connection that is there already, if it is one within this machine.
pub(super) fn unpace_connection(stream: &TcpStream) {
    if let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr())
        && is_this_machine(local, peer)
    {
        unpace(stream);
    }
}

fn switch(socket: impl AsFd, is_paced: impl Fn(&str) -> bool) -> rustix::io::Result<()> {
    match is_paced(&sockopt::tcp_congestion(&socket)?) {
        true => sockopt::set_tcp_congestion(&socket, UNPACED),
        false => Ok(()),
    }
}

/// Whether both ends are on one machine; of addresses that aren't those of loopback, the same one at both ends says so.
pub(super) fn is_this_machine(local: SocketAddr, peer: SocketAddr) -> bool {
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
