use std::net::{IpAddr, SocketAddrV6};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::*;

pub(in super::super) fn at(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), 0)
}

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
pub(in super::super) const HERE_0: SocketAddr = SocketAddr::new(HERE, 0);

impl PassivePorts {
    /// For a session in plain text.
    async fn plain(self: &Arc<Self>, local: SocketAddr, client: SocketAddr) -> Result<Lease, NoPort> {
        self.lease(local, client, true).await
    }
}

impl Lease {
    async fn connection(&self) -> io::Result<TcpStream> {
        Ok(self.next().await?.stream)
    }
}

/// A range of free ports, which nobody is kept from taking: most often nobody does.
pub(in super::super) fn free_ports(count: u16) -> RangeInclusive<u16> {
    free_ports_at(HERE, count)
}

fn free_ports_at(address: IpAddr, count: u16) -> RangeInclusive<u16> {
    for _ in 0..100 {
        let first = std::net::TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port();
        let Some(last) = first.checked_add(count - 1) else { continue };
        if (first..=last).all(|port| std::net::TcpListener::bind((address, port)).is_ok()) {
            return first..=last;
        }
    }
    panic!("no {count} ports in a row are free");
}

pub(in super::super) async fn connect_from(source: &str, port: u16) -> TcpStream {
    connect_to(HERE, source, port).await
}

async fn connect_to(address: IpAddr, source: &str, port: u16) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
    socket.connect(SocketAddr::new(address, port)).await.unwrap()
}

#[tokio::test]
async fn one_port_serves_clients_of_many_addresses() {
    let ports = PassivePorts::new(free_ports(1), Vec::new());
    let addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
    let mut leases = Vec::new();
    for address in addresses {
        leases.push(ports.plain(HERE_0, at(address)).await.unwrap());
    }
    for (lease, address) in leases.into_iter().zip(addresses).rev() {
        let connected = connect_from(address, lease.port()).await;
        let arrived = lease.connection().await.unwrap();
        assert_eq!(arrived.peer_addr().unwrap(), connected.local_addr().unwrap());
    }
}

