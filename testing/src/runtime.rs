//! A runtime for tests that have none.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

/// Waits for a future. What it spawns goes on in the background until the process ends.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let start = || Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    RUNTIME.get_or_init(start).block_on(future)
}
