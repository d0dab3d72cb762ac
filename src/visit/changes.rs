//! What was written through this server, as counters: what was learned of a path is still so if its counter is.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use wharf_backends::{Storage, StoragePath};

/// Paths share counters: one that counts for another costs a request to a store.
const COUNTERS: usize = 1024;

static CHANGES: [AtomicU64; COUNTERS] = [const { AtomicU64::new(0) }; COUNTERS];
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

fn counter(storage: &Arc<dyn Storage>, path: &StoragePath) -> &'static AtomicU64 {
    let place = Arc::as_ptr(storage).cast::<()>() as usize;
    let hash = HASHER.hash_one((place, path));
    &CHANGES[usize::try_from(hash % COUNTERS as u64).unwrap_or_default()]
}

/// The state of a path.
pub(super) fn stamp(storage: &Arc<dyn Storage>, path: &StoragePath) -> u64 {
    counter(storage, path).load(Ordering::SeqCst)
}

/// Something was written at a path, or may have been.
pub(super) fn note(storage: &Arc<dyn Storage>, path: &StoragePath) {
    counter(storage, path).fetch_add(1, Ordering::SeqCst);
}

/// A whole directory may have got another name.
pub(super) fn note_all() {
    for counter in &CHANGES {
        counter.fetch_add(1, Ordering::SeqCst);
    }
}