#[tokio::test]
async fn strangers_are_closed_and_second_connections_wait_for_the_session() {
    let ports = PassivePorts::new(free_ports(1), Vec::new());
    let lease = ports.plain(HERE_0, at("127.0.0.2")).await.unwrap();
    let port = lease.port();
    let mut stranger = connect_from("127.0.0.3", port).await;
    assert_eq!(stranger.read(&mut [0; 1]).await.unwrap_or(0), 0);
    let first = connect_from("127.0.0.2", port).await;
    let mut second = connect_from("127.0.0.2", port).await;
    for came in [&first, &second] {
        assert_eq!(lease.next().await.unwrap().peer, came.local_addr().unwrap());
    }
    drop(lease);
    assert_eq!(second.read(&mut [0; 1]).await.unwrap_or(0), 0);
    let mut late = connect_from("127.0.0.2", port).await;
    assert_eq!(late.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn only_so_many_wait_and_those_that_are_over_make_room() {
    let ports = PassivePorts::new(free_ports(1), Vec::new());
    let lease = ports.lease(HERE_0, at("127.0.0.2"), false).await.unwrap();
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(connect_from("127.0.0.2", lease.port()).await);
    }
    let mut refused = connect_from("127.0.0.2", lease.port()).await;
    assert_eq!(refused.read(&mut [0; 1]).await.unwrap_or(0), 0);
    let gone = open.remove(3);
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    let right = connect_from("127.0.0.2", lease.port()).await;
    let mut refused = connect_from("127.0.0.2", lease.port()).await;
    assert_eq!(refused.read(&mut [0; 1]).await.unwrap_or(0), 0);
    let mut last = None;
    for _ in 0..8 {
        let arrived = lease.next().await.unwrap();
        assert_ne!(arrived.peer.port(), port);
        last = Some(arrived.peer);
    }
    assert_eq!(last, Some(right.local_addr().unwrap()));
}

/// To find the port of a session all would have to be tried, at the right moment, whichever are open.
#[tokio::test]
async fn ports_come_from_the_whole_range() {
    let here: IpAddr = "127.0.0.78".parse().unwrap();
    let range = free_ports_at(here, 1000);
    let ports = PassivePorts::new(range.clone(), Vec::new());
    let mut leased = std::collections::HashSet::new();
    for _ in 0..200 {
        let lease = ports.plain(SocketAddr::new(here, 0), at("127.0.0.2")).await.unwrap();
        assert!(range.contains(&lease.port()));
        leased.insert(lease.port());
    }
    // By chance it is 181; with 64 of them it could not be more than those.
    assert!(leased.len() > 120, "{}", leased.len());
}

/// The whole range is open then; what waits there is nobody's.
#[tokio::test]
async fn what_comes_to_a_port_between_two_transfers_gets_to_nobody() {
    let ports = PassivePorts::new(free_ports(1), Vec::new());
    let client = at("127.0.0.2");
    for _ in 0..3 {
        let lease = ports.plain(HERE_0, client).await.unwrap();
        let _own = connect_from("127.0.0.2", lease.port()).await;
        lease.connection().await.unwrap();
        let port = lease.port();
        drop(lease);
        // One more than a listener of the standard library keeps.
        let mut strangers = Vec::new();
        for _ in 0..129 {
            strangers.push(connect_from("127.0.0.2", port).await);
        }
        let lease = ports.plain(HERE_0, client).await.unwrap();
        let own = connect_from("127.0.0.2", port).await;
        assert_eq!(lease.next().await.unwrap().peer, own.local_addr().unwrap());
        for mut stranger in strangers {
            assert_eq!(stranger.read(&mut [0; 1]).await.unwrap_or(0), 0);
        }
    }
}

/// Others are told of a port that the client does not know yet.
#[tokio::test]
async fn what_comes_before_the_client_is_told_of_the_port_gets_to_nobody() {
    let ports = PassivePorts::new(free_ports(1), Vec::new());
    for _ in 0..10 {
        let others = ports.plain(HERE_0, at("127.0.0.3")).await.unwrap();
        let mut stranger = connect_from("127.0.0.2", others.port()).await;
        let own_of_others = connect_from("127.0.0.3", others.port()).await;
        let lease = ports.plain(HERE_0, at("127.0.0.2")).await.unwrap();
        let own = connect_from("127.0.0.2", lease.port()).await;
        assert_eq!(lease.next().await.unwrap().peer, own.local_addr().unwrap());
        assert_eq!(stranger.read(&mut [0; 1]).await.unwrap_or(0), 0);
        assert_eq!(others.next().await.unwrap().peer, own_of_others.local_addr().unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn ports_that_nobody_is_told_of_are_closed_after_some_seconds() {
    let here: IpAddr = "127.0.0.77".parse().unwrap();
    let ports = PassivePorts::new(free_ports_at(here, 20), Vec::new());
    let mut leases = Vec::new();
    for _ in 0..20 {
        leases.push(ports.plain(SocketAddr::new(here, 0), at("127.0.0.2")).await.unwrap());
    }
    let last = leases.pop();
    drop(leases);
    assert_eq!(ports.table().open.len(), 20);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(ports.table().open.len(), 1);
    drop(last);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(ports.table().open.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_no_port_waits_for_one() {
    let ports = PassivePorts::new(free_ports(1), Vec::new());
    let client = at("127.0.0.2");
    let first = ports.plain(HERE_0, client).await.unwrap();
    let second = tokio::spawn({
        let ports = Arc::clone(&ports);
        async move { ports.plain(HERE_0, client).await }
    });
    drop(first);
    second.await.unwrap().unwrap();
}

/// A command is refused when its client has opened the connection already. The next one from that address gets its own.
#[tokio::test]
async fn a_connection_that_nobody_wants_any_more_gets_to_nobody() {
    let ports = PassivePorts::new(free_ports(1), Vec::new());
    let client = at("127.0.0.2");
    for _ in 0..3 {
        let refused = ports.plain(HERE_0, client).await.unwrap();
        let port = refused.port();
        drop(refused);
        let mut stray = connect_from("127.0.0.2", port).await;
        let lease = ports.plain(HERE_0, client).await.unwrap();
        assert_eq!(stray.read(&mut [0; 1]).await.unwrap_or(0), 0);
        let own = connect_from("127.0.0.2", port).await;
        let arrived = lease.connection().await.unwrap();
        assert_eq!(arrived.peer_addr().unwrap(), own.local_addr().unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_held_and_not_used_is_given_to_others_in_the_end() {
    let ports = PassivePorts::new(free_ports(1), Vec::new());
    let client = at("127.0.0.2");
    let unused = ports.plain(HERE_0, client).await.unwrap();
    assert!(matches!(ports.plain(HERE_0, client).await, Err(NoPort::AllInUse)));
    tokio::time::advance(LEASE_TIME).await;
    let next = ports.plain(HERE_0, client).await.unwrap();
    assert!(unused.connection().await.is_err());
    drop(next);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let ports = PassivePorts::new(free_ports(2), Vec::new());
    let client = at("127.0.0.2");
    let _first = ports.plain(HERE_0, client).await.unwrap();
    let _second = ports.plain(HERE_0, client).await.unwrap();
    assert!(matches!(ports.plain(HERE_0, client).await, Err(NoPort::AllInUse)));
}

#[test]
fn an_address_of_one_link_is_another_on_another() {
    let link_local = |scope| Host::of(SocketAddrV6::new("fe80::1".parse().unwrap(), 4, 7, scope).into());
    assert_ne!(link_local(2), link_local(3));
    assert_eq!(link_local(2).at(21), SocketAddrV6::new("fe80::1".parse().unwrap(), 21, 0, 2).into());
    // The others are the same everywhere, however they were told.
    let global = |scope| Host::of(SocketAddrV6::new("2001:db8::1".parse().unwrap(), 4, 7, scope).into());
    assert_eq!(global(2), global(0));
    assert_eq!(Host::of("[::ffff:127.0.0.2]:1".parse().unwrap()), Host::of(at("127.0.0.2")));
}
