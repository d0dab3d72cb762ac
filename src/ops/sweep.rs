//! Removes leftovers of unfinished uploads from storages.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use wharf_backends::Storage;

/// The time between two sweeps after the start.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Sweeps all storages, now and every hour, until the tasks are dropped.
pub fn start(storages: impl IntoIterator<Item = (String, Arc<dyn Storage>)>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for (backend, storage) in storages {
        tasks.spawn(async move {
            loop {
                // Another sweep that hangs would take another of the disk's threads.
                if storage.disk().is_some_and(|disk| disk.load().hanging > 0) {
                    tracing::warn!(backend, "did not look for unfinished uploads: the disk hangs");
                    tokio::time::sleep(EVERY).await;
                    continue;
                }
                match storage.sweep().await {
                    Ok(0) => tracing::debug!(backend, "no unfinished uploads to remove"),
                    Ok(removed) => tracing::info!(backend, removed, "removed unfinished uploads"),
                    // Some credentials may only store files.
                    Err(error) => tracing::warn!(backend, %error, "can't look for unfinished uploads"),
                }
                tokio::time::sleep(EVERY).await;
            }
        });
    }
    tasks
}
