//! Several replicas behind one address: any balancer of TCP connections may be before them.
//!
//! A balancer sends the control connection of a client to one replica and its data connection to another. The port says
//! whose it is: each replica advertises ports of a slice of its own (`slices`), and every replica listens on all of them
//! (`doors`). What comes to another's port is passed on (`relay`) to the relay port of its owner (`port`, found by `peers`),
//! after both have proven to know the secret (`handshake`, `keys`), as bytes (`splice`). The engine of the owner takes it as if
//! it had come to the owner's own port ([`Service`]). Beside that, replicas tell each other what they count (`told`), and ask each
//! other (`ask`); such connections are encrypted (`sealed`). `docs/decisions/cluster.md` has the reasons.

mod ask;
mod crowd;
mod data_connection;
mod doors;
mod handshake;
mod handshakes;
mod keys;
mod peers;
mod port;
mod relay;
mod sealed;
mod service;
mod slices;
mod splice;
mod told;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use rustix::process::{Resource, getrlimit};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

pub use self::ask::NotAnswered;
pub(crate) use self::ask::{answer, is_question};
use self::crowd::Crowd;
pub use self::data_connection::DataConnection;
pub use self::keys::ConnectionKey;
use self::keys::Keys;
use self::peers::Peers;
pub use self::relay::NotOpened;
use self::service::Services;
pub use self::service::{Call, Kind, Service};
use self::slices::Slices;
pub use self::told::{Presence, Told};
use crate::config::{self, Config, MOST_REPLICAS, ReplicaAddress, ReplicaIndex, Secret, hostname};
use crate::ops::metrics::ClusterMeter;

/// How many data connections are passed on at once, at most: each takes up to six descriptors, and all of them a half of
/// those that there are.
const RELAYS: usize = 16 * 1024;
const DESCRIPTORS: usize = 12;
/// One address has one of this many parts of them.
const PART_OF_ONE: usize = 8;

/// How much longer than a session waits nothing may move in a connection that is passed on.
const MORE_PATIENCE: Duration = Duration::from_secs(30);

/// How many of them wait for the other replica, in all and of one address.
const OPENINGS: usize = 4096;
const OPENINGS_OF_ONE: usize = 512;

/// What the command line says of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Which replica this one is.
    pub index: Option<u16>,
    /// Where replicas are.
    pub replicas: BTreeMap<u16, ReplicaAddress>,
}

/// Why a replica can't begin its work.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The command line speaks of replicas, and the configuration does not.
    #[error("--cluster-index and --cluster-replica need a section `cluster` in the configuration")]
    NoCluster,
    /// It does not know which one it is.
    #[error(
        "which replica this is can't be told: the name of this machine ({0:?}) has no number at its end, as wharf-0 has; say it by `cluster.index` or --cluster-index"
    )]
    NoIndex(String),
    /// There are not so many.
    #[error(
        "there is no replica {index}: `cluster.replicas` and `server.passive.ports` have room for {most}, from 0 on; \
         each takes {per_replica} ports (`cluster.ports_per_replica`)"
    )]
    Index {
        /// The number.
        index: u16,
        /// How many there are.
        most: u16,
        /// How many ports each takes.
        per_replica: u16,
    },
    /// A port is not free.
    #[error("can't listen on {address} ({purpose}): {error}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What for.
        purpose: &'static str,
        /// What the system says.
        error: io::Error,
    },
}

/// This replica, and what it knows of the others.
pub struct Cluster {
    index: u16,
    slices: Slices,
    peers: Peers,
    keys: ArcSwap<Keys>,
    /// The secrets that count, and when there are others.
    secrets: watch::Sender<Vec<Secret>>,
    services: Services,
    meter: ClusterMeter,
    relay: SocketAddr,
    /// Load balancers, whose connections begin with the client's address.
    proxies: Vec<IpNet>,
    addresses: Vec<IpAddr>,
    client_addresses_are_lost: bool,
    own_ports: Mutex<Vec<OwnPort>>,
    /// The relay port, until somebody takes connections there.
    listener: Mutex<Option<TcpListener>>,
    /// How long nothing may move in a connection that is passed on.
    patience: Duration,
    relays: Arc<Crowd>,
    openings: Arc<Crowd>,
    introductions: Arc<Crowd>,
    tasks: TaskTracker,
}

