//! What replicas tell each other of a data connection: the port, and a header of the PROXY protocol with its two ends.

use crate::proxy_protocol::{self, Route};

/// A client's data connection, which another replica than the session's has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataConnection {
    /// The passive port at which it came in. A load balancer may have another one.
    pub port: u16,
    /// Its two ends, as far as is known.
    pub route: Route,
}

impl DataConnection {
    /// As it is sent.
    pub fn encode(&self) -> Vec<u8> {
        let mut said = self.port.to_be_bytes().to_vec();
        said.extend(proxy_protocol::header(&self.route));
        said
    }

    /// What was sent; `None`: it makes no sense.
    pub fn decode(said: &[u8]) -> Option<Self> {
        let (port, header) = said.split_first_chunk()?;
        let route = proxy_protocol::from_bytes(header).ok().flatten()?;
        Some(Self { port: u16::from_be_bytes(*port), route })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrives_as_it_was_sent() {
        for (client, server) in [
            ("192.0.2.7:40000", "198.51.100.1:50001"),
            ("[2001:db8::7]:40000", "[2001:db8::1]:50001"),
            ("192.0.2.7:40000", "[2001:db8::1]:50001"),
            ("[::ffff:192.0.2.7]:40000", "198.51.100.1:50001"),
        ] {
            let (client, server) = (client.parse().unwrap(), server.parse().unwrap());
            let sent = DataConnection { port: 50001, route: Route { client, server } };
            let received = DataConnection::decode(&sent.encode()).unwrap();
            assert_eq!(received.port, 50001);
            assert_eq!(received.route.client.ip().to_canonical(), client.ip().to_canonical());
            assert_eq!(received.route.client.port(), 40000);
            assert_eq!(received.route.server.ip().to_canonical(), server.ip().to_canonical());
        }
    }

    #[test]
    fn nonsense_is_none() {
        for said in [&b""[..], b"\0", b"\0\x01", b"\0\x01PROXY UNKNOWN\r\n", &[0; 64]] {
            assert_eq!(DataConnection::decode(said), None);
        }
    }
}
