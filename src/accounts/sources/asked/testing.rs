//! What the tests of services have in common.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use super::{Asked, Service};
use crate::accounts::account::Account;
use crate::accounts::build::Maker;
use crate::accounts::proofs::Client;
use crate::accounts::sources::{Attempt, LoginError, Source, Verdict};
use crate::accounts::testing::{configured, storages};
use crate::accounts::{Channel, Credential};
use crate::network::Network;
use crate::ops::metrics::Metrics;

/// Where clients are.
pub(in crate::accounts::sources) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The source of a service, in place of the one before.
pub(in crate::accounts::sources) fn opened<S: Service>(
    service: S,
    before: Option<&Arc<Asked<S>>>,
) -> Arc<Asked<S>> {
    let config = configured([]);
    let maker = Arc::new(Maker::new(&config, &storages(), &Arc::default()));
    let metrics = Metrics::new("native", 1);
    let before: Vec<Arc<dyn Source>> = before.into_iter().map(|before| Arc::clone(before) as _).collect();
    Arc::new(Asked::open(service, &config.entries, &maker, &metrics, &before))
}

/// What the source says of this user, and its reason.
pub(in crate::accounts::sources) async fn account_of<S: Service>(
    source: &Asked<S>,
    name: &str,
    password: &str,
) -> (Result<Option<Arc<Account>>, LoginError>, String) {
    let reason = OnceLock::new();
    let client = Client { address: HERE, channel: Channel::default(), host: None, reason: &reason };
    let (credential, network) = (Credential { password }, Network::of(HERE, 64));
    let attempt = Attempt { name, credential, network, client, is_locked: false, account: None };
    let verdict = source.ask(&attempt).await.map(|verdict| match verdict {
        Verdict::Proven(account) => Some(account),
        Verdict::Found(_) | Verdict::Unknown | Verdict::Wrong(_) => None,
    });
    (verdict, reason.into_inner().unwrap_or_default())
}

/// The same, with the name of the account.
pub(in crate::accounts::sources) async fn ask<S: Service>(
    source: &Asked<S>,
    name: &str,
    password: &str,
) -> (Result<Option<String>, LoginError>, String) {
    let (verdict, reason) = account_of(source, name, password).await;
    (verdict.map(|account| account.map(|account| account.name.clone())), reason)
}
