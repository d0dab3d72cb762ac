//! Gives free memory back to the system.

use tikv_jemalloc_ctl::{background_thread, max_background_threads};

/// Lets the allocator give back memory that has been free for some seconds, even if the server is idle. This takes a
/// thread of its own, which is started here: before the sandbox, the thread would be outside of it.
///
/// Without the thread, as with the C library musl, memory is given back only while the server works.
pub fn give_back() {
    let started = max_background_threads::write(1).and_then(|()| background_thread::write(true));
    if let Err(error) = started {
        tracing::debug!(%error, "the allocator has no thread of its own");
    }
}
