//! How many there are at once, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::network::{IPV6_PREFIX, Network};

/// Those that are there, and how many may be.
#[derive(Debug)]
pub(super) struct Crowd {
    most: usize,
    most_of_one: usize,
    there: Mutex<There>,
}

#[derive(Debug, Default)]
struct There {
    all: usize,
    by_network: HashMap<Network, usize>,
}

/// A place, which is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    network: Network,
}

impl Crowd {
    pub(super) fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Self { most, most_of_one, there: Mutex::default() })
    }

    /// A place for somebody with this address; `None`: there are too many.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let network = Network::of(address, IPV6_PREFIX);
        let mut there = self.there();
        let of_one = there.by_network.get(&network).copied().unwrap_or(0);
        if there.all >= self.most || of_one >= self.most_of_one {
            return None;
        }
        there.all += 1;
        there.by_network.insert(network, of_one + 1);
        Some(Place { crowd: Arc::clone(self), network })
    }

    fn there(&self) -> MutexGuard<'_, There> {
        // No holder of the lock leaves it half-changed.
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut there = self.crowd.there();
        there.all -= 1;
        if let Some(of_one) = there.by_network.get_mut(&self.network) {
            *of_one -= 1;
            if *of_one == 0 {
                there.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_room_for_others() {
        let crowd = Crowd::new(3, 2);
        let [one, other]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        let first = crowd.enter(one).unwrap();
        let _second = crowd.enter(one).unwrap();
        assert!(crowd.enter(one).is_none());
        let _third = crowd.enter(other).unwrap();
        assert!(crowd.enter(other).is_none(), "three are all");
        drop(first);
        assert!(crowd.enter(one).is_some());
        assert_eq!(crowd.there().all, 2);
        assert_eq!(crowd.there().by_network.len(), 2);
    }
}
