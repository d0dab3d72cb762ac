//! The networks of clients, by which sessions are counted and take turns.

use std::net::{IpAddr, Ipv6Addr};

/// How many leading bits of an IPv6 address identify a client, unless the configuration sets another number: a single
/// customer or machine has a whole /64 (RFC 6177).
pub const IPV6_PREFIX: u8 = 64;

/// All addresses that one client can have: an IPv4 address, or a network of IPv6 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network of this address. Of an IPv6 address, the first `ipv6_prefix` bits count.
    pub fn of(address: IpAddr, ipv6_prefix: u8) -> Self {
        // An IPv4 client on an IPv6 socket is the same client.
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let rest = u32::from(128 - ipv6_prefix.min(128));
                let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
            address => address,
        })
    }

    /// The address, or the first one.
    pub(crate) fn address(self) -> IpAddr {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str, prefix: u8) -> Network {
        Network::of(address.parse().unwrap(), prefix)
    }

    #[test]
    fn one_machine_is_one_network() {
        assert_eq!(of("2001:db8:1:2:3:4:5:6", 64), of("2001:db8:1:2::", 64));
        assert_ne!(of("2001:db8:1:2::", 64), of("2001:db8:1:3::", 64));
        assert_eq!(of("2001:db8:1:2::", 48), of("2001:db8:1:3::", 48));
        assert_ne!(of("2001:db8::1", 128), of("2001:db8::2", 128));
        assert_eq!(of("2001:db8::1", 0), of("fe80::1", 0));
        assert_eq!(of("::ffff:127.0.0.1", 64), of("127.0.0.1", 64));
        assert_ne!(of("127.0.0.1", 64), of("127.0.0.2", 64));
    }
}
