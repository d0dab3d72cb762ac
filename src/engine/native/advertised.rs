//! The address that PASV names.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::{Passive, PassiveAddress};

/// How long the address of a name is used before it is asked for again.
const FRESH: Duration = Duration::from_secs(10);

/// What clients are told to connect to.
#[derive(Debug)]
pub(super) struct Advertised {
    address: Option<PassiveAddress>,
    address_for: Vec<(IpNet, PassiveAddress)>,
    /// The last addresses of names.
    resolved: Mutex<HashMap<String, (Instant, Ipv4Addr)>>,
}

impl Advertised {
    pub(super) fn new(passive: &Passive) -> Self {
        Self {
            address: passive.address.clone(),
            address_for: passive.address_for.clone(),
            resolved: Mutex::default(),
        }
    }

    /// The address for a client; `None`: the one that it reached.
    pub(super) async fn for_client(&self, client: IpAddr) -> Option<io::Result<Ipv4Addr>> {
        let client = client.to_canonical();
        let own = self
            .address_for
            .iter()
            .find(|(network, _)| network.contains(&client))
            .map(|(_, address)| address);
        Some(match own.or(self.address.as_ref())? {
            PassiveAddress::Ip(ip) => Ok(*ip),
            PassiveAddress::Name(name) => self.resolve(name).await,
        })
    }

    /// An address that is old is better than none while the name can't be resolved.
    async fn resolve(&self, name: &str) -> io::Result<Ipv4Addr> {
        let mut resolved = self.resolved.lock().await;
        let last = resolved.get(name).copied();
        if let Some((at, address)) = last
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
        match (found, last) {
            (Ok(address), _) => {
                resolved.insert(name.to_owned(), (Instant::now(), address));
                Ok(address)
            }
            (Err(error), Some((_, address))) => {
                tracing::warn!(name, %error, %address, "can't resolve the address of passive mode: the last one stays");
                resolved.insert(name.to_owned(), (Instant::now(), address));
                Ok(address)
            }
            (Err(error), None) => Err(error),
        }
    }
}
