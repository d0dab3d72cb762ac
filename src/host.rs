//! Names of hosts by which clients reach the server: HOST (RFC 7151), the server name of TLS (RFC 6066, section 3), and what the
//! configuration says of them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustls::pki_types::{DnsName, ServerName};

/// A host that a client names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name of the DNS in small letters, without a dot at its end.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl Host {
    /// What HOST says: a name, an IPv4 address, or an IPv6 address in brackets; no port (RFC 7151, section 3.1).
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            return Some(Self::address(address.parse::<Ipv6Addr>().ok()?.into()));
        }
        match text.parse::<Ipv4Addr>() {
            Ok(address) => Some(Self::address(address.into())),
            Err(_) => Self::name(text),
        }
    }

    /// An address, however it is written.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }

    /// A name of the DNS; names beyond ASCII are written as A-labels there (`xn--…`).
    pub fn name(text: &str) -> Option<Self> {
        DnsName::try_from(text).ok()?;
        Some(Self::Name(text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase()))
    }

    /// As certificates are asked for it.
    pub(crate) fn server_name(&self) -> Option<ServerName<'static>> {
        match self {
            Self::Name(name) => ServerName::try_from(name.clone()).ok(),
            Self::Address(address) => Some((*address).into()),
        }
    }
}

/// As [`parse`](Host::parse) reads it.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Hosts as the configuration and certificates name them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// This one.
    Only(Host),
    /// Each whose name has one more label in front (`*.example.com`; RFC 6125, section 6.4.3).
    Below(String),
}

impl HostPattern {
    /// A name, an address, or a name whose first label is `*`.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read = match text.strip_prefix("*.") {
            Some(rest) => match Host::name(rest) {
                Some(Host::Name(rest)) => Some(Self::Below(rest)),
                _ => None,
            },
            None => text
                .parse::<Ipv6Addr>()
                .map_or_else(|_| Host::parse(text), |address| Some(Host::address(address.into())))
                .map(Self::Only),
        };
        read.ok_or_else(|| {
            let advice = match text {
                text if !text.is_ascii() => "write it as the DNS has it (xn--…)",
                text if text.contains('*') => {
                    "a `*` can only stand for the whole first label, as in *.example.com"
                }
                _ => "a name such as ftp.example.com, *.example.com or an address is needed, without a port",
            };
            format!("{text:?} is no host: {advice}")
        })
    }

    /// Whether it stands for this host.
    pub fn has(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Only(own), host) => own == host,
            (Self::Below(rest), Host::Name(name)) => above(name) == Some(rest),
            (Self::Below(_), Host::Address(_)) => false,
        }
    }

    /// A host that it stands for.
    pub(crate) fn example(&self) -> Host {
        match self {
            Self::Only(host) => host.clone(),
            Self::Below(rest) => Host::Name(format!("any-host-at-all.{rest}")),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Only(host) => host.fmt(f),
            Self::Below(rest) => write!(f, "*.{rest}"),
        }
    }
}

/// A name without its first label.
fn above(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, rest)| rest)
}

/// What belongs to hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostMap<T>(BTreeMap<HostPattern, T>);

impl<T> Default for HostMap<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> HostMap<T> {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What belongs to the host by its own name, or else by one with a `*`.
    pub fn get(&self, host: &Host) -> Option<&T> {
        self.0.get(&HostPattern::Only(host.clone())).or_else(|| match host {
            Host::Name(name) => self.0.get(&HostPattern::Below(above(name)?.to_owned())),
            Host::Address(_) => None,
        })
    }

    /// What belongs to hosts that are written so.
    pub fn exactly(&self, hosts: &HostPattern) -> Option<&T> {
        self.0.get(hosts)
    }

    /// Adds what is not there yet; what is there stays. Returns whether it was added.
    pub fn add(&mut self, hosts: HostPattern, value: T) -> bool {
        let is_new = !self.0.contains_key(&hosts);
        if is_new {
            self.0.insert(hosts, value);
        }
        is_new
    }
}

/// How often hosts are named.
impl HostMap<usize> {
    /// Once more.
    pub fn count(&mut self, hosts: &HostPattern) {
        *self.0.entry(hosts.clone()).or_default() += 1;
    }

    /// Once less.
    pub fn discount(&mut self, hosts: &HostPattern) {
        if let Some(count) = self.0.get_mut(hosts) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(hosts);
            }
        }
    }
}

#[cfg(test)]
#[path = "host_tests.rs"]
mod tests;
