//! Facts about a bucket that this server has seen lately.
//!
//! They save requests, and never decide anything by themselves. If a name was seen, the store is asked before anything could
//! replace it. The entity tag that was seen is a condition that the store checks. A file that was seen moments ago is removed
//! without a question: if somebody else was faster, only the answer to the client differs.
//!
//! A listing says what was there when it was asked for, which counts for less than what this server has stored or removed since.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::free_names::FreeNames;
use super::removals::Removals;
use crate::StoragePath;
use crate::object::store::object::Object;

/// Paths that are kept; the oldest go first. They take about 4 MiB.
const MOST: usize = 32 * 1024;

/// How long a file or directory counts as existing after it was seen.
pub(super) const FRESH: Duration = Duration::from_secs(10);

/// How long a directory counts as existing after something in it was removed, although no key shows it any more: a client that
/// removes a tree comes back to each directory when everything below it is gone.
const LEFT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
enum Fact {
    File {
        e_tag: Option<Box<str>>,
        size: u64,
        /// This server has stored it, with the headers that every new object gets and no others.
        is_new: bool,
        at: Instant,
    },
    /// `left`: something in it was removed, so that it may have vanished.
    Directory { at: Instant, left: bool },
    /// This server has removed what was there.
    Gone { at: Instant },
}

impl Fact {
    fn at(&self) -> Instant {
        match self {
            Self::File { at, .. } | Self::Directory { at, .. } | Self::Gone { at } => *at,
        }
    }
}

#[derive(Default)]
struct Facts {
    /// By the hash of the path: two paths with one hash cost a request.
    facts: HashMap<u64, Fact>,
    order: VecDeque<u64>,
}

pub(crate) struct Known {
    hasher: RandomState,
    facts: Mutex<Facts>,
    /// Names that are no directories'.
    pub(crate) free: FreeNames,
    /// The directories that files are removed from.
    pub(crate) removals: Removals,
}

