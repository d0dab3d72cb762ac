//! The handshakes that are under way at the relay port.
//!
//! Each has a place, of which there are so many in all and so many for one address. When none is free, whoever has waited
//! the longest loses it, of the same address first: replicas are done within moments, and whoever is silent is not.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::network::{IPV6_PREFIX, Network};

/// The handshakes that are under way.
#[derive(Debug)]
pub(super) struct Handshakes {
    most: usize,
    most_of_one: usize,
    there: Mutex<There>,
}

#[derive(Debug, Default)]
struct There {
    next: u64,
    /// In the order of their coming.
    all: BTreeMap<u64, (Network, CancellationToken)>,
    by_network: HashMap<Network, VecDeque<u64>>,
}

/// A place, which is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    handshakes: Arc<Handshakes>,
    number: u64,
    /// Somebody else needs the place.
    pub(super) lost: CancellationToken,
}

impl Handshakes {
    /// Both numbers are at least 1.
    pub(super) fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Self { most, most_of_one, there: Mutex::default() })
    }

    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Place {
        let network = Network::of(address, IPV6_PREFIX);
        let lost = CancellationToken::new();
        let mut there = self.there();
        let of_same = there.by_network.get(&network).filter(|list| list.len() >= self.most_of_one);
        let oldest = match of_same {
            Some(list) => list.front().copied(),
            None if there.all.len() >= self.most => there.all.keys().next().copied(),
            None => None,
        };
        if let Some(displaced) = oldest.and_then(|number| there.remove(number)) {
            displaced.cancel();
        }
        let number = there.next;
        there.next += 1;
        there.all.insert(number, (network, lost.clone()));
        there.by_network.entry(network).or_default().push_back(number);
        drop(there);
        Place { handshakes: Arc::clone(self), number, lost }
    }

    fn there(&self) -> MutexGuard<'_, There> {
        // No holder of the lock leaves it half-changed.
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl There {
    fn remove(&mut self, number: u64) -> Option<CancellationToken> {
        let (network, lost) = self.all.remove(&number)?;
        if let Some(list) = self.by_network.get_mut(&network) {
            list.retain(|other| *other != number);
            if list.is_empty() {
                self.by_network.remove(&network);
            }
        }
        Some(lost)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.handshakes.there().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_the_longest_makes_room() {
        let handshakes = Handshakes::new(3, 2);
        let [one, other]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        let (first, second) = (handshakes.enter(one), handshakes.enter(other));
        let third = handshakes.enter(one);
        let fourth = handshakes.enter(one);
        let lost =
            |places: &[&Place]| places.iter().map(|place| place.lost.is_cancelled()).collect::<Vec<_>>();
        assert_eq!(
            lost(&[&first, &second, &third, &fourth]),
            [true, false, false, false],
            "of the same address"
        );
        let fifth = handshakes.enter("192.0.2.3".parse().unwrap());
        assert_eq!(lost(&[&second, &third, &fourth, &fifth]), [true, false, false, false], "of all");
        drop((first, second, third, fourth, fifth));
        assert!(handshakes.there().all.is_empty() && handshakes.there().by_network.is_empty());
    }
}
