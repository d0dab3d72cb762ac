//! The address that PASV names.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::{Passive, PassiveAddress};

/// How long the address of a name is used before it is asked for again.
const FRESH: Duration = Duration::from_secs(10);

/// What clients are told to connect to.
#[derive(Debug)]
pub(super) struct Advertised {
    address: Option<PassiveAddress>,
    /// The last address of the name.
    resolved: Mutex<Option<(Instant, Ipv4Addr)>>,
}

impl Advertised {
    pub(super) fn new(passive: &Passive) -> Self {
        Self { address: passive.address.clone(), resolved: Mutex::default() }
    }

    /// The address for a client; `None`: the one that it reached.
    pub(super) async fn for_client(&self, _client: IpAddr) -> Option<io::Result<Ipv4Addr>> {
        Some(match self.address.as_ref()? {
            PassiveAddress::Ip(ip) => Ok(*ip),
            PassiveAddress::Name(name) => self.resolve(name).await,
        })
    }

    /// An address that is old is better than none while the name can't be resolved.
    async fn resolve(&self, name: &str) -> io::Result<Ipv4Addr> {
        let mut resolved = self.resolved.lock().await;
        if let Some((at, address)) = *resolved
            && at.elapsed() < FRESH
        {
            return Ok(address);
        }
        let found = tokio::net::lookup_host((name, 0)).await.and_then(|mut found| {
            let v4 = found.find_map(|address| match address {
                SocketAddr::V4(address) => Some(*address.ip()),
                SocketAddr::V6(_) => None,
            });
            v4.ok_or_else(|| io::Error::other("the name has no IPv4 address"))
        });
        match (found, *resolved) {
            (Ok(address), _) => {
                *resolved = Some((Instant::now(), address));
                Ok(address)
            }
            (Err(error), Some((_, address))) => {
                tracing::warn!(name, %error, %address, "can't resolve the address of passive mode: the last one stays");
                *resolved = Some((Instant::now(), address));
                Ok(address)
            }
            (Err(error), None) => Err(error),
        }
    }
}
