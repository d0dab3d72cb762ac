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

/// The uploads of a server that were broken off, or may turn out to be.
#[derive(Default)]
pub(in super::super) struct Interrupted {
    hasher: RandomState,
    uploads: Mutex<Uploads>,
}

/// What is known of the uploads of one name by one user.
#[derive(Debug, Default, Clone, Copy)]
struct Name {
    /// Uploads under way. A line that is lost is noticed late: until then they look like this.
    running: u32,
    /// Changes when the name gets another file: who began before has nothing to say about that.
    file: u64,
    broken_off: Option<Instant>,
}

impl Name {
    fn is_interrupted(&self) -> bool {
        self.running > 0 || self.broken_off.is_some_and(|end| end.elapsed() < REMEMBERED)
    }
}

#[derive(Default)]
struct Uploads {
    /// By the hash of user and path: what is wrong by chance has a client send a file whole.
    names: HashMap<u64, Name>,
    /// Those that were broken off, with the time.
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
            if let Some(name) = self.names.get_mut(&hash).filter(|name| name.broken_off == Some(end)) {
                name.broken_off = None;
                self.forget_if_idle(hash);
            }
        }
    }

    fn forget_if_idle(&mut self, hash: u64) {
        if self.names.get(&hash).is_some_and(|name| name.running == 0 && name.broken_off.is_none()) {
            self.names.remove(&hash);
        }
    }

    /// The name stands for another file, or for none.
    fn changed(&mut self, hash: u64) {
        if let Some(name) = self.names.get_mut(&hash) {
            name.file += 1;
            name.broken_off = None;
            self.forget_if_idle(hash);
        }
    }
}

impl Interrupted {
    fn uploads(&self) -> MutexGuard<'_, Uploads> {
        // What a panic left half-done here has a client send a file whole at worst.
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(self: &Arc<Self>, hash: u64) -> Begun {
        let mut uploads = self.uploads();
        let name = uploads.names.entry(hash).or_default();
        name.running += 1;
        Begun { all: Arc::clone(self), hash, file: name.file, is_stored: false }
    }

    fn end(&self, begun: &Begun) {
        let mut uploads = self.uploads();
        uploads.tidy();
        let Some(name) = uploads.names.get_mut(&begun.hash) else { return };
        name.running = name.running.saturating_sub(1);
        if begun.is_stored {
            uploads.changed(begun.hash);
        } else if name.file == begun.file {
            let now = Instant::now();
            name.broken_off = Some(now);
            uploads.order.push_back((begun.hash, now));
        }
        uploads.forget_if_idle(begun.hash);
    }
}

/// Those of one user.
#[derive(Clone)]
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

    /// Whether the last upload of this name was broken off and not kept, or has not ended.
    pub(in super::super) fn contains(&self, path: &StoragePath) -> bool {
        self.all.uploads().names.get(&self.hash(path)).is_some_and(Name::is_interrupted)
    }

    /// An upload of a whole file begins, which is broken off unless the opposite is said.
    pub(in super::super) fn begin(&self, path: &StoragePath) -> Begun {
        self.all.begin(self.hash(path))
    }

    /// The name stands for something else now, or for nothing.
    pub(in super::super) fn forget(&self, path: &StoragePath) {
        self.all.uploads().changed(self.hash(path));
    }
}

/// An upload of a whole file that is under way.
pub(in super::super) struct Begun {
    all: Arc<Interrupted>,
    hash: u64,
    /// What the name stood for when it began.
    file: u64,
    is_stored: bool,
}

impl Begun {
    /// The file is there.
    pub(in super::super) fn stored(mut self) {
        self.is_stored = true;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.all.end(self);
    }
}

#[cfg(test)]
#[path = "interrupted_tests.rs"]
mod tests;
