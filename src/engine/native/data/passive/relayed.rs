//! The passive ports of one of several replicas: those of its own slice, which stay open, and connections that came to its ports at
//! other replicas.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::Notify;

use super::host::Host;
use super::{Arrived, Key, PassivePorts, STRAY_WAIT, hand_over};
use crate::cluster::{Call, Cluster, DataConnection, Service};

/// What is different for one of several replicas.
#[derive(Debug)]
pub(super) struct Relayed {
    /// Where the ports are; an unspecified address stands for all of its kind.
    homes: Vec<Host>,
    /// Any address may be that of any client. So each port is for one of them at a time.
    client_addresses_are_lost: bool,
}

impl PassivePorts {
    /// The ports of this replica.
    pub(in super::super::super) fn of_cluster(cluster: &Cluster, proxies: Vec<IpNet>) -> Arc<Self> {
        let homes = cluster.addresses().iter().map(|address| Host::of(SocketAddr::new(*address, 0)));
        let relayed = Relayed {
            homes: homes.collect(),
            client_addresses_are_lost: cluster.client_addresses_are_lost(),
        };
        let ports = Arc::new(Self {
            ports: cluster.slice(),
            proxies,
            table: Mutex::default(),
            freed: Notify::new(),
            cluster: Some(relayed),
        });
        for own in cluster.take_own_ports() {
            let local = Host::of(SocketAddr::new(own.address, own.port));
            ports.table().open.keep(&ports, local, own.port, own.listener);
        }
        ports
    }

    /// Whether these are the ports of one of several replicas.
    pub(super) fn is_of_cluster(&self) -> bool {
        self.cluster.is_some()
    }

    /// How long the entry of a connection that nobody wants any more is not given to others: one that is passed on takes longer.
    pub(super) fn stray_wait(&self) -> Duration {
        if self.cluster.is_some() { STRAY_WAIT * 2 } else { STRAY_WAIT }
    }

    /// Where the ports are for a client that has reached this address.
    pub(super) fn home(&self, local: Host) -> Host {
        let Some(cluster) = &self.cluster else { return local };
        let of = |wanted: Host| cluster.homes.iter().copied().find(|home| *home == wanted);
        // The only address that takes connections of both kinds is that of IPv6.
        of(local).or_else(|| of(local.any())).or_else(|| cluster.homes.last().copied()).unwrap_or(local)
    }

    /// The client that a connection from this address counts as.
    pub(super) fn client(&self, peer: SocketAddr) -> Host {
        let client = Host::of(peer);
        match &self.cluster {
            Some(cluster) if cluster.client_addresses_are_lost => client.any(),
            _ => client,
        }
    }

    fn relayed(&self, connection: &DataConnection, arrived: Arrived) {
        let DataConnection { port, route } = *connection;
        let Some(Relayed { homes, .. }) = &self.cluster else { return };
        let client = self.client(arrived.peer);
        let home = self.home(Host::of(route.server));
        let makes_room = {
            let mut table = self.table();
            let key = |local: Host| Key { local, port, client };
            // It has reached another replica at an address that may be none of this one.
            let expects = homes.iter().copied().find(|home| table.expected.contains_key(&key(*home)));
            let waits = || homes.iter().copied().find(|home| table.open.only_session(*home, port).is_some());
            let local = expects.or_else(waits).unwrap_or(home);
            hand_over(&mut table, key(local), arrived)
        };
        if makes_room {
            self.freed.notify_waiters();
        }
    }
}

/// Connections that came to ports of this replica at others.
#[derive(Debug)]
pub(in super::super::super) struct RelayedConnections(pub(in super::super::super) Arc<PassivePorts>);

impl RelayedConnections {
    fn decode(&self, said: &[u8]) -> Option<DataConnection> {
        let ports: &RangeInclusive<u16> = &self.0.ports;
        DataConnection::decode(said).filter(|connection| ports.contains(&connection.port))
    }
}

impl Service for RelayedConnections {
    fn knows(&self, said: &[u8]) -> bool {
        self.decode(said).is_some()
    }

    fn serve(self: Arc<Self>, Call { stream, from, said, .. }: Call) {
        let Some(connection) = self.decode(&said) else { return };
        let client = connection.route.client;
        let peer = SocketAddr::new(client.ip().to_canonical(), client.port());
        self.0.relayed(&connection, Arrived { stream, peer, via: Some(from) });
    }
}
