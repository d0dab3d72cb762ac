//! The PROXY protocol, versions 1 and 2: a load balancer first sends the client's address.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use ppp::{v1, v2};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// A load balancer sends the header at once.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The beginning of a header of version 2, which is no longer than any header of version 1.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The byte after the signature if a load balancer speaks for itself.
const VERSION_2_LOCAL: u8 = 0x20;

/// The longest header of version 1, with its end.
const MAX_V1: usize = 107;

/// More than the addresses and the extensions in use need.
const MAX_V2: usize = 4096;

/// The two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The client that connected to the load balancer.
    pub client: SocketAddr,
    /// The address that the client connected to.
    pub server: SocketAddr,
}

/// Whether a connection from this address has to begin with a header. A header from any other address is never read.
pub fn is_trusted(proxies: &[IpNet], peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    proxies.iter().any(|network| network.contains(&peer))
}

/// Reads the header, and not a byte more. `None` if it names no client, so that the connection counts as the load
/// balancer's own: it checks whether the server is alive, or does not know the client.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if there is no header, [`io::ErrorKind::TimedOut`] if it does not arrive, and the
/// errors of the connection.
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
    // The bytes after the line end belong to the session, so read one byte at a time.
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
    // In both cases the rest of the header has to be ignored (sections 2.1 and 2.2), whatever it is.
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
            // A kind of address that this server doesn't know: the connection's own addresses count (section 2.2).
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

/// The same for a connection with or without a header, as for health and metrics: the client there may be a load
/// balancer or any other program. A header comes in one piece, before everything else (section 2 of the protocol), so
/// the first bytes decide.
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

/// The header of version 2 for a connection with these two ends.
pub(crate) fn header(route: &Route) -> Vec<u8> {
    let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (client, server) = (canonical(route.client), canonical(route.server));
    // Both addresses have to be of one kind.
    let mapped = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    };
    let (client, server) = match client.is_ipv4() == server.is_ipv4() {
        true => (client, server),
        false => (mapped(client), mapped(server)),
    };
    let mut header = SIGNATURE.to_vec();
    let octets = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    // Version 2, on behalf of a client; TCP over IPv4 or IPv6; the length of what follows.
    let (family, length) = if client.is_ipv4() { (0x11, 12) } else { (0x21, 36) };
    header.extend([0x21, family, 0, length]);
    header.extend(octets(client.ip()));
    header.extend(octets(server.ip()));
    header.extend(client.port().to_be_bytes());
    header.extend(server.port().to_be_bytes());
    header
}

/// What a whole header says, as [`accept`].
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if it is none.
pub(crate) fn from_bytes(header: &[u8]) -> io::Result<Option<Route>> {
    parse(header)
}

/// Properties that hold for every header, for the fuzzer.
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