/// A port that belongs to this replica.
#[derive(Debug)]
pub struct OwnPort {
    /// Where it listens.
    pub address: IpAddr,
    /// Its number.
    pub port: u16,
    /// The listener, which does not block.
    pub listener: StdListener,
}

impl Cluster {
    /// Listens on the relay port and on all passive ports; `None` if the configuration has no cluster. Needs the runtime, on which others
    /// are heard and passed on from now on.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub fn start(
        config: &Config,
        overrides: Overrides,
        meter: ClusterMeter,
    ) -> Result<Option<Arc<Self>>, ClusterError> {
        let Some(settings) = &config.cluster else {
            return match overrides.index.is_none() && overrides.replicas.is_empty() {
                true => Ok(None),
                false => Err(ClusterError::NoCluster),
            };
        };
        let server = &config.server;
        let ports = &server.passive.ports;
        let index = index_of(settings, overrides.index)?;
        let most = settings.most(ports.len());
        let per_replica = settings.ports_per_replica;
        let slices = Slices::new(ports.clone(), per_replica, most);
        if index >= most {
            return Err(ClusterError::Index { index, most, per_replica });
        }
        let addresses = doors::addresses(server.listen.iter().chain(&server.implicit_tls_listen).copied());
        let listener = bind(settings.relay, false, "the relay port, `cluster.relay`")?;
        let (mut own_ports, mut doors) = (Vec::new(), Vec::new());
        let v6_only = addresses.iter().any(IpAddr::is_ipv4);
        for port in slices.all() {
            for address in &addresses {
                let listener = bind(SocketAddr::new(*address, port), v6_only, "a port for data connections")?;
                match slices.owner(port) {
                    Some(owner) if owner != index => doors.push((listener, owner, port)),
                    _ => own_ports.push(OwnPort { address: *address, port, listener }),
                }
            }
        }
        let wrong = |address, purpose| move |error| ClusterError::Bind { address, purpose, error };
        let listener = TcpListener::from_std(listener).map_err(wrong(settings.relay, "the relay port"))?;
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let relays = RELAYS.min(usize::try_from(descriptors).unwrap_or(usize::MAX) / DESCRIPTORS);
        let cluster = Arc::new(Self {
            index,
            peers: Peers::new(settings.replicas.clone(), overrides.replicas),
            keys: ArcSwap::from_pointee(Keys::of(settings)),
            secrets: watch::Sender::new(secrets_of(settings)),
            services: Services::default(),
            meter,
            relay: settings.relay,
            proxies: server.proxies.clone(),
            addresses,
            client_addresses_are_lost: settings.client_addresses_are_lost,
            own_ports: Mutex::new(own_ports),
            listener: Mutex::new(Some(listener)),
            patience: server.idle_timeout.saturating_add(MORE_PATIENCE),
            relays: Crowd::new(relays, relays_of_one(settings, relays)),
            openings: Crowd::new(OPENINGS, openings_of_one(settings)),
            introductions: Crowd::new(OPENINGS, OPENINGS),
            tasks: TaskTracker::new(),
            slices,
        });
        for (listener, owner, port) in doors {
            let address = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
            let listener =
                TcpListener::from_std(listener).map_err(wrong(address, "a port for data connections"))?;
            tokio::spawn(doors::attend(Arc::downgrade(&cluster), listener, owner, port));
        }
        let own = cluster.slice();
        tracing::info!(
            replica = index, of_at_most = most, relay = %settings.relay, ports = ?own, "one of several replicas"
        );
        Ok(Some(cluster))
    }

    /// Which replica this is.
    pub fn index(&self) -> u16 {
        self.index
    }

    /// Counts what replicas have to do with each other.
    pub(crate) fn meter(&self) -> &ClusterMeter {
        &self.meter
    }

    /// How many replicas there can be.
    pub fn most(&self) -> u16 {
        self.slices.replicas()
    }

    /// The passive ports of this replica.
    pub fn slice(&self) -> RangeInclusive<u16> {
        // There is one: `start` has made sure.
        self.slices.of(self.index).unwrap_or(0..=0)
    }

    /// The addresses at which passive ports are; an unspecified one stands for all of its kind.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// Whether connections of one client may come from several addresses.
    pub fn client_addresses_are_lost(&self) -> bool {
        self.client_addresses_are_lost
    }

    /// The listeners of this replica's passive ports, for whoever asks first.
    pub fn take_own_ports(&self) -> Vec<OwnPort> {
        std::mem::take(&mut *self.own_ports.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has a service take connections of this kind from other replicas, for as long as somebody else has it. Until the first one does,
    /// others wait at the relay port.
    pub fn serve(self: &Arc<Self>, kind: Kind, service: &Arc<dyn Service>) {
        self.services.set(kind, service);
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(listener) = listener {
            tokio::spawn(port::listen(Arc::downgrade(self), listener));
        }
    }

    /// Other secrets count from now on.
    pub fn follow(&self, settings: &config::Cluster) {
        self.keys.store(Arc::new(Keys::of(settings)));
        let secrets = secrets_of(settings);
        self.secrets.send_if_modified(|before| {
            let is_other = *before != secrets;
            *before = secrets;
            is_other
        });
    }

    /// Tells when other secrets count: what is told goes on with these.
    fn secrets(&self) -> watch::Receiver<Vec<Secret>> {
        self.secrets.subscribe()
    }

    /// Waits until nothing is passed on. Whoever comes meanwhile is passed on, too.
    pub async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// How many data connections are passed on now.
    pub fn passed_on(&self) -> usize {
        self.tasks.len()
    }
}

fn secrets_of(settings: &config::Cluster) -> Vec<Secret> {
    std::iter::once(&settings.secret).chain(&settings.more_secrets).cloned().collect()
}

fn index_of(settings: &config::Cluster, told: Option<u16>) -> Result<u16, ClusterError> {
    match (told, settings.index) {
        (Some(index), _) | (None, ReplicaIndex::Is(index)) => Ok(index),
        (None, ReplicaIndex::FromHostname) => {
            let name = hostname().unwrap_or_default();
            config::Cluster::number_in(&name).ok_or(ClusterError::NoIndex(name))
        }
    }
}

/// One address has a part of what is passed on, unless it may be that of all clients.
fn relays_of_one(settings: &config::Cluster, relays: usize) -> usize {
    if settings.client_addresses_are_lost { relays } else { (relays / PART_OF_ONE).max(1) }
}

/// All clients may have one address.
fn openings_of_one(settings: &config::Cluster) -> usize {
    if settings.client_addresses_are_lost { OPENINGS } else { OPENINGS_OF_ONE }
}

fn bind(address: SocketAddr, v6_only: bool, purpose: &'static str) -> Result<StdListener, ClusterError> {
    doors::open(address, v6_only).map_err(|error| ClusterError::Bind { address, purpose, error })
}

/// The number of a session: it says which replica it is of, so that no two replicas have sessions of one number.
pub fn session_number(count: u64, replica: Option<u16>) -> u64 {
    let most = u64::from(MOST_REPLICAS);
    replica.map_or(count, |replica| count.saturating_mul(most).saturating_add(u64::from(replica)))
}

/// The replica that a session of this number is of.
pub fn replica_of(session: u64) -> u16 {
    // Less than there are replicas.
    (session % u64::from(MOST_REPLICAS)) as u16
}

/// The lines of the log about a replica are limited as those about an address.
pub(crate) fn as_address(replica: u16) -> IpAddr {
    Ipv4Addr::from_bits(u32::from(replica)).into()
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("index", &self.index)
            .field("slices", &self.slices)
            .finish_non_exhaustive()
    }
}
