//! The address that PASV names.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use ipnet::IpNet;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::{Passive, PassiveAddress};

/// How long the address of a name is used before the name is resolved again.
const FRESH: Duration = Duration::from_secs(10);

/// How long a client waits for the first address of a name.
const PATIENCE: Duration = Duration::from_secs(10);

/// The last result for a name.
#[derive(Debug, Default)]
struct Known {
    address: Option<Ipv4Addr>,
    /// When the name was resolved.
    at: Option<Instant>,
    /// A query is running; all clients without an address wait for the same answer.
    asking: Option<watch::Receiver<Option<Found>>>,
}

/// The answer of the resolver. Its errors can't be copied.
type Found = Result<Ipv4Addr, Arc<io::Error>>;

/// Resolves a name with the system's resolver.
type LookUp = fn(String) -> BoxFuture<'static, io::Result<Ipv4Addr>>;

/// The address that clients are told to connect to.
#[derive(Debug)]
pub(super) struct Advertised {
    addresses: Vec<PassiveAddress>,
    address_for: Vec<(IpNet, PassiveAddress)>,
    /// The last addresses of names.
    resolved: Arc<Mutex<HashMap<String, Known>>>,
    look_up: LookUp,
}

impl Advertised {
    pub(super) fn new(passive: &Passive) -> Self {
        Self {
            addresses: passive.addresses.clone(),
            address_for: passive.address_for.clone(),
            resolved: Arc::default(),
            look_up: |name| Box::pin(look_up(name)),
        }
    }

    /// Whether this is what these settings want.
    pub(super) fn is_of(&self, passive: &Passive) -> bool {
        (&self.addresses, &self.address_for) == (&passive.addresses, &passive.address_for)
    }

    /// The address for a client; `None`: the one that it reached. Of several configured addresses it is also the one
    /// that the client reached, otherwise one that stays the same for the session.
    pub(super) async fn for_client(
        &self,
        client: IpAddr,
        reached: IpAddr,
        session: u64,
    ) -> Option<io::Result<Ipv4Addr>> {
        let client = client.to_canonical();
        let own = self.address_for.iter().find(|(network, _)| network.contains(&client));
        let choice = match own {
            Some((_, address)) => std::slice::from_ref(address),
            None => self.addresses.as_slice(),
        };
        if choice.is_empty() {
            return None;
        }
        let mut found = join_all(choice.iter().map(|address| self.address(address))).await;
        let is_reached = |found: &io::Result<Ipv4Addr>| matches!(found, Ok(ip) if IpAddr::V4(*ip) == reached);
        if let Some(at) = found.iter().position(is_reached) {
            return Some(found.swap_remove(at));
        }
        // The same each time, as long as it can be resolved.
        let first = usize::try_from(session % found.len() as u64).unwrap_or_default();
        found.rotate_left(first);
        let at = found.iter().position(Result::is_ok).unwrap_or_default();
        Some(found.swap_remove(at))
    }

    /// Whether several addresses are configured.
    pub(super) fn are_several(&self) -> bool {
        self.addresses.len() > 1
    }

    async fn address(&self, address: &PassiveAddress) -> io::Result<Ipv4Addr> {
        match address {
            PassiveAddress::Ip(ip) => Ok(*ip),
            PassiveAddress::Name(name) => self.resolve(name).await,
        }
    }

    /// Returns the known address at once and resolves the name again in the background; only clients without any
    /// address yet wait for a silent resolver.
    async fn resolve(&self, name: &str) -> io::Result<Ipv4Addr> {
        let mut answer = {
            let mut resolved = locked(&self.resolved);
            let known = resolved.entry(name.to_owned()).or_default();
            let is_fresh = known.at.is_some_and(|at| at.elapsed() < FRESH);
            if known.asking.is_none() && !(is_fresh && known.address.is_some()) {
                known.asking = Some(self.ask(name));
            }
            match (known.address, &known.asking) {
                (Some(address), _) => return Ok(address),
                (None, Some(asking)) => asking.clone(),
                (None, None) => return Err(io::ErrorKind::NotFound.into()),
            }
        };
        let answered = tokio::time::timeout(PATIENCE, answer.wait_for(Option::is_some)).await;
        match answered.map(|answer| answer.ok().and_then(|answer| answer.clone())) {
            Ok(Some(Ok(address))) => Ok(address),
            Ok(Some(Err(error))) => Err(io::Error::new(error.kind(), error)),
            Ok(None) => Err(io::Error::other("the name can't be resolved")),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the resolver does not answer")),
        }
    }

    /// Queries the resolver, which blocks a thread for as long as it is silent: one query for a name at a time.
    fn ask(&self, name: &str) -> watch::Receiver<Option<Found>> {
        let (tell, answer) = watch::channel(None);
        let (resolved, name) = (Arc::clone(&self.resolved), name.to_owned());
        let found = (self.look_up)(name.clone());
        tokio::spawn(async move {
            let found = found.await;
            let mut resolved = locked(&resolved);
            let known = resolved.entry(name.clone()).or_default();
            known.asking = None;
            match &found {
                Ok(address) => known.address = Some(*address),
                Err(error) => {
                    if let Some(address) = known.address {
                        tracing::warn!(name, %error, %address, "can't resolve the address of passive mode: the last one stays");
                    }
                }
            }
            known.at = Some(Instant::now());
            drop(resolved);
            tell.send_replace(Some(found.map_err(Arc::new)));
        });
        answer
    }
}

fn locked(resolved: &Mutex<HashMap<String, Known>>) -> MutexGuard<'_, HashMap<String, Known>> {
    // No holder of the lock leaves it half-changed.
    resolved.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn look_up(name: String) -> io::Result<Ipv4Addr> {
    let mut found = tokio::net::lookup_host((name.as_str(), 0)).await?;
    let v4 = found.find_map(|address| match address {
        SocketAddr::V4(address) => Some(*address.ip()),
        SocketAddr::V6(_) => None,
    });
    v4.ok_or_else(|| io::Error::other("the name has no IPv4 address"))
}

#[cfg(test)]
#[path = "advertised_tests.rs"]
mod tests;
