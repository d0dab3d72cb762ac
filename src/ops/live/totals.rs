//! What the last hour was like.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Serialize;

use super::ring::Ring;
use crate::visit::facts::Transfer;

/// The slots of bytes: ten seconds each.
pub(super) const SLOTS: usize = 360;
pub(super) const SLOT_SECONDS: u64 = 10;

/// The slots of failures: a minute each.
const MINUTES: usize = 60;

/// The most backends, networks and causes that are told apart.
const BACKENDS: usize = 64;
const NETWORKS: usize = 256;
const CAUSES: usize = 64;

/// The longest word of a cause.
const CAUSE: usize = 80;

/// For whatever there are too many of.
const OTHERS: &str = "others";

/// What the last hour was like.
#[derive(Debug, Default)]
pub(super) struct Totals {
    bytes: Vec<(String, Ring<Both>)>,
    networks: HashMap<IpNet, Ring<u32>>,
    causes: Vec<(&'static str, String, Ring<u32>)>,
}

/// Bytes in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Both {
    received: u64,
    sent: u64,
}

/// The bytes of the last hour.
#[derive(Debug, Serialize)]
pub(crate) struct Throughput {
    /// How many seconds each number is for.
    pub(crate) interval_seconds: u64,
    /// The last number is of the interval that is not over yet.
    pub(crate) backends: Vec<OfBackend>,
}

/// The bytes of one backend, the oldest first.
#[derive(Debug, Serialize)]
pub(crate) struct OfBackend {
    pub(crate) backend: String,
    pub(crate) received_bytes: Vec<u64>,
    pub(crate) sent_bytes: Vec<u64>,
}

/// What failed in the last hour, the most frequent first.
#[derive(Debug, Serialize)]
pub(crate) struct Failures {
    pub(crate) interval_seconds: u64,
    pub(crate) logins: Vec<OfNetwork>,
    pub(crate) errors: Vec<OfCause>,
}

/// Logins of one network that failed.
#[derive(Debug, Serialize)]
pub(crate) struct OfNetwork {
    pub(crate) network: String,
    pub(crate) failures: u64,
    pub(crate) per_interval: Vec<u32>,
}

/// What failed for one cause.
#[derive(Debug, Serialize)]
pub(crate) struct OfCause {
    pub(crate) of: &'static str,
    pub(crate) cause: String,
    pub(crate) failures: u64,
    pub(crate) per_interval: Vec<u32>,
}

impl Totals {
    /// More bytes of a transfer. Listings are none of a file.
    pub(super) fn moved(&mut self, second: u64, transfer: &Transfer, bytes: u64) {
        if transfer.direction.is_listing() {
            return;
        }
        let index = match self.bytes.iter().position(|(backend, _)| *backend == transfer.backend) {
            Some(index) => index,
            None => {
                let name = if self.bytes.len() < BACKENDS { &*transfer.backend } else { OTHERS };
                self.bytes.iter().position(|(backend, _)| backend == name).unwrap_or_else(|| {
                    self.bytes.push((name.to_owned(), Ring::new(SLOTS, SLOT_SECONDS)));
                    self.bytes.len() - 1
                })
            }
        };
        let both = self.bytes[index].1.at(second);
        match transfer.direction.is_upload() {
            true => both.received += bytes,
            false => both.sent += bytes,
        }
    }

    /// A login from there has failed.
    pub(super) fn login_failed(&mut self, second: u64, ip: IpAddr) {
        let network = network_of(ip);
        if self.networks.len() >= NETWORKS && !self.networks.contains_key(&network) {
            // Whoever has the fewest is the least missed; of a flood from everywhere, each has one.
            let few = |(network, ring): (&IpNet, &mut Ring<u32>)| (sum(ring, second), *network);
            if let Some((_, least)) = self.networks.iter_mut().map(few).min() {
                self.networks.remove(&least);
            }
        }
        *self.networks.entry(network).or_insert_with(|| Ring::new(MINUTES, 60)).at(second) += 1;
    }

