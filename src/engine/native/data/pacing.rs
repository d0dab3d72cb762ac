//! Switches off BBR's pace for data connections within one machine.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use rustix::net::sockopt;

/// Every Linux kernel has it, and lets every program choose it.
const UNPACED: &str = "reno";

/// Lets a socket for connections within this machine send at once. It is best set before there is a connection: a
/// connection that was paced before keeps a pace by the kernel's own timer, although one far from BBR's.
///
/// The plan. BBR, the default of some systems, sends at the pace that it measured last. This is for networks: between
/// two programs of one machine there is no queue to keep short, and each byte only waits. So sockets within the machine
/// change to another congestion control, and clients elsewhere keep the system's setting.
pub(super) fn unpace(socket: impl AsFd) {
    if let Err(error) = switch(socket, is_paced) {
        // The connection is then slower, and nothing else.
        tracing::debug!(%error, "can't set TCP_CONGESTION");
    }
}

/// The same for a connection that a listener at `local` has accepted, if it is within this machine.
pub(super) fn unpace_accepted(stream: impl AsFd, local: IpAddr, peer: IpAddr) {
    // Listeners on loopback are unpaced, and their connections with them.
    if !local.is_loopback() && local == peer.to_canonical() {
        unpace(stream);
    }
}

fn switch(socket: impl AsFd, is_paced: impl Fn(&str) -> bool) -> rustix::io::Result<()> {
    match is_paced(&sockopt::tcp_congestion(&socket)?) {
        true => sockopt::set_tcp_congestion(&socket, UNPACED),
        false => Ok(()),
    }
}

/// Whether both ends are on one machine: the peer's address is loopback, or the same as the local one.
pub(super) fn is_this_machine(local: SocketAddr, peer: SocketAddr) -> bool {
    let (local, peer) = (local.ip().to_canonical(), peer.ip().to_canonical());
    peer.is_loopback() || local == peer
}

/// `bbr`, and its successors.
fn is_paced(congestion_control: &str) -> bool {
    congestion_control.starts_with("bbr")
}

#[cfg(test)]
#[path = "pacing_tests.rs"]
mod tests;
