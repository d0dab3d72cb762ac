//! Where the other replicas are, and how to reach one of them.
//!
//! The plan. A name is looked up when a connection needs it, by a task of its own: one for a name at a time, however many
//! wait, as the system's resolver can't be interrupted and takes a thread. Its addresses count until there are others, so
//! that a resolver that is slow or down harms nobody who has not moved. They are looked up again after [`FRESH`], and at once
//! when the replica does not answer there; a failure counts as an answer for [`PAUSE`]. All replicas together have
//! [`LOOKUPS`] at once. So fifty replicas ask the resolver for what they use, and no more.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use crate::config::{ReplicaAddress, Replicas};
use crate::host::Host;

/// How long the addresses of a name are used before it is looked up again.
const FRESH: Duration = Duration::from_secs(5);

/// How long after an answer the same name is not looked up again.
const PAUSE: Duration = Duration::from_secs(1);

/// How many names are looked up at once.
const LOOKUPS: usize = 8;

/// How long one address may take for a connection, before others are tried.
const ATTEMPT: Duration = Duration::from_millis(300);

/// When the other end of a silent connection is asked whether it is still there, how often, and how often in vain. A machine
/// that is gone without a word is noticed after some seconds.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(1);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
const KEEPALIVE_PROBES: u32 = 3;

/// Where the replicas are.
#[derive(Debug)]
pub(super) struct Peers {
    replicas: Replicas,
    /// What the command line says instead.
    instead: BTreeMap<u16, ReplicaAddress>,
    known: Arc<Mutex<HashMap<u16, Known>>>,
    lookups: Arc<Semaphore>,
}

/// What is known of one of them.
#[derive(Debug, Default)]
struct Known {
    addresses: Vec<SocketAddr>,
    /// When the last answer came, good or bad.
    at: Option<Instant>,
    /// The replica did not answer at these addresses.
    is_stale: bool,
    /// It has answered once, or was heard.
    was_there: bool,
    /// Ends when the look-up that is under way does.
    asking: Option<watch::Receiver<Answer>>,
}

/// What a look-up has found, once it is over. Errors can't be copied.
type Answer = Option<Result<Vec<SocketAddr>, Arc<io::Error>>>;

