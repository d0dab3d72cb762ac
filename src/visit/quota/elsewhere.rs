//! What other replicas change in the same places.
//!
//! The plan. Each replica counts all changes that it has made in a place since it counts, up and down, and tells the sums. Who
//! hears of a sum makes the difference to the one before: so nothing is lost, or made twice, when a connection was lost meanwhile. A sum of
//! whose beginning nothing is known is where the differences begin: what is in it was there when this replica looked, unless the
//! other one has begun later. What
//! uploads hold in other replicas is held here, while those are heard; it counts no more from the moment in which what became of it does.
//!
//! Two processes may tell by one number, in turns: a machine that takes over before the one before it has ended, or a number
//! that was copied. So the sums of several counts of a place are remembered ([`Sums`]): each is a difference to its own.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::Usage;
use super::books::Quotas;
use super::ledger::Ledger;
use crate::accounts::FRESH;

/// The most places of one replica that are known.
const MOST: usize = 64 * 1024;

/// The most counts of one place by one number that are told apart. Each start of a process begins another one.
const MOST_SUMS: usize = 8;

/// A backend and a directory of it.
type Place = (String, String);

/// All changes since a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    /// What tells it from another count of the same place.
    since: u64,
    bytes: i64,
    files: i64,
}

/// What one replica has changed in a place, and what it holds of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) backend: String,
    pub(crate) path: String,
    pub(crate) since: u64,
    pub(crate) bytes: i64,
    pub(crate) files: i64,
    pub(crate) held: Usage,
}

/// What others have told.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    is_there: AtomicBool,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    replicas: HashMap<u16, Replica>,
    /// Places of which something was held elsewhere at the last look.
    held: HashSet<Place>,
}

#[derive(Debug)]
struct Replica {
    heard: Instant,
    /// It was there before this one, and more of what was there before it was heard for the first time follows.
    is_new: bool,
    sums: HashMap<Place, Sums>,
    held: HashMap<Place, Usage>,
}

impl Replica {
    fn new(heard: Instant, is_new: bool) -> Self {
        Self { heard, is_new, sums: HashMap::new(), held: HashMap::new() }
    }
}

/// The sums of a place that were told last by one number, each of another count. The last one was told last.
#[derive(Debug, Default)]
struct Sums(Vec<Count>);

impl Sums {
    /// Remembers a sum in place of the one before of the same count, which it returns.
    fn put(&mut self, sum: Count) -> Option<Count> {
        let known = self.0.iter().position(|known| known.since == sum.since);
        let before = known.map(|number| self.0.remove(number));
        if self.0.len() >= MOST_SUMS {
            self.0.remove(0);
        }
        self.0.push(sum);
        before
    }
}

impl Default for Count {
    fn default() -> Self {
        Self { since: RandomState::new().hash_one(0), bytes: 0, files: 0 }
    }
}

impl Count {
    pub(super) fn add(&mut self, less: Usage, more: Usage) {
        let difference =
            |more: u64, less: u64| i64::try_from(i128::from(more) - i128::from(less)).unwrap_or_default();
        self.bytes = self.bytes.saturating_add(difference(more.bytes, less.bytes));
        self.files = self.files.saturating_add(difference(more.files, less.files));
    }

    fn is_nothing(self) -> bool {
        self.bytes == 0 && self.files == 0
    }
}

impl Told {
    /// What is held of a place elsewhere, by those who are heard.
    fn held_of(&self, place: &Place) -> Usage {
        let heard = self.replicas.values().filter(|replica| replica.heard.elapsed() < FRESH);
        heard
            .filter_map(|replica| replica.held.get(place))
            .fold(Usage::default(), |sum, held| sum.plus(*held))
    }
}

