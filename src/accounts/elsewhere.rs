//! What other replicas have of the same users and networks, as they have told.
//!
//! Each replica counts what is its own, and tells it to the others once a second (`src/cluster/told`). Limits count both. What was
//! told counts for [`FRESH`] only: a replica that is away, or gone for good, holds no places.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::time::Instant;

use crate::network::Network;

/// How long what a replica has told counts if nothing follows.
pub(crate) const FRESH: Duration = Duration::from_secs(6);

/// The most users, and the most networks, of one replica that are known. Whoever tells of more is not believed the rest.
pub(crate) const MOST: usize = 8 * 1024;

/// What others have.
#[derive(Debug, Default)]
pub struct Elsewhere(RwLock<HashMap<u16, Told>>);

/// What one replica has told.
#[derive(Debug)]
struct Told {
    heard: Instant,
    logged_in: u32,
    users: HashMap<String, Having>,
    networks: HashMap<Network, Having>,
}

/// What a user, or a network, has in one replica, or in several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Having {
    /// Sessions that are logged in.
    pub sessions: u32,
    /// Transfers that count for a limit on their number.
    pub transfers: u32,
    /// Uploads that share a bandwidth.
    pub uploads: u32,
    /// Downloads and listings that do.
    pub downloads: u32,
}

impl Having {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            sessions: self.sessions.saturating_add(other.sessions),
            transfers: self.transfers.saturating_add(other.transfers),
            uploads: self.uploads.saturating_add(other.uploads),
            downloads: self.downloads.saturating_add(other.downloads),
        }
    }
}

impl Elsewhere {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<u16, Told>> {
        // No holder of the lock leaves it half-changed.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<u16, Told>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this user has in the other replicas.
    pub fn user(&self, name: &str) -> Having {
        let all = self.read();
        all.values().filter(|told| told.is_fresh()).filter_map(|told| told.users.get(name)).copied().sum()
    }

    /// What this network has in the other replicas.
    pub fn network(&self, network: Network) -> Having {
        let all = self.read();
        all.values()
            .filter(|told| told.is_fresh())
            .filter_map(|told| told.networks.get(&network))
            .copied()
            .sum()
    }

    /// How many sessions are logged in in the other replicas.
    pub fn logged_in(&self) -> usize {
        let all = self.read();
        all.values().filter(|told| told.is_fresh()).map(|told| told.logged_in as usize).sum()
    }

    /// A replica has so many sessions that are logged in.
    pub fn told_sessions(&self, replica: u16, logged_in: u32) {
        if let Some(told) = self.write().get_mut(&replica) {
            told.logged_in = logged_in;
        }
    }

    /// A replica has told this: what there was, or, if `all`, what there is. Having nothing is being gone.
    pub fn told(
        &self,
        replica: u16,
        all: bool,
        users: impl IntoIterator<Item = (String, Having)>,
        networks: impl IntoIterator<Item = (Network, Having)>,
    ) {
        let mut replicas = self.write();
        let now = Instant::now();
        let told = replicas.entry(replica).or_insert_with(|| Told::new(now));
        told.heard = now;
        if all {
            told.users.clear();
            told.networks.clear();
        }
        users.into_iter().for_each(|(name, having)| put(&mut told.users, name, having));
        networks.into_iter().for_each(|(network, having)| put(&mut told.networks, network, having));
    }

    /// What a replica has told counts no more.
    pub fn forget(&self, replica: u16) {
        self.write().remove(&replica);
    }

    /// For how long a replica has been silent that was ever heard and is not forgotten.
    pub fn silence(&self, replica: u16) -> Option<Duration> {
        self.read().get(&replica).map(|told| told.heard.elapsed())
    }

    /// Each replica that was ever heard and is not forgotten, and for how long it has been silent.
    pub fn silences(&self) -> Vec<(u16, Duration)> {
        let mut silences: Vec<_> =
            self.read().iter().map(|(replica, told)| (*replica, told.heard.elapsed())).collect();
        silences.sort_unstable();
        silences
    }
}

impl Told {
    fn new(now: Instant) -> Self {
        Self { heard: now, logged_in: 0, users: HashMap::new(), networks: HashMap::new() }
    }

    fn is_fresh(&self) -> bool {
        self.heard.elapsed() < FRESH
    }
}

impl std::iter::Sum for Having {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::plus)
    }
}

fn put<K: std::hash::Hash + Eq>(table: &mut HashMap<K, Having>, key: K, having: Having) {
    if having == Having::default() {
        table.remove(&key);
    } else if table.len() < MOST || table.contains_key(&key) {
        table.insert(key, having);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(sessions: u32) -> Having {
        Having { sessions, ..Having::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn what_all_tell_is_added_while_it_is_fresh() {
        let elsewhere = Elsewhere::default();
        let network = Network::of("192.0.2.7".parse().unwrap(), 64);
        elsewhere.told(1, true, [("anna".to_owned(), sessions(2))], [(network, sessions(3))]);
        elsewhere.told(2, true, [("anna".to_owned(), sessions(1))], []);
        elsewhere.told_sessions(1, 40);
        elsewhere.told_sessions(2, 2);
        elsewhere.told_sessions(3, 9);
        assert_eq!(elsewhere.logged_in(), 42, "nobody has heard of a third");
        assert_eq!((elsewhere.user("anna").sessions, elsewhere.network(network).sessions), (3, 3));
        assert_eq!(elsewhere.user("bert"), Having::default());
        // A part of what there is, and nothing of what is gone.
        elsewhere.told(1, false, [("bert".to_owned(), sessions(1)), ("anna".to_owned(), sessions(0))], []);
        assert_eq!((elsewhere.user("anna").sessions, elsewhere.user("bert").sessions), (1, 1));
        tokio::time::advance(FRESH - Duration::from_millis(1)).await;
        elsewhere.told(1, false, [], []);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!((elsewhere.user("anna").sessions, elsewhere.user("bert").sessions), (0, 1));
        assert_eq!((elsewhere.silences()[1], elsewhere.logged_in()), ((2, FRESH), 40));
        elsewhere.told(1, true, [], []);
        assert_eq!(elsewhere.user("bert").sessions, 0, "all there is, is nothing");
        elsewhere.forget(2);
        assert_eq!(elsewhere.silences().len(), 1);
    }

    #[test]
    fn whoever_tells_too_much_is_not_believed() {
        let elsewhere = Elsewhere::default();
        elsewhere.told(1, true, (0..2 * MOST).map(|n| (n.to_string(), sessions(u32::MAX))), []);
        elsewhere.told(2, true, [("0".to_owned(), sessions(u32::MAX))], []);
        assert_eq!(elsewhere.read()[&1].users.len(), MOST);
        assert_eq!(elsewhere.user("0").sessions, u32::MAX);
    }
}
