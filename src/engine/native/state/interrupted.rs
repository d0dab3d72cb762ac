//! Uploads that were broken off.
//!
//! Nothing of such an upload is kept, and the name stands for the file that was there before. A client that wants to go on asks
//! for the size, and takes that of the old file for what is there of the new one: resumed there, the file would be the head of
//! one and the tail of the other; and one that is as long counts as complete. So the user has to send the file whole, or to
//! remove it, before anything can be put behind it.
//!
//! Where it is kept for its user, it may be gone when the client comes back, and then the same holds. Or another replica has made a
//! file of it: then there is another one than before.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wharf_backends::{Metadata, StoragePath};

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

/// What stood under the name of an upload that was kept.
type Old = Option<Box<Metadata>>;

/// What became of the last upload of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Mark {
    /// It has not ended, as far as is known.
    Running,
    /// It was broken off and not kept.
    BrokenOff,
    /// It was kept, while this stood under its name for everybody else.
    Kept(Old),
    /// Its user has thrown away what was kept, and knows that this stands under its name. Others who send for the user may not.
    ThrownAway(Old),
}

/// What is known of the uploads of one name by one user.
#[derive(Debug, Default)]
struct Name {
    /// Uploads under way. A line that is lost is noticed late: until then they look like this.
    running: u32,
    /// Changes when the name gets another file: who began before has nothing to say about that.
    file: u64,
    broken_off: Option<Instant>,
    /// It was kept then.
    kept: Option<Old>,
    /// Its user has thrown it away since.
    is_thrown_away: bool,
}

impl Name {
    fn mark(&self) -> Option<Mark> {
        if self.running > 0 {
            return Some(Mark::Running);
        }
        self.broken_off.filter(|end| end.elapsed() < REMEMBERED)?;
        Some(match &self.kept {
            Some(old) if self.is_thrown_away => Mark::ThrownAway(old.clone()),
            Some(old) => Mark::Kept(old.clone()),
            None => Mark::BrokenOff,
        })
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
                (name.broken_off, name.kept) = (None, None);
                self.forget_if_idle(hash);
            }
        }
    }

    /// The last upload of a name has ended before it was whole.
    fn broken_off(&mut self, hash: u64, kept: Option<Old>) {
        let now = Instant::now();
        let name = self.names.entry(hash).or_default();
        (name.broken_off, name.kept, name.is_thrown_away) = (Some(now), kept, false);
        self.order.push_back((hash, now));
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
            (name.broken_off, name.kept) = (None, None);
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
        Begun { all: Arc::clone(self), hash, file: name.file, is_stored: false, kept: None }
    }

    fn end(&self, begun: &mut Begun) {
        let mut uploads = self.uploads();
        uploads.tidy();
        let Some(name) = uploads.names.get_mut(&begun.hash) else { return };
        name.running = name.running.saturating_sub(1);
        if begun.is_stored {
            uploads.changed(begun.hash);
        } else if name.file == begun.file {
            uploads.broken_off(begun.hash, begun.kept.take());
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

    /// What became of the last upload of this name, unless the name stands for its file, or for another one.
    pub(in super::super) fn mark(&self, path: &StoragePath) -> Option<Mark> {
        self.all.uploads().names.get(&self.hash(path))?.mark()
    }

    /// An upload that went on with what was kept is kept again.
    pub(in super::super) fn kept(&self, path: &StoragePath, old: Option<Metadata>) {
        let mut uploads = self.all.uploads();
        uploads.tidy();
        uploads.broken_off(self.hash(path), Some(old.map(Box::new)));
    }

    /// What was kept is thrown away by its user.
    pub(in super::super) fn thrown_away(&self, path: &StoragePath) {
        if let Some(name) = self.all.uploads().names.get_mut(&self.hash(path)) {
            name.is_thrown_away = true;
        }
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
    kept: Option<Old>,
}

impl Begun {
    /// The file is there.
    pub(in super::super) fn stored(mut self) {
        self.is_stored = true;
    }

    /// It is kept, while this stands under its name.
    pub(in super::super) fn kept(mut self, old: Option<Metadata>) {
        self.kept = Some(old.map(Box::new));
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let all = Arc::clone(&self.all);
        all.end(self);
    }
}

#[cfg(test)]
#[path = "interrupted_tests.rs"]
mod tests;
