//! PORT (RFC 959, section 4.1.2).

use std::net::{Ipv4Addr, SocketAddr};

use super::super::data::Channel;
use super::super::own_addresses::is_own;
use super::super::state::{Connection, LoggedIn};
use super::{Result, refuse, reply};
use crate::ops::logging::rate;

/// Below are services that no client runs (RFC 2577, section 3).
const FIRST_PORT: u16 = 1024;

pub(super) async fn run(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    match parse(argument) {
        Some(address) => prepare(connection, session, address),
        None => refuse(501, "Syntax: PORT h1,h2,h3,h4,p1,p2"),
    }
}

fn parse(argument: &str) -> Option<SocketAddr> {
    let numbers: Vec<u8> =
        argument.split(',').map(|number| number.trim().parse().ok()).collect::<Option<_>>()?;
    let [a, b, c, d, high, low] = numbers[..] else { return None };
    Some(SocketAddr::from((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]))))
}

/// Prepares a data connection to this address.
pub(super) fn prepare(connection: &mut Connection, session: &mut LoggedIn, to: SocketAddr) -> Result {
    session.channel = None;
    if connection.extended_only {
        return refuse(503, "Only EPSV, as you said.");
    }
    if !connection.server().active {
        return refuse(502, "This server has no active mode; use PASV or EPSV.");
    }
    // Whoever could name another address would have the server scan ports and fool firewalls (RFC 2577, section 3).
    if to.ip().to_canonical() != connection.peer.ip().to_canonical() || to.port() < FIRST_PORT {
        let (session, peer) = (connection.id, connection.peer);
        if rate::REFUSALS.admits(peer.ip()) {
            tracing::warn!(session, %peer, to = %to, "refused a data connection to another host or a privileged port");
        }
        return refuse(504, "Only your own address, and ports from 1024 on.");
    }
    if connection.by_proxy_itself {
        let (session, peer) = (connection.id, connection.peer);
        if rate::REFUSALS.admits(peer.ip()) {
            tracing::warn!(session, %peer, %to, "refused a data connection to a load balancer, which has named no client");
        }
        return refuse(504, "Not to a load balancer; use PASV or EPSV.");
    }
    // Such an address is not the client's alone: whoever comes through a proxy on this machine, or is on it, would have the server
    // speak to what else is there.
    if !connection.server().active_on_this_machine
        && (to.ip().to_canonical() == connection.local.ip().to_canonical() || is_own(connection.peer))
    {
        let (session, peer) = (connection.id, connection.peer);
        if rate::REFUSALS.admits(peer.ip()) {
            tracing::warn!(
                session, %peer, %to,
                "refused a data connection to an address of this machine; `server.active_on_this_machine` allows it"
            );
        }
        return refuse(504, "Not to an address of the server's own; use PASV or EPSV.");
    }
    let protection = connection.security.protection()?;
    // A client knows its interface by another number than this machine.
    let mut client = connection.peer;
    client.set_port(to.port());
    session.channel = Some(Box::new(Channel::active(connection.local, client, protection, connection.id)));
    reply(200, "The server will connect.")
}

#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    let _ = parse(text);
}

#[cfg(test)]
#[path = "port_tests.rs"]
mod tests;
