//! Turns: tasks that work on one thing wait for the ones that came before.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// How many keys may be kept before unused ones are forgotten.
const TIDY_AT: usize = 64;

/// A turn at one thing. It ends when this is dropped.
pub type Turn = OwnedMutexGuard<()>;

/// The queues of all things: one for each key, in the order of arrival. Their number is bounded by twice the number of
/// tasks that have a turn or wait for one.
#[derive(Debug)]
pub struct Turns<K> {
    queues: Mutex<Queues<K>>,
}

#[derive(Debug)]
struct Queues<K> {
    by_key: HashMap<K, Weak<AsyncMutex<()>>>,
    tidy_at: usize,
}

impl<K: Eq + Hash> Default for Turns<K> {
    fn default() -> Self {
        Self { queues: Mutex::new(Queues { by_key: HashMap::new(), tidy_at: TIDY_AT }) }
    }
}

impl<K: Eq + Hash> Turns<K> {
    /// Waits until all earlier tasks are done with `key`.
    pub async fn take(&self, key: K) -> Turn {
        self.queue(key).lock_owned().await
    }

    /// The turn at `key`, if no other task has it.
    pub fn try_take(&self, key: K) -> Option<Turn> {
        self.queue(key).try_lock_owned().ok()
    }

    fn queue(&self, key: K) -> Arc<AsyncMutex<()>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.by_key.len() >= queues.tidy_at {
            queues.by_key.retain(|_, queue| queue.strong_count() > 0);
            queues.tidy_at = TIDY_AT.max(2 * queues.by_key.len());
        }
        if let Some(queue) = queues.by_key.get(&key).and_then(Weak::upgrade) {
            return queue;
        }
        let queue = Arc::new(AsyncMutex::new(()));
        queues.by_key.insert(key, Arc::downgrade(&queue));
        queue
    }
}

#[cfg(test)]
#[path = "turns_tests.rs"]
mod tests;
