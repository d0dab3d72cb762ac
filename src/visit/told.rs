//! Who was told how much is kept of an upload.
//!
//! A client that appends either goes on with what is kept, or means the file that was complete before and knows of nothing else; what
//! it sends says nothing of that. So only a session that was told of what is kept goes on with it: by SIZE, or by MLST of this name. A listing
//! tells nothing: whoever looks into it whether a file is there hears of the name alone.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wharf_backends::{Partial, Storage, StoragePath};

/// For how long a client may go by what it was told. It mostly asks right before.
const COUNTS: Duration = Duration::from_secs(30 * 60);

/// How many uploads are known of that somebody was told of; the oldest are forgotten first.
const MOST: usize = 16 * 1024;

/// How many were told of one of them, at most.
const MOST_OF_ONE: usize = 16;

/// Somebody who may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client {
    /// The number of the session, unique in the life of the process.
    pub(super) session: u64,
}

/// An upload of one owner, as it is kept for them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key(u64);

#[derive(Debug)]
struct Record {
    client: Client,
    at: Instant,
    partial: Partial,
}

#[derive(Debug, Default)]
struct Told {
    records: HashMap<u64, Vec<Record>>,
    order: VecDeque<u64>,
}

static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
static TOLD: LazyLock<Mutex<Told>> = LazyLock::new(Mutex::default);

fn all() -> MutexGuard<'static, Told> {
    // What a panic left half-done here has a client ask once more at worst.
    TOLD.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Key {
    pub(super) fn new(storage: &Arc<dyn Storage>, path: &StoragePath, owner: &str) -> Self {
        Self(HASHER.hash_one((Arc::as_ptr(storage).cast::<()>().addr(), path.as_str(), owner)))
    }

    /// A session was told of it.
    pub(super) fn was_told(self, client: Client, partial: &Partial) {
        let mut told = all();
        if !told.records.contains_key(&self.0) {
            if told.order.len() >= MOST
                && let Some(oldest) = told.order.pop_front()
            {
                told.records.remove(&oldest);
            }
            told.order.push_back(self.0);
        }
        let records = told.records.entry(self.0).or_default();
        records.retain(|record| record.client != client && record.at.elapsed() < COUNTS);
        if records.len() >= MOST_OF_ONE {
            records.remove(0);
        }
        records.push(Record { client, at: Instant::now(), partial: partial.clone() });
    }

    /// What the client was told of last.
    pub(super) fn told(self, client: Client) -> Option<Partial> {
        let told = all();
        let mut records = told.records.get(&self.0)?.iter();
        let record = records.find(|record| record.client == client && record.at.elapsed() < COUNTS)?;
        Some(record.partial.clone())
    }

    /// The name stands for something else now: whatever anybody was told does not count any more.
    pub(super) fn is_over(self) {
        let mut told = all();
        if told.records.remove(&self.0).is_some() {
            told.order.retain(|key| *key != self.0);
        }
    }

    /// What the client was told counts no more: it has thrown that away, or hears of something else now. Others don't know.
    pub(super) fn does_not_count_for(self, client: Client) {
        if let Some(records) = all().records.get_mut(&self.0) {
            records.retain(|record| record.client != client);
        }
    }
}

/// Whether what is kept is what somebody was told of. More of it may have come since then, if its line was not known to be broken.
pub(super) fn is_of(told: &Partial, now: &Partial) -> bool {
    match told.under_way {
        false => (told.size, told.modified) == (now.size, now.modified),
        true => told.size <= now.size && told.modified <= now.modified,
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use wharf_backends::memory::MemoryStorage;

    use super::*;

    fn client(session: u64) -> Client {
        Client { session }
    }

    fn partial(size: u64) -> Partial {
        let (path, now) = (StoragePath::parse("/f").unwrap(), SystemTime::UNIX_EPOCH);
        Partial { owner: "ann".to_owned(), path, size, modified: now, ends: now, under_way: false }
    }

    #[test]
    fn a_session_knows_what_it_was_told() {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new(0));
        let path = StoragePath::parse("/f").unwrap();
        let [ann, bob] = ["ann", "bob"].map(|owner| Key::new(&storage, &path, owner));
        ann.was_told(client(1), &partial(5));
        assert_eq!(ann.told(client(1)), Some(partial(5)));
        assert_eq!((ann.told(client(2)), bob.told(client(1))), (None, None));
        ann.was_told(client(1), &partial(6));
        ann.was_told(client(4), &partial(6));
        assert_eq!(ann.told(client(1)), Some(partial(6)));
        ann.does_not_count_for(client(1));
        assert_eq!((ann.told(client(1)), ann.told(client(4))), (None, Some(partial(6))));
        ann.is_over();
        assert_eq!(ann.told(client(4)), None);
    }

    #[test]
    fn more_may_come_of_what_is_under_way() {
        assert!(is_of(&partial(5), &partial(5)) && !is_of(&partial(5), &partial(6)));
        let running = Partial { under_way: true, ..partial(5) };
        assert!(is_of(&running, &partial(6)) && !is_of(&running, &partial(4)));
    }
}
