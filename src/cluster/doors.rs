//! The passive ports of other replicas: whoever comes there is passed on.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use tokio::net::{TcpListener, TcpStream};

use super::Cluster;
use crate::ops::logging::rate;
use crate::proxy_protocol::{self, Route};

/// How many connections the system keeps for a port until they are accepted.
const BACKLOG: i32 = 1024;

/// How long to wait when the system lacks the resources for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens on a port. An IPv6 address is for IPv6 alone if `v6_only` says so: somebody else may have the port for IPv4.
pub(super) fn open(address: SocketAddr, v6_only: bool) -> io::Result<StdListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if v6_only && address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// The addresses at which passive ports are: those where control connections come in.
pub(super) fn addresses(listen: impl Iterator<Item = SocketAddr>) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = listen.map(|address| address.ip()).collect();
    addresses.sort();
    addresses.dedup();
    // All addresses of a kind include each of them.
    for all in [true, false] {
        if addresses.iter().any(|ip| ip.is_unspecified() && ip.is_ipv4() == all) {
            addresses.retain(|ip| ip.is_unspecified() || ip.is_ipv4() != all);
        }
    }
    addresses
}

/// Passes on whoever comes to this port, for as long as the cluster is there.
pub(super) async fn attend(cluster: Weak<Cluster>, listener: TcpListener, owner: u16, port: u16) {
    loop {
        let accepted = listener.accept().await;
        let Some(cluster) = cluster.upgrade() else { return };
        match accepted {
            Ok((stream, peer)) => came(cluster, stream, peer, owner, port),
            Err(error) => {
                if rate::RELAYS.admits(super::as_address(owner)) {
                    tracing::warn!(port, %error, "can't accept data connections");
                }
                drop(cluster);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn came(cluster: Arc<Cluster>, mut stream: TcpStream, peer: SocketAddr, owner: u16, port: u16) {
    let Ok(server) = stream.local_addr() else { return };
    let direct = Route { client: peer, server };
    if !proxy_protocol::is_trusted(&cluster.proxies, peer.ip()) {
        return cluster.pass_on(stream, direct, owner, port);
    }
    let Some(place) = cluster.introductions.enter(peer.ip()) else { return };
    tokio::spawn(async move {
        let introduced = proxy_protocol::accept(&mut stream).await;
        drop(place);
        match introduced {
            // As on the control connection, a header that names no client counts as the balancer's own connection.
            Ok(route) => cluster.pass_on(stream, route.unwrap_or(direct), owner, port),
            Err(error) => {
                tracing::debug!(%peer, port, %error, "closed a data connection without a PROXY header");
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passive_ports_are_where_control_connections_are() {
        let of = |listen: &[&str]| {
            let addresses = addresses(listen.iter().map(|address| address.parse().unwrap()));
            addresses.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(of(&["127.0.0.1:21", "127.0.0.1:990"]), ["127.0.0.1"]);
        assert_eq!(of(&["0.0.0.0:21", "127.0.0.1:990"]), ["0.0.0.0"]);
        assert_eq!(of(&["0.0.0.0:21", "[::]:21", "[::1]:990"]), ["0.0.0.0", "::"]);
        assert_eq!(of(&["10.0.0.1:21", "[::]:21"]), ["10.0.0.1", "::"]);
    }

    #[test]
    fn both_kinds_of_addresses_have_the_port() {
        let four = open("127.0.0.1:0".parse().unwrap(), true).unwrap();
        let port = four.local_addr().unwrap().port();
        if let Ok(six) = open(format!("[::]:{port}").parse().unwrap(), true) {
            assert_eq!(six.local_addr().unwrap().port(), port);
        }
    }
}