    /// Something has failed for this cause.
    pub(super) fn failed(&mut self, second: u64, of: &'static str, cause: &str) {
        let cause = cause.char_indices().nth(CAUSE).map_or(cause, |(end, _)| &cause[..end]);
        let is_it = |known: &(&str, String, Ring<u32>), cause: &str| known.0 == of && known.1 == cause;
        let mut index = self.causes.iter().position(|known| is_it(known, cause));
        if index.is_none() {
            let cause = if self.causes.len() < CAUSES { cause } else { OTHERS };
            index = self.causes.iter().position(|known| is_it(known, cause));
            if index.is_none() {
                self.causes.push((of, cause.to_owned(), Ring::new(MINUTES, 60)));
            }
        }
        let index = index.unwrap_or(self.causes.len() - 1);
        *self.causes[index].2.at(second) += 1;
    }

    pub(super) fn throughput(&mut self, second: u64) -> Throughput {
        let backends = self.bytes.iter_mut().map(|(backend, ring)| {
            let (received_bytes, sent_bytes) =
                ring.all(second).map(|both| (both.received, both.sent)).unzip();
            OfBackend { backend: backend.clone(), received_bytes, sent_bytes }
        });
        let mut backends: Vec<_> = backends.collect();
        backends.sort_by(|a, b| a.backend.cmp(&b.backend));
        Throughput { interval_seconds: SLOT_SECONDS, backends }
    }

    pub(super) fn failures(&mut self, second: u64) -> Failures {
        let network = |(network, ring): (&IpNet, &mut Ring<u32>)| {
            let (failures, per_interval) = (sum(ring, second), ring.all(second).collect());
            OfNetwork { network: network.to_string(), failures, per_interval }
        };
        let mut logins: Vec<_> = self.networks.iter_mut().map(network).collect();
        logins.retain(|network| network.failures > 0);
        logins.sort_by(|a, b| b.failures.cmp(&a.failures).then_with(|| a.network.cmp(&b.network)));
        let cause = |(of, cause, ring): &mut (&'static str, String, Ring<u32>)| {
            let (failures, per_interval) = (sum(ring, second), ring.all(second).collect());
            OfCause { of, cause: cause.clone(), failures, per_interval }
        };
        let mut errors: Vec<_> = self.causes.iter_mut().map(cause).collect();
        errors.retain(|cause| cause.failures > 0);
        errors.sort_by(|a, b| b.failures.cmp(&a.failures).then_with(|| a.cause.cmp(&b.cause)));
        Failures { interval_seconds: 60, logins, errors }
    }
}

fn sum(ring: &mut Ring<u32>, second: u64) -> u64 {
    ring.all(second).map(u64::from).sum()
}

/// A whole company or customer, most often.
fn network_of(ip: IpAddr) -> IpNet {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpNet::V4(Ipv4Net::new_assert(ip, 24).trunc()),
        IpAddr::V6(ip) => IpNet::V6(Ipv6Net::new_assert(ip, 48).trunc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_causes_are_bounded_and_the_busiest_stay() {
        let mut totals = Totals::default();
        for _ in 0..3 {
            totals.login_failed(5, "192.0.2.7".parse().unwrap());
            totals.login_failed(5, "2001:db8:1:2::3".parse().unwrap());
        }
        for number in 0..10_000_u32 {
            totals.login_failed(5, IpAddr::V4(std::net::Ipv4Addr::from_bits(number << 8)));
            totals.failed(5, "login", &format!("cause {number}"));
        }
        let failures = totals.failures(6);
        assert_eq!(failures.logins.len(), NETWORKS);
        let busiest: Vec<_> = failures.logins[..2].iter().map(|network| &*network.network).collect();
        assert_eq!(busiest, ["192.0.2.0/24", "2001:db8:1::/48"]);
        assert_eq!(failures.logins[0].failures, 3);
        assert_eq!(failures.errors.len(), CAUSES + 1);
        assert_eq!(failures.errors[0].cause, OTHERS);
        // An hour later nothing is left of it.
        let later = totals.failures(5 + 3600 + 60);
        assert!(later.logins.is_empty() && later.errors.is_empty());
    }
}
