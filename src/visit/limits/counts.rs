//! What users, addresses and the server have used up.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::meter::Meter;
use crate::accounts::{Elsewhere, Having};
use crate::config::Bandwidth;
use crate::network::Network;

/// So many entries are never looked through.
const FEW: usize = 64;

/// What users, addresses and the server have used up. It outlives sessions, and what the limits are.
#[derive(Debug, Default)]
pub struct Counts {
    server: Arc<Count>,
    users: Table<String>,
    networks: Table<Network>,
    /// What other replicas have of the same.
    elsewhere: Arc<Elsewhere>,
}

/// What one of them has used up.
#[derive(Debug, Default)]
pub(super) struct Count {
    upload: Meter,
    download: Meter,
    /// Transfers under way.
    pub(super) transfers: AtomicUsize,
    /// Those under way in other replicas.
    pub(super) elsewhere: AtomicUsize,
    pub(super) commands: Meter,
}

impl Counts {
    /// Nothing is used up; others share what users and networks may use.
    pub(crate) fn beside(elsewhere: &Arc<Elsewhere>) -> Self {
        Self { elsewhere: Arc::clone(elsewhere), ..Self::default() }
    }

    /// Takes into account what other replicas have told meanwhile.
    pub(crate) fn look_elsewhere(&self) {
        self.users.each(|name, count| count.shares_with(self.elsewhere.user(name)));
        self.networks.each(|network, count| count.shares_with(self.elsewhere.network(*network)));
    }

    /// The same, at once, of these users alone.
    pub(crate) fn look_at<'a>(&self, users: impl IntoIterator<Item = &'a str>) {
        for name in users {
            if let Some(count) = self.users.known(name) {
                count.shares_with(self.elsewhere.user(name));
            }
        }
    }

    /// What users and networks have here that counts elsewhere, without sessions.
    pub(crate) fn having(
        &self,
        mut user: impl FnMut(&str, Having),
        mut network: impl FnMut(Network, Having),
    ) {
        self.users.each(|name, count| user(name, count.having()));
        self.networks.each(|known, count| network(*known, count.having()));
    }

    pub(super) fn server(&self) -> Arc<Count> {
        Arc::clone(&self.server)
    }

    pub(super) fn user(&self, name: &str) -> Arc<Count> {
        self.users.get(name, |count| count.shares_with(self.elsewhere.user(name)))
    }

    pub(super) fn network(&self, network: Network) -> Arc<Count> {
        self.networks.get(&network, |count| count.shares_with(self.elsewhere.network(network)))
    }
}

impl Count {
    fn shares_with(&self, others: Having) {
        self.elsewhere.store(others.transfers as usize, Ordering::Relaxed);
        self.upload.shares_with(others.uploads);
        self.download.shares_with(others.downloads);
    }

    fn having(&self) -> Having {
        Having {
            sessions: 0,
            transfers: u32::try_from(self.transfers.load(Ordering::Relaxed)).unwrap_or(u32::MAX),
            uploads: self.upload.own(),
            downloads: self.download.own(),
        }
    }

    fn meter(&self, way: Way) -> &Meter {
        match way {
            Way::Upload => &self.upload,
            Way::Download => &self.download,
        }
    }

    /// Whether it is as good as a new one.
    fn is_at_rest(&self, now: Instant) -> bool {
        [&self.upload, &self.download, &self.commands].into_iter().all(|meter| meter.is_at_rest(now))
    }
}

/// Counts by a name. Those that nobody needs are forgotten when there are twice as many as were needed.
#[derive(Debug)]
struct Table<K>(Mutex<Entries<K>>);

#[derive(Debug)]
struct Entries<K> {
    counts: HashMap<K, Arc<Count>>,
    /// How many there may be before they are looked through.
    most: usize,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self(Mutex::new(Entries { counts: HashMap::new(), most: FEW }))
    }
}

impl<K: Hash + Eq> Table<K> {
    fn each(&self, mut look: impl FnMut(&K, &Count)) {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.counts.iter().for_each(|(name, count)| look(name, count));
    }

    /// The count of this name, if there is one.
    fn known<Q>(&self, name: &Q) -> Option<Arc<Count>>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.counts.get(name).cloned()
    }

    /// The count of this name; `begins` knows what a new one begins with.
    fn get<Q>(&self, name: &Q, begins: impl FnOnce(&Count)) -> Arc<Count>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Entries { counts, most } = &mut *entries;
        if let Some(count) = counts.get(name) {
            return Arc::clone(count);
        }
        if counts.len() >= *most {
            let now = Instant::now();
            counts.retain(|_, count| Arc::strong_count(count) > 1 || !count.is_at_rest(now));
            *most = (counts.len() * 2).max(FEW);
        }
        let count = counts.entry(name.to_owned()).or_default();
        begins(count);
        Arc::clone(count)
    }
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Upload,
    Download,
}

/// A bandwidth, and what was used of it.
#[derive(Debug, Clone)]
pub(super) struct Share {
    count: Arc<Count>,
    bandwidth: Bandwidth,
}

impl Share {
    /// `None` if there is no such bandwidth.
    pub(super) fn of(bandwidth: Bandwidth, count: impl FnOnce() -> Arc<Count>) -> Option<Self> {
        (bandwidth != Bandwidth::default()).then(|| Self { count: count(), bandwidth })
    }

    /// The rate of one way, and what was used of it.
    pub(super) fn rate(&self, way: Way) -> Option<Rate> {
        let bytes = match way {
            Way::Upload => self.bandwidth.upload,
            Way::Download => self.bandwidth.download,
        };
        bytes.map(|bytes| Rate { count: Arc::clone(&self.count), way, bytes })
    }
}

/// A rate, and what was used of it.
#[derive(Debug)]
pub(super) struct Rate {
    count: Arc<Count>,
    way: Way,
    /// In a second, in all replicas together.
    bytes: u64,
}

impl Rate {
    /// What there is of it in a second here: a part for each transfer that shares it, wherever that is.
    pub(super) fn bytes(&self) -> u64 {
        self.meter().part_here(self.bytes)
    }

    pub(super) fn meter(&self) -> &Meter {
        self.count.meter(self.way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_told_of_a_user_counts_at_once() {
        let elsewhere = Arc::<Elsewhere>::default();
        let counts = Counts::beside(&elsewhere);
        let anna = counts.user("anna");
        let one = Having { transfers: 1, ..Having::default() };
        elsewhere.told(1, true, [("anna".to_owned(), one)], []);
        counts.look_at(["anna", "nobody"]);
        assert_eq!(anna.elsewhere.load(Ordering::Relaxed), 1);
        elsewhere.told(1, false, [("anna".to_owned(), Having::default())], []);
        counts.look_at(["anna"]);
        assert_eq!(anna.elsewhere.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_back_is_known_and_who_rests_is_forgotten() {
        let counts = Counts::default();
        let busy = Instant::now() + std::time::Duration::from_secs(60);
        let due = counts.user("anna").upload.ask(1, 1, busy);
        assert!(counts.user("anna").upload.ask(1, 1, busy) > due);
        let here = counts.user("bert");
        for number in 0..10 * FEW {
            counts.user(&format!("user-{number}"));
        }
        assert!(Arc::ptr_eq(&here, &counts.user("bert")));
        assert!(!counts.user("anna").is_at_rest(busy), "what anna has used up is forgotten");
        assert!(counts.users.0.lock().unwrap().counts.len() <= 2 * FEW);
    }
}
