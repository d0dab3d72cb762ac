//! PASV (RFC 959, section 4.1.2).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::super::data::Channel;
use super::super::own_addresses::is_own;
use super::super::state::{Connection, LoggedIn};
use super::{Failure, Reply, Result, refuse, reply};
use crate::ops::logging::rate;

pub(super) async fn run(connection: &mut Connection, session: &mut LoggedIn, _: &str) -> Result {
    if connection.extended_only {
        return refuse(503, "Only EPSV, as you said.");
    }
    let reached = connection.reached.ip().to_canonical();
    let client = connection.peer.ip();
    let (shared, session_id) = (&connection.shared, connection.id);
    let address = match shared.advertised().for_client(client, reached, session_id).await {
        Some(Ok(address)) => address,
        Some(Err(cause)) => {
            let (session, peer) = (connection.id, connection.peer);
            tracing::warn!(session, %peer, %cause, "the address for passive mode is not known");
            return refuse(425, "The server's address is not known; try EPSV.");
        }
        None => match reached {
            IpAddr::V4(address) => address,
            IpAddr::V6(_) => return refuse(425, "PASV can't name this address; use EPSV."),
        },
    };
    let port = listen(connection, session, Some(address)).await?;
    let [a, b, c, d] = address.octets();
    let [high, low] = port.to_be_bytes();
    reply(227, format!("Entering Passive Mode ({a},{b},{c},{d},{high},{low})."))
}

/// Prepares a data connection that the client opens, to this address if it is told one; says at which port.
pub(super) async fn listen(
    connection: &mut Connection,
    session: &mut LoggedIn,
    told: Option<Ipv4Addr>,
) -> Result<u16> {
    // What was prepared before is of no use any more, and may be the very port.
    session.channel = None;
    let protection = connection.security.protection()?;
    // What is told may be another address of this machine, where the control connection did not come in.
    let local = match told {
        Some(address)
            if connection.shared.advertised().are_several()
                && connection.local.ip().to_canonical() != address
                && is_own(SocketAddr::from((address, 0))) =>
        {
            SocketAddr::from((address, 0))
        }
        _ => connection.local,
    };
    let leased = connection.shared.ports.lease(local, connection.peer, !protection.is_private()).await;
    let lease = leased.map_err(|cause| {
        let (session, peer) = (connection.id, connection.peer);
        if rate::REFUSALS.admits(peer.ip()) {
            tracing::warn!(session, %peer, %cause, "no data connection");
        }
        Failure::from(Reply::new(425, "No port for a data connection is free; try again later."))
    })?;
    let port = lease.port();
    session.channel = Some(Box::new(Channel::passive(lease, protection, connection.id)));
    Ok(port)
}
