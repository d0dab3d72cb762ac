//! Several replicas behind one address.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::Secret;
use crate::host::Host;

/// What stands for the number of a replica.
const NUMBER: &str = "{i}";

/// The most replicas that there can be: the last three digits of the number of a session are that of its replica.
pub const MOST_REPLICAS: u16 = 1000;

/// Several replicas behind one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Where they are.
    pub replicas: Replicas,
    /// Which of them this one is.
    pub index: ReplicaIndex,
    /// How many passive ports each has; at least one replica has that many.
    pub ports_per_replica: u16,
    /// The most sessions of all together.
    pub sessions: Option<usize>,
    /// Where this one hears the others.
    pub relay: SocketAddr,
    /// What is said to others, and accepted from them.
    pub secret: Secret,
    /// What is accepted as well.
    pub more_secrets: Vec<Secret>,
    /// Whether connections of one client may come from several addresses.
    pub client_addresses_are_lost: bool,
}

/// Where replicas are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replicas {
    /// A host with `{i}`, and the port.
    Pattern(String, u16),
    /// Each of them, in the order of their numbers; never empty.
    List(Vec<ReplicaAddress>),
}

/// Which replica this one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaIndex {
    /// The number at the end of the machine's name says it.
    FromHostname,
    /// This one.
    Is(u16),
}

/// Where a replica is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaAddress {
    /// A name or an address.
    pub host: Host,
    /// The port.
    pub port: u16,
}

impl fmt::Display for ReplicaAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl ReplicaAddress {
    /// `HOST:PORT`, or `HOST` alone, where the port is this one.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str, port: u16) -> Result<Self, String> {
        let expected = || format!("expected a host, or a host and a port, such as wharf-0.wharf:{port}");
        // An IPv6 address alone has no brackets, and no port.
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self { host: Host::address(address), port });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, given)) if !given.ends_with(']') => {
                let given = given.parse().ok().filter(|given| *given > 0);
                (host, given.ok_or("a port is a number from 1 to 65535")?)
            }
            _ => (text, port),
        };
        Ok(Self { host: Host::parse(host).ok_or_else(expected)?, port })
    }
}

impl Replicas {
    /// From a text with `{i}`, with or without a port.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn pattern(text: &str, port: u16) -> Result<Self, String> {
        if !text.contains(NUMBER) {
            return Err(format!(
                "`{NUMBER}` is missing, which stands for the number of a replica; a list can name each of them"
            ));
        }
        let ReplicaAddress { port, .. } = ReplicaAddress::parse(&text.replace(NUMBER, "0"), port)?;
        let host = text.strip_suffix(&format!(":{port}")).unwrap_or(text);
        Ok(Self::Pattern(host.to_owned(), port))
    }

    /// Where the replica of this number is; `None`: there is none.
    pub fn address(&self, index: u16) -> Option<ReplicaAddress> {
        match self {
            Self::Pattern(host, port) => Some(ReplicaAddress {
                host: Host::parse(&host.replace(NUMBER, &index.to_string()))?,
                port: *port,
            }),
            Self::List(list) => list.get(usize::from(index)).cloned(),
        }
    }
}

impl Cluster {
    /// How many replicas can have ports of their own, of so many ports.
    pub fn most(&self, ports: usize) -> u16 {
        let slices = ports / usize::from(self.ports_per_replica.max(1));
        let listed = match &self.replicas {
            Replicas::Pattern(..) => usize::MAX,
            Replicas::List(list) => list.len(),
        };
        u16::try_from(slices.min(listed)).unwrap_or(u16::MAX).min(MOST_REPLICAS)
    }

    /// The number that a machine of this name has: the one at its end, before the first dot.
    pub fn number_in(hostname: &str) -> Option<u16> {
        let first = hostname.trim().split('.').next()?;
        let digits = first.len() - first.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        first[first.len() - digits..].parse().ok()
    }
}

/// The name of this machine.
pub fn hostname() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
#[path = "cluster_settings_tests.rs"]
mod tests;
