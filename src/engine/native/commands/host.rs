//! HOST (RFC 7151). There is one set of users, whatever the name is.

use std::net::{Ipv4Addr, Ipv6Addr};

use rustls::pki_types::DnsName;

use super::super::state::{Connection, Greeting};
use super::{Result, refuse, reply};

pub(super) async fn run(connection: &mut Connection, greeting: &mut Greeting, argument: &str) -> Result {
    if greeting.name.is_some() {
        return refuse(503, "HOST comes before USER.");
    }
    if !is_host(argument.trim_matches(' ')) {
        return refuse(501, "That is no name of a host.");
    }
    reply(220, connection.greeting())
}

/// A name, an IPv4 address, or an IPv6 address in brackets; no port (RFC 7151, section 3.1).
fn is_host(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<Ipv4Addr>().is_ok() || DnsName::try_from(text).is_ok(),
    }
}

#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    let _ = is_host(text);
}
