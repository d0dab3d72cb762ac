//! Memory that is free goes back to the system.

use tikv_jemalloc_ctl::{background_thread, max_background_threads};

/// Has the allocator of the program give back what has been free for some seconds, also where nothing happens any more. It takes a
/// thread of its own for that, which is started here: before the sandbox it would be outside of it.
///
/// Without the thread, as where the C library is musl, memory goes back as long as something is going on.
pub fn give_back() {
    let started = max_background_threads::write(1).and_then(|()| background_thread::write(true));
    if let Err(error) = started {
        tracing::debug!(%error, "the allocator has no thread of its own");
    }
}
