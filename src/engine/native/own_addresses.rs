//! The addresses of this machine.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Whether an address is one of this machine's. Sends nothing.
pub(super) fn is_own(address: SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    // Packets to each of these stay on the machine.
    ip.is_loopback() || ip.is_unspecified() || comes_from_itself(address) || can_be_bound(address)
}

/// Packets to an own address have this address as their source. For another address of the same network they have not.
fn comes_from_itself(address: SocketAddr) -> bool {
    let anywhere = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let mut target = address;
    target.set_port(9);
    let routed = UdpSocket::bind(anywhere).and_then(|socket| {
        socket.connect(target)?;
        socket.local_addr()
    });
    routed.is_ok_and(|source| source.ip().to_canonical() == address.ip().to_canonical())
}

/// Only own addresses can be bound, unless the system allows binding foreign addresses: then this proves nothing.
fn can_be_bound(address: SocketAddr) -> bool {
    let others_can_be = |family: &str| {
        let setting = std::fs::read_to_string(format!("/proc/sys/net/{family}/ip_nonlocal_bind"));
        setting.is_ok_and(|setting| setting.trim() != "0")
    };
    let mut own = address;
    own.set_port(0);
    let is_ipv4 = address.ip().to_canonical().is_ipv4();
    UdpSocket::bind(own).is_ok() && !others_can_be(if is_ipv4 { "ipv4" } else { "ipv6" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_and_others_are_not() {
        for own in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "0.0.0.0:1"] {
            assert!(is_own(own.parse().unwrap()), "{own}");
        }
        for other in ["192.0.2.1:1", "[2001:db8::1]:1"] {
            assert!(!is_own(other.parse().unwrap()), "{other}");
        }
    }
}