/// Why a replica can't be reached.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreachable {
    #[error("nobody knows where replica {0} is")]
    Unknown(u16),
    #[error("{0} can't be resolved: {1}")]
    Lookup(ReplicaAddress, #[source] Arc<io::Error>),
    #[error("{0}: {1}")]
    Connect(ReplicaAddress, #[source] io::Error),
}

impl Peers {
    pub(super) fn new(replicas: Replicas, instead: BTreeMap<u16, ReplicaAddress>) -> Self {
        let lookups = Arc::new(Semaphore::new(LOOKUPS));
        Self { replicas, instead, known: Arc::default(), lookups }
    }

    /// Where a replica is said to be.
    pub(super) fn address(&self, replica: u16) -> Option<ReplicaAddress> {
        self.instead.get(&replica).cloned().or_else(|| self.replicas.address(replica))
    }

    /// Whether the configuration names it, rather than all that there may be.
    pub(super) fn is_listed(&self, replica: u16) -> bool {
        self.instead.contains_key(&replica)
            || matches!(&self.replicas, Replicas::List(list) if usize::from(replica) < list.len())
    }

    /// It is there, as somebody knows who has heard of it.
    pub(super) fn found(&self, replica: u16) {
        known(&self.known).entry(replica).or_default().was_there = true;
    }

    /// Whether it ever was.
    pub(super) fn was_there(&self, replica: u16) -> bool {
        known(&self.known).get(&replica).is_some_and(|known| known.was_there)
    }

    /// It did not answer where it is said to be.
    pub(super) fn forget(&self, replica: u16) {
        known(&self.known).entry(replica).or_default().is_stale = true;
    }

    /// A connection to a replica. It has no limit of time.
    pub(super) async fn connect(&self, replica: u16) -> Result<TcpStream, Unreachable> {
        let address = self.address(replica).ok_or(Unreachable::Unknown(replica))?;
        let name = match &address.host {
            Host::Address(ip) => {
                let connected = connect_to(&[SocketAddr::new(*ip, address.port)]).await;
                return connected.map_err(|error| Unreachable::Connect(address, error));
            }
            Host::Name(name) => name,
        };
        let (first, asking) = self.addresses(replica, name, address.port);
        let failed = match first.is_empty() {
            true => io::ErrorKind::NotFound.into(),
            false => match connect_to(&first).await {
                Ok(stream) => return Ok(stream),
                Err(error) => error,
            },
        };
        // It may have moved: what a look-up says that began before counts as well.
        let asking = asking.or_else(|| {
            self.forget(replica);
            self.addresses(replica, name, address.port).1
        });
        match self.answer(replica, asking).await {
            Ok(others) if others != first => {
                connect_to(&others).await.map_err(|error| Unreachable::Connect(address, error))
            }
            Err(error) if first.is_empty() => Err(Unreachable::Lookup(address, error)),
            _ => Err(Unreachable::Connect(address, failed)),
        }
    }

    /// The addresses that are known, and the look-up that is under way.
    fn addresses(
        &self,
        replica: u16,
        name: &str,
        port: u16,
    ) -> (Vec<SocketAddr>, Option<watch::Receiver<Answer>>) {
        let mut all = known(&self.known);
        let known = all.entry(replica).or_default();
        let age = known.at.map(|at| at.elapsed());
        let is_due = match age {
            Some(age) if known.is_stale || known.addresses.is_empty() => age >= PAUSE,
            Some(age) => age >= FRESH,
            None => true,
        };
        if known.asking.is_none() && is_due {
            known.asking = Some(self.ask(replica, name.to_owned(), port));
        }
        (known.addresses.clone(), known.asking.clone())
    }

    /// What the look-up says, or the last one if none is under way.
    async fn answer(
        &self,
        replica: u16,
        asking: Option<watch::Receiver<Answer>>,
    ) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
        if let Some(mut asking) = asking
            && let Ok(answer) = asking.wait_for(Option::is_some).await
            && let Some(answer) = answer.clone()
        {
            return answer;
        }
        let last = known(&self.known).get(&replica).map(|known| known.addresses.clone());
        let none = || Arc::new(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        last.filter(|addresses| !addresses.is_empty()).ok_or_else(none)
    }

    fn ask(&self, replica: u16, name: String, port: u16) -> watch::Receiver<Answer> {
        let (tell, answer) = watch::channel(None);
        let (all, lookups) = (Arc::clone(&self.known), Arc::clone(&self.lookups));
        tokio::spawn(async move {
            let _turn = lookups.acquire_owned().await;
            let found = look_up(&name, port).await.map_err(Arc::new);
            {
                let mut all = known(&all);
                let known = all.entry(replica).or_default();
                (known.asking, known.at) = (None, Some(Instant::now()));
                if let Ok(addresses) = &found {
                    known.is_stale = false;
                    known.addresses.clone_from(addresses);
                }
            }
            tell.send_replace(Some(found));
        });
        answer
    }
}

fn known(known: &Mutex<HashMap<u16, Known>>) -> MutexGuard<'_, HashMap<u16, Known>> {
    // No holder of the lock leaves it half-changed.
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn look_up(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut addresses: Vec<_> = tokio::net::lookup_host((name, port)).await?.collect();
    addresses.dedup();
    match addresses.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
        false => Ok(addresses),
    }
}

async fn connect_to(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::NotFound.into();
    for address in addresses {
        match timeout(ATTEMPT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// What the system is told of a connection between replicas.
pub(super) fn prepare(stream: &TcpStream) -> rustix::io::Result<()> {
    // What comes is passed on at once.
    sockopt::set_tcp_nodelay(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)?;
    sockopt::set_socket_keepalive(stream, true)
}
