//! From where users have logged in.

use std::collections::{HashMap, VecDeque};

use crate::network::Network;

/// The most networks of one user, and the most users, that are remembered. Those whose last login is longest ago are forgotten.
const MOST_OF_ONE: usize = 64;
const MOST: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct KnownPlaces {
    of: HashMap<String, Places>,
    /// How many logins there were.
    logins: u64,
}

#[derive(Debug, Default)]
struct Places {
    /// The network of the last login comes first.
    networks: VecDeque<Network>,
    /// The number of that login.
    last: u64,
}

impl KnownPlaces {
    pub(super) fn has(&self, name: &str, network: Network) -> bool {
        self.of.get(name).is_some_and(|places| places.networks.contains(&network))
    }

    /// Where those users were last whose logins are the latest.
    pub(super) fn latest(&self, most: usize) -> Vec<(String, Network)> {
        let mut latest: Vec<_> = self.of.iter().map(|(name, places)| (places.last, name, places)).collect();
        latest.sort_unstable_by_key(|(last, ..)| std::cmp::Reverse(*last));
        latest.truncate(most);
        let place =
            |(_, name, places): (_, &String, &Places)| Some((name.clone(), *places.networks.front()?));
        latest.into_iter().filter_map(place).collect()
    }

    /// Says whether it was not known.
    pub(super) fn add(&mut self, name: &str, network: Network) -> bool {
        self.logins += 1;
        let last = self.logins;
        if let Some(places) = self.of.get_mut(name) {
            let known = places.networks.iter().position(|known| *known == network);
            match known {
                Some(at) => drop(places.networks.remove(at)),
                None => places.networks.truncate(MOST_OF_ONE - 1),
            }
            places.networks.push_front(network);
            places.last = last;
            return known.is_none();
        }
        if self.of.len() >= MOST
            && let Some(oldest) = self.of.iter().min_by_key(|(_, places)| places.last)
        {
            let oldest = oldest.0.clone();
            self.of.remove(&oldest);
        }
        self.of.insert(name.to_owned(), Places { networks: VecDeque::from([network]), last });
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn network(number: usize) -> Network {
        let number = u32::try_from(number).unwrap();
        Network::of(IpAddr::V4(Ipv4Addr::from_bits(number)), 64)
    }

    #[test]
    fn whoever_comes_back_is_not_forgotten() {
        let mut places = KnownPlaces::default();
        for number in 1..=4 * MOST_OF_ONE {
            places.add("anna", network(0));
            places.add("anna", network(number));
        }
        assert!(places.has("anna", network(0)), "the office is where most logins come from");
        assert!(!places.has("anna", network(1)));
        assert_eq!(places.of["anna"].networks.len(), MOST_OF_ONE);
        for number in 0..MOST {
            places.add("anna", network(0));
            places.add(&format!("user-{number}"), network(0));
        }
        assert!(places.has("anna", network(0)) && !places.has("user-0", network(0)));
        assert_eq!(places.of.len(), MOST);
    }
}
