//! The PROXY protocol, versions 1 and 2: a load balancer says first who the client is.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use ppp::{v1, v2};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// A load balancer sends the header at once.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The beginning of a header of version 2, and as much as any of version 1 has.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What follows the signature where a load balancer speaks for itself.
const VERSION_2_LOCAL: u8 = 0x20;

/// The longest header of version 1, with its end.
const MAX_V1: usize = 107;

/// More than addresses and the additions that are in use need.
const MAX_V2: usize = 4096;

/// Between whom a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Who connected to the load balancer.
    pub client: SocketAddr,
    /// What they connected to.
    pub server: SocketAddr,
}

/// Whether a connection from this address has to begin with a header. One from anybody else must not: its word counts
/// for nothing.
pub fn is_trusted(proxies: &[IpNet], peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    proxies.iter().any(|network| network.contains(&peer))
}

/// Reads the header, and not a byte more. `None` if it names nobody, so that the connection counts as that of who has opened
/// it: a load balancer that looks whether the server is alive, or one that does not know more.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if there is no header, [`io::ErrorKind::TimedOut`] if it does not come, and those of the
/// connection.
pub async fn accept(stream: &mut TcpStream) -> io::Result<Option<Route>> {
    let header = tokio::time::timeout(HEADER_TIMEOUT, read(stream)).await;
    parse(&header.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no PROXY header in time"))??)
}

async fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut header = vec![0; SIGNATURE.len()];
    stream.read_exact(&mut header).await?;
    if header == SIGNATURE {
        header.resize(16, 0);
        stream.read_exact(&mut header[SIGNATURE.len()..]).await?;
        let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
        if length > MAX_V2 {
            return Err(invalid("the PROXY header is too long"));
        }
        header.resize(16 + length, 0);
        stream.read_exact(&mut header[16..]).await?;
        return Ok(header);
    }
    // What follows the line end is for the session: a byte at a time, then.
    while !header.ends_with(b"\r\n") {
        if header.len() >= MAX_V1 || !header.starts_with(b"PROXY ") {
            return Err(invalid("there is no PROXY header"));
        }
        header.push(stream.read_u8().await?);
    }
    Ok(header)
}

fn parse(header: &[u8]) -> io::Result<Option<Route>> {
    let route = |client: (IpAddr, u16), server: (IpAddr, u16)| {
        Ok(Some(Route { client: client.into(), server: server.into() }))
    };
    // In both of these all that follows is to be ignored (sections 2.1 and 2.2), whatever it is.
    if header.starts_with(b"PROXY UNKNOWN\r\n") || header.starts_with(b"PROXY UNKNOWN ") {
        return Ok(None);
    }
    if header.starts_with(SIGNATURE) {
        if header.get(SIGNATURE.len()) == Some(&VERSION_2_LOCAL) {
            return Ok(None);
        }
        let header = v2::Header::try_from(header).map_err(invalid)?;
        return match header.addresses {
            v2::Addresses::IPv4(a) => route(
                (a.source_address.into(), a.source_port),
                (a.destination_address.into(), a.destination_port),
            ),
            v2::Addresses::IPv6(a) => route(
                (a.source_address.into(), a.source_port),
                (a.destination_address.into(), a.destination_port),
            ),
            // Of another kind than this server knows: the connection's own addresses count (section 2.2).
            v2::Addresses::Unix(_) | v2::Addresses::Unspecified => Ok(None),
        };
    }
    match v1::Header::try_from(header).map_err(invalid)?.addresses {
        v1::Addresses::Tcp4(a) => route(
            (a.source_address.into(), a.source_port),
            (a.destination_address.into(), a.destination_port),
        ),
        v1::Addresses::Tcp6(a) => route(
            (a.source_address.into(), a.source_port),
            (a.destination_address.into(), a.destination_port),
        ),
        v1::Addresses::Unknown => Ok(None),
    }
}

/// The same for a connection that begins with a header or without one, as those for health and metrics do: what asks there
/// may be a load balancer or anything beside it. A header comes in one piece, in front of all else (section 2 of the
/// protocol), so the first bytes tell.
///
/// # Errors
/// As for [`accept`].
pub async fn accept_if_any(stream: &mut TcpStream) -> io::Result<Option<Route>> {
    let mut first = [0; 4];
    let seen = tokio::time::timeout(HEADER_TIMEOUT, stream.peek(&mut first)).await;
    let seen = seen.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "nothing came in time"))??;
    match &first[..seen] {
        b"PROX" | b"\r\n\r\n" => accept(stream).await,
        _ => Ok(None),
    }
}

/// What no header may do, for the fuzzer.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    let _ = parse(bytes);
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
#[path = "proxy_protocol_tests.rs"]
mod tests;
