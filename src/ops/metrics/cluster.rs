//! Metrics of connections that replicas pass on to each other.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Labels, Metrics};

/// The number of another replica, and one more label.
type OfReplica = [(&'static str, String); 2];

/// Why a data connection was not passed on, or did not come to a good end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayFailure {
    /// The name of the replica can't be resolved.
    Lookup,
    /// The replica takes no connection.
    Connect,
    /// It did not answer in time.
    Timeout,
    /// It does not know the secret.
    Secret,
    /// It has refused.
    Refused,
    /// Too many connections are passed on already.
    Limit,
    /// The connection to it was lost.
    Broken,
}

impl RelayFailure {
    fn as_str(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Secret => "secret",
            Self::Refused => "refused",
            Self::Limit => "limit",
            Self::Broken => "broken",
        }
    }
}

/// Why somebody was turned away at the relay port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayRefusal {
    /// What came is not of this protocol.
    Protocol,
    /// Who came does not know the secret.
    Secret,
    /// It took too long.
    Timeout,
    /// Too many came at once.
    Limit,
    /// It looks for another replica.
    Index,
    /// It takes a passive port for one of this replica that is another's.
    Ports,
    /// It wants what this version doesn't have.
    Kind,
}

impl RelayRefusal {
    const ALL: [Self; 7] =
        [Self::Protocol, Self::Secret, Self::Timeout, Self::Limit, Self::Index, Self::Ports, Self::Kind];

    fn as_str(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Secret => "secret",
            Self::Timeout => "timeout",
            Self::Limit => "limit",
            Self::Index => "index",
            Self::Ports => "ports",
            Self::Kind => "kind",
        }
    }
}

/// Which way a connection or a byte went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the other replica.
    To,
    /// From it.
    From,
}

impl Way {
    fn as_str(self) -> &'static str {
        match self {
            Self::To => "to",
            Self::From => "from",
        }
    }
}

/// Counts what replicas pass on to each other.
#[derive(Debug, Clone, Default)]
pub struct ClusterMeter {
    connections: Family<OfReplica, Counter>,
    bytes: Family<OfReplica, Counter>,
    failures: Family<OfReplica, Counter>,
    refused: Family<Labels, Counter>,
    open: Gauge,
    replicas: Family<Labels, Gauge>,
    told: Family<Labels, Counter>,
    asked: Family<Labels, Counter>,
}

/// A connection that is passed on until this is dropped.
#[derive(Debug)]
pub struct OpenRelay(Gauge);

impl Drop for OpenRelay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl ClusterMeter {
    pub(super) fn register(&self, registry: &mut Registry) {
        for refusal in RelayRefusal::ALL {
            self.refused.get_or_create_owned(&[("cause", refusal.as_str())]);
        }
        registry.register(
            "cluster_relayed_connections",
            "Data connections that were passed on to the replica they belong to, or came from the one they reached",
            self.connections.clone(),
        );
        registry.register(
            "cluster_relayed_bytes",
            "Bytes that this replica has passed on to another one and from it",
            self.bytes.clone(),
        );
        registry.register(
            "cluster_relay_failures",
            "Data connections that could not be passed on to a replica, or were lost on the way, by cause",
            self.failures.clone(),
        );
        registry.register(
            "cluster_relay_port_refused",
            "Connections that were turned away at the relay port by cause",
            self.refused.clone(),
        );
        registry.register(
            "cluster_relays_open",
            "Data connections that this replica passes on now",
            self.open.clone(),
        );
        registry.register(
            "cluster_replicas",
            "Other replicas that are here, and those that are away",
            self.replicas.clone(),
        );
        registry.register(
            "cluster_told_bytes",
            "Bytes of what replicas tell each other of what they count",
            self.told.clone(),
        );
        for result in ["answered", "failed"] {
            self.asked.get_or_create_owned(&[("result", result)]);
        }
        registry.register(
            "cluster_questions",
            "Questions of operators to other replicas, by whether there was an answer",
            self.asked.clone(),
        );
    }

    /// Another replica was asked.
    pub fn asked(&self, is_answered: bool) {
        let result = if is_answered { "answered" } else { "failed" };
        self.asked.get_or_create(&[("result", result)]).inc();
    }

    /// So many other replicas are here, and so many away.
    pub fn replicas(&self, here: usize, away: usize) {
        for (state, count) in [("here", here), ("away", away)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.replicas.get_or_create(&[("state", state)]).set(count);
        }
    }

    /// So much was told.
    pub fn told(&self, way: Way, bytes: usize) {
        self.told.get_or_create(&[("direction", way.as_str())]).inc_by(bytes as u64);
    }

    /// A connection was passed on.
    pub fn relayed(&self, replica: u16, way: Way) {
        self.connections.get_or_create(&of(replica, "direction", way.as_str())).inc();
    }

    /// Counts bytes that are passed on.
    pub fn bytes(&self, replica: u16, way: Way) -> Counter {
        self.bytes.get_or_create_owned(&of(replica, "direction", way.as_str()))
    }

    /// A connection was not passed on, or lost; `None`: to a replica that was never there.
    pub fn failed(&self, replica: Option<u16>, cause: RelayFailure) {
        let replica = replica.map_or_else(|| "none".to_owned(), |replica| replica.to_string());
        let labels = [("replica", replica), ("cause", cause.as_str().to_owned())];
        self.failures.get_or_create(&labels).inc();
    }

    /// Somebody was turned away at the relay port.
    pub fn refused(&self, cause: RelayRefusal) {
        self.refused.get_or_create(&[("cause", cause.as_str())]).inc();
    }

    /// A connection is passed on from now on.
    pub fn open(&self) -> OpenRelay {
        self.open.inc();
        OpenRelay(self.open.clone())
    }
}

impl Metrics {
    /// Counts what replicas pass on to each other.
    pub fn cluster(&self) -> &ClusterMeter {
        &self.cluster
    }
}

fn of(replica: u16, label: &'static str, value: &'static str) -> OfReplica {
    [("replica", replica.to_string()), (label, value.to_owned())]
}
