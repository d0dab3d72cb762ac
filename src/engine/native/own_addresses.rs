//! Which addresses are this machine's.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Whether an address is one of this machine's: what goes there comes from there. Nothing is sent for this. To bind it would tell
/// nothing where the system lets addresses of others be bound.
pub(super) fn is_own(address: SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    // All of these are reached from one.
    if ip.is_loopback() || ip.is_unspecified() {
        return true;
    }
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
    routed.is_ok_and(|source| source.ip().to_canonical() == ip)
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
