//! Uploads that were broken off.
//!
//! Nothing of such an upload is kept, and the name stands for the file that was there before. A client that wants to go on asks
//! for the size, and takes that of the old file for what is there of the new one: resumed there, the file would be the head of
//! one and the tail of the other; and one that is as long counts as complete. So the user has to send the file whole, or to
//! remove it, before anything can be put behind it.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wharf_backends::StoragePath;

/// How long an upload that was broken off is remembered. Clients come back within minutes.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// How many are; the oldest are forgotten first. They take about 4 MiB.
const MOST: usize = 64 * 1024;

/// The uploads of a server that were broken off.
#[derive(Default)]
pub(in super::super) struct Interrupted {
    hasher: RandomState,
    uploads: Mutex<Uploads>,
}

#[derive(Default)]
struct Uploads {
    /// By the hash of user and path, with the time of the end: what is wrong by chance has a client send a file whole.
    ends: HashMap<u64, Instant>,
    order: VecDeque<(u64, Instant)>,
}

impl Uploads {
    /// Forgets what is old, and so much that there is room for one more.
    fn tidy(&mut self) {
        while let Some((hash, end)) = self.order.front().copied()
            && (end.elapsed() >= REMEMBERED || self.order.len() >= MOST)
        {
            self.order.pop_front();
            // It may have been broken off again since.
            if self.ends.get(&hash) == Some(&end) {
                self.ends.remove(&hash);
            }
        }
    }
}

impl Interrupted {
    fn uploads(&self) -> MutexGuard<'_, Uploads> {
        // What a panic left half-done here has a client send a file whole at worst.
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, hash: u64) {
        let mut uploads = self.uploads();
        uploads.tidy();
        let now = Instant::now();
        uploads.ends.insert(hash, now);
        uploads.order.push_back((hash, now));
    }

    fn forget(&self, hash: u64) {
        self.uploads().ends.remove(&hash);
    }
}

/// Those of one user.
pub(in super::super) struct OwnInterrupted {
    all: Arc<Interrupted>,
    user: String,
    /// Of anonymous users, who have one name.
    address: Option<IpAddr>,
}

impl OwnInterrupted {
    pub(in super::super) fn new(all: Arc<Interrupted>, user: String, address: Option<IpAddr>) -> Self {
        Self { all, user, address }
    }

    fn hash(&self, path: &StoragePath) -> u64 {
        self.all.hasher.hash_one((&self.user, self.address, path))
    }

    /// Whether the last upload of this name was broken off, and not kept.
    pub(in super::super) fn contains(&self, path: &StoragePath) -> bool {
        let end = self.all.uploads().ends.get(&self.hash(path)).copied();
        end.is_some_and(|end| end.elapsed() < REMEMBERED)
    }

    /// An upload of a whole file begins, which is broken off unless the opposite is said.
    pub(in super::super) fn begin(&self, path: &StoragePath) -> Begun {
        Begun { all: Arc::clone(&self.all), hash: self.hash(path), is_stored: false }
    }

    /// The name stands for something else now, or for nothing.
    pub(in super::super) fn forget(&self, path: &StoragePath) {
        self.all.forget(self.hash(path));
    }
}

/// An upload of a whole file that is under way.
pub(in super::super) struct Begun {
    all: Arc<Interrupted>,
    hash: u64,
    is_stored: bool,
}

impl Begun {
    /// The file is there.
    pub(in super::super) fn stored(mut self) {
        self.is_stored = true;
        self.all.forget(self.hash);
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.is_stored {
            self.all.note(self.hash);
        }
    }
}

#[cfg(test)]
#[path = "interrupted_tests.rs"]
mod tests;