impl Elsewhere {
    pub(super) fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Relaxed)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // No holder of the lock leaves it half-changed.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Quotas {
    /// There are other replicas, which change the same places.
    pub(crate) fn has_others(&self) {
        self.elsewhere.is_there.store(true, Ordering::Relaxed);
    }

    /// What was changed here and is held, place by place, where others find it.
    pub(crate) fn made(&self) -> Vec<Made> {
        let mut all = Vec::new();
        for books in self.all().into_iter().filter(|books| books.are_shared()) {
            for ledger in books.all() {
                let Some((Count { since, bytes, files }, held)) = ledger.made() else { continue };
                let (backend, path) = (books.backend.clone(), ledger.root.as_str().to_owned());
                all.push(Made { backend, path, since, bytes, files, held });
            }
        }
        all
    }

    /// Another replica is there for less time than this one. If it was never heard before, all that it has stored so far has come since.
    pub(crate) fn began_elsewhere(&self, replica: u16) {
        let mut told = self.elsewhere.told();
        told.replicas.entry(replica).or_insert_with(|| Replica::new(Instant::now(), false));
    }

    /// Another replica has changed these places, and holds that of them; of others nothing, if these are all, of which there may
    /// be more to come.
    pub(crate) fn made_elsewhere(
        &self,
        replica: u16,
        all: bool,
        more: bool,
        made: impl IntoIterator<Item = Made>,
    ) {
        let mut told = self.elsewhere.told();
        let told = &mut *told;
        let now = Instant::now();
        let other = told.replicas.entry(replica).or_insert_with(|| Replica::new(now, true));
        let is_new = other.is_new;
        other.is_new &= more;
        other.heard = now;
        if all {
            other.held.clear();
        }
        for Made { backend, path, since, bytes, files, held } in made {
            let place = (backend, path);
            let Some(other) = told.replicas.get_mut(&replica) else { return };
            if other.sums.len() >= MOST && !other.sums.contains_key(&place) {
                continue;
            }
            let held_before = match held == Usage::default() {
                true => other.held.remove(&place),
                false => other.held.insert(place.clone(), held),
            };
            let is_held_otherwise = held_before.unwrap_or_default() != held;
            let count = Count { since, bytes, files };
            let before = match other.sums.entry(place.clone()).or_default().put(count) {
                Some(before) => before,
                // What was there before it was heard for the first time was found by a look.
                None if is_new => count,
                None => Count { since, bytes: 0, files: 0 },
            };
            let change = Count {
                since,
                bytes: bytes.saturating_sub(before.bytes),
                files: files.saturating_sub(before.files),
            };
            if (is_held_otherwise || !change.is_nothing())
                && let Some(ledger) = self.ledger_of(&place)
            {
                let (more, less) = both(change);
                let held = told.held_of(&place);
                // Both at once: an upload that has ended would count twice, and break off others.
                ledger.changed_elsewhere(less, more, held);
                if held != Usage::default() {
                    told.held.insert(place);
                }
            }
        }
    }

    /// Holds in each place what is held elsewhere, by those who are heard.
    pub(crate) fn look_elsewhere(&self) {
        let mut told = self.elsewhere.told();
        let mut held: HashMap<Place, Usage> = HashMap::new();
        for replica in told.replicas.values().filter(|replica| replica.heard.elapsed() < FRESH) {
            for (place, usage) in &replica.held {
                let sum = held.entry(place.clone()).or_default();
                *sum = sum.plus(*usage);
            }
        }
        let before = std::mem::replace(&mut told.held, held.keys().cloned().collect());
        for place in before.iter().filter(|place| !held.contains_key(place)) {
            if let Some(ledger) = self.ledger_of(place) {
                ledger.held_elsewhere(Usage::default());
            }
        }
        for (place, usage) in held {
            if let Some(ledger) = self.ledger_of(&place) {
                ledger.held_elsewhere(usage);
            }
        }
    }

    fn ledger_of(&self, (backend, path): &Place) -> Option<Arc<Ledger>> {
        let books = self.all().into_iter().find(|books| books.backend == *backend)?;
        books.are_shared().then(|| books.ledger_at(path)).flatten()
    }
}

/// What there is more, and what there is less.
fn both(change: Count) -> (Usage, Usage) {
    let of = |number: i64| match number >= 0 {
        true => (number.unsigned_abs(), 0),
        false => (0, number.unsigned_abs()),
    };
    let ((more_bytes, less_bytes), (more_files, less_files)) = (of(change.bytes), of(change.files));
    (Usage::new(more_bytes, more_files), Usage::new(less_bytes, less_files))
}

#[cfg(test)]
#[path = "elsewhere_tests.rs"]
mod tests;
