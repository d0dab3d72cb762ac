//! Addresses without ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// An address, with the interface if an IPv6 address is ambiguous without it (RFC 4007, section 6): `fe80::1` may be
/// another host on each interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Host {
    pub(super) ip: IpAddr,
    scope: u32,
}

impl Host {
    pub(super) fn of(address: SocketAddr) -> Self {
        let scope = match address {
            SocketAddr::V6(address) if address.ip().is_unicast_link_local() => address.scope_id(),
            _ => 0,
        };
        Self { ip: address.ip().to_canonical(), scope }
    }

    /// No address in particular, of the kind that this one is.
    pub(super) fn any(self) -> Self {
        Self {
            ip: if self.ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() },
            scope: 0,
        }
    }

    pub(super) fn at(self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V4(ip) => SocketAddr::from((ip, port)),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, self.scope).into(),
        }
    }
}
