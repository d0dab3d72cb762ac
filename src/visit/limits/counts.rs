//! What users, addresses and the server have used up.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::meter::Meter;
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
}

/// What one of them has used up.
#[derive(Debug, Default)]
pub(super) struct Count {
    upload: Meter,
    download: Meter,
    /// Transfers under way.
    pub(super) transfers: AtomicUsize,
    pub(super) commands: Meter,
}

impl Counts {
    pub(super) fn server(&self) -> Arc<Count> {
        Arc::clone(&self.server)
    }

    pub(super) fn user(&self, name: &str) -> Arc<Count> {
        self.users.get(name)
    }

    pub(super) fn network(&self, network: Network) -> Arc<Count> {
        self.networks.get(&network)
    }
}

impl Count {
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
    fn get<Q>(&self, name: &Q) -> Arc<Count>
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
        Arc::clone(counts.entry(name.to_owned()).or_default())
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
    /// In a second.
    pub(super) bytes: u64,
}

impl Rate {
    pub(super) fn meter(&self) -> &Meter {
        self.count.meter(self.way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