impl Known {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            facts: Mutex::new(Facts::default()),
            free: FreeNames::default(),
            removals: Removals::default(),
        }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        // State that a panic left half-done costs some requests at worst.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, path: &StoragePath, fact: Fact) {
        self.insert_into(&mut self.facts(), path, fact);
    }

    fn insert_into(&self, facts: &mut Facts, path: &StoragePath, fact: Fact) {
        let hash = self.hasher.hash_one(path);
        if facts.facts.insert(hash, fact).is_none() {
            facts.order.push_back(hash);
            while facts.order.len() > MOST {
                if let Some(oldest) = facts.order.pop_front() {
                    facts.facts.remove(&oldest);
                }
            }
        }
    }

    /// Notes that a file stands at `path`.
    pub(crate) fn file(&self, path: &StoragePath, size: u64, e_tag: Option<&str>) {
        self.insert(
            path,
            Fact::File { e_tag: e_tag.map(Box::from), size, is_new: false, at: Instant::now() },
        );
    }

    /// Notes that this server has stored an object at `path` with the headers that every new object gets and no others.
    pub(crate) fn stored_new(&self, path: &StoragePath, size: u64, e_tag: Option<&str>) {
        self.stored(path, size, e_tag);
        let fact = Fact::File { e_tag: e_tag.map(Box::from), size, is_new: true, at: Instant::now() };
        self.insert(path, fact);
    }

    /// Notes that a listing which was asked for at that time shows a file at `path`.
    pub(crate) fn listed(&self, path: &StoragePath, size: u64, e_tag: Option<&str>, asked: Instant) {
        let mut facts = self.facts();
        let known = facts.facts.get(&self.hasher.hash_one(path));
        if known.is_none_or(|known| known.at() < asked) {
            let fact = Fact::File { e_tag: e_tag.map(Box::from), size, is_new: false, at: asked };
            self.insert_into(&mut facts, path, fact);
        }
    }

    /// Notes that a directory stands at `path`.
    pub(crate) fn directory(&self, path: &StoragePath) {
        self.free.directory(path);
        self.insert(path, Fact::Directory { at: Instant::now(), left: false });
    }

    /// Notes that `path` and all paths above it are directories.
    pub(crate) fn directories(&self, path: &StoragePath) {
        std::iter::successors(Some(path.clone()), StoragePath::parent)
            .filter(|directory| !directory.is_root())
            .for_each(|directory| self.directory(&directory));
    }

    /// Notes that the file or directory `path` was removed from its directory.
    pub(crate) fn removed(&self, path: &StoragePath) {
        self.gone(path);
        parents(path).for_each(|parent| {
            self.insert(&parent, Fact::Directory { at: Instant::now(), left: true });
        });
    }

    /// Whether something below the directory `path` was removed lately, and the directory was not seen since.
    pub(crate) fn is_left(&self, path: &StoragePath) -> bool {
        let facts = self.facts();
        let fact = facts.facts.get(&self.hasher.hash_one(path));
        matches!(fact, Some(Fact::Directory { at, left: true }) if at.elapsed() < LEFT)
    }

    /// Notes that nothing stands at `path`, unless it is a directory that may just have vanished.
    pub(crate) fn missing(&self, path: &StoragePath) {
        if !self.is_left(path) {
            let hash = self.hasher.hash_one(path);
            let mut facts = self.facts();
            // An older listing may still come.
            if !matches!(facts.facts.get(&hash), Some(Fact::Gone { .. })) {
                // Its place in the order stays. Later it removes nothing, or a newer fact, which then costs a request.
                facts.facts.remove(&hash);
            }
        }
    }

    /// Notes that an object was stored at `path`, which makes directories of the paths above it.
    pub(crate) fn stored(&self, path: &StoragePath, size: u64, e_tag: Option<&str>) {
        self.file(path, size, e_tag);
        parents(path).for_each(|parent| self.directory(&parent));
    }

    /// Notes that this server removes or replaces what stands at `path`.
    pub(crate) fn gone(&self, path: &StoragePath) {
        self.insert(path, Fact::Gone { at: Instant::now() });
    }

    /// Whether a directory was seen at `path`.
    pub(crate) fn is_directory(&self, path: &StoragePath) -> bool {
        matches!(self.facts().facts.get(&self.hasher.hash_one(path)), Some(Fact::Directory { .. }))
    }

    /// Whether a directory was seen at `path` moments ago, and nothing was removed from it since.
    pub(crate) fn is_fresh_directory(&self, path: &StoragePath) -> bool {
        let facts = self.facts();
        let fact = facts.facts.get(&self.hasher.hash_one(path));
        matches!(fact, Some(Fact::Directory { at, left: false }) if at.elapsed() < FRESH)
    }

    /// Whether a file was seen at `path`.
    pub(crate) fn is_file(&self, path: &StoragePath) -> bool {
        matches!(self.facts().facts.get(&self.hasher.hash_one(path)), Some(Fact::File { .. }))
    }

    /// The file that was seen at `path` moments ago, with the properties that a condition needs.
    pub(crate) fn fresh_file(&self, path: &StoragePath, key: &str) -> Option<Object> {
        self.fresh(path, key).map(|(object, _)| object)
    }

    /// The object that this server has [stored](Self::stored_new) at `path` moments ago, if its entity tag is known.
    pub(crate) fn fresh_new(&self, path: &StoragePath, key: &str) -> Option<Object> {
        let (object, is_new) = self.fresh(path, key)?;
        (is_new && object.e_tag.is_some()).then_some(object)
    }

    /// The file that was seen at `path` moments ago, and whether this server has stored it.
    fn fresh(&self, path: &StoragePath, key: &str) -> Option<(Object, bool)> {
        let facts = self.facts();
        let Fact::File { e_tag, size, is_new, at } = facts.facts.get(&self.hasher.hash_one(path))? else {
            return None;
        };
        let object = Object {
            key: key.to_owned(),
            size: *size,
            e_tag: e_tag.as_deref().map(str::to_owned),
            version: None,
            md5: None,
            stored: None,
            set: None,
            mark: None,
            is_folder: false,
        };
        (at.elapsed() < FRESH).then_some((object, *is_new))
    }
}

/// The directories that `path` stands in, without the root.
pub(crate) fn parents(path: &StoragePath) -> impl Iterator<Item = StoragePath> {
    std::iter::successors(path.parent(), StoragePath::parent).filter(|parent| !parent.is_root())
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;
