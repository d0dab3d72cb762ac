//! From where users have logged in.

use std::collections::{HashMap, VecDeque};

use crate::network::Network;

/// The most networks of one user, and the most users, that are remembered; the oldest are forgotten first.
const MOST_OF_ONE: usize = 16;
const MOST: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct KnownPlaces {
    of: HashMap<String, VecDeque<Network>>,
    in_order: VecDeque<String>,
}

impl KnownPlaces {
    pub(super) fn has(&self, name: &str, network: Network) -> bool {
        self.of.get(name).is_some_and(|networks| networks.contains(&network))
    }

    pub(super) fn add(&mut self, name: &str, network: Network) {
        if let Some(networks) = self.of.get_mut(name) {
            if networks.contains(&network) {
                return;
            }
            networks.truncate(MOST_OF_ONE - 1);
            networks.push_front(network);
            return;
        }
        if self.in_order.len() >= MOST
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.of.remove(&oldest);
        }
        self.in_order.push_back(name.to_owned());
        self.of.insert(name.to_owned(), VecDeque::from([network]));
    }
}
