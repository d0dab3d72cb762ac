//! Removes leftovers of unfinished uploads from storages.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use tokio_util::task::AbortOnDropHandle;
use wharf_backends::{Partial, Storage};

use crate::ops::metrics::Metrics;
use crate::world::CurrentWorld;

/// The time between two sweeps after the start.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// The sweeps of one storage.
struct Sweeping {
    storage: Weak<dyn Storage>,
    _task: AbortOnDropHandle<()>,
}

/// Sweeps the storages of the current world, now and every hour, until this is dropped. One that a later world opens is swept at
/// once, and one that is closed no more.
pub fn start(world: Arc<CurrentWorld>, metrics: Arc<Metrics>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut changes = world.changes();
        let mut sweeping: Vec<Sweeping> = Vec::new();
        loop {
            let now = world.now();
            let is = |one: &Sweeping, storage: &Arc<dyn Storage>| {
                std::ptr::addr_eq(one.storage.as_ptr(), Arc::as_ptr(storage))
            };
            sweeping.retain(|one| now.storages.values().any(|storage| is(one, storage)));
            for (backend, storage) in &now.storages {
                if !sweeping.iter().any(|one| is(one, storage)) {
                    if storage.partials().is_some() {
                        metrics.keeps_uploads(backend, &[]);
                    }
                    let storage = Arc::downgrade(storage);
                    let (metrics, world) = (Arc::clone(&metrics), Arc::clone(&world));
                    let task = tokio::spawn(sweep(backend.clone(), storage.clone(), metrics, world));
                    sweeping.push(Sweeping { storage, _task: AbortOnDropHandle::new(task) });
                }
            }
            drop(now);
            if changes.changed().await.is_err() {
                return;
            }
        }
    }))
}

async fn sweep(backend: String, storage: Weak<dyn Storage>, metrics: Arc<Metrics>, world: Arc<CurrentWorld>) {
    let mut known: Vec<Partial> = Vec::new();
    while let Some(storage) = storage.upgrade() {
        // Another look that hangs would take another of the disk's threads.
        let hangs = || storage.disk().is_some_and(|disk| disk.load().hanging > 0);
        if hangs() {
            tracing::warn!(backend, "did not look for unfinished uploads: the disk hangs");
        } else {
            match storage.sweep().await {
                Ok(0) => tracing::debug!(backend, "no unfinished uploads to remove"),
                Ok(removed) => tracing::info!(backend, removed, "removed unfinished uploads"),
                // Some credentials may only store files.
                Err(error) => tracing::warn!(backend, %error, "can't look for unfinished uploads"),
            }
            if let Some(partials) = storage.partials().filter(|_| !hangs()) {
                match partials.all().await {
                    Ok(mut kept) => {
                        kept.retain(|partial| !partial.under_way);
                        metrics.keeps_uploads(&backend, &kept);
                        // What is there no more because its time is over was counted by the quotas of its place.
                        let is = |one: &Partial, other: &Partial| {
                            one.path == other.path && one.owner == other.owner
                        };
                        for gone in known.iter().filter(|gone| gone.ends <= SystemTime::now()) {
                            if !kept.iter().any(|kept| is(kept, gone)) {
                                world.now().accounts.quotas().kept_is_gone(&backend, &gone.path);
                            }
                        }
                        known = kept;
                    }
                    Err(error) => tracing::debug!(backend, %error, "can't count the uploads that are kept"),
                }
            }
        }
        drop(storage);
        tokio::time::sleep(EVERY).await;
    }
}
