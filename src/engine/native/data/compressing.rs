//! Compression of sent data, on threads of its own.
//!
//! A block takes milliseconds at the level that a client chooses, and sixty downloads at once would make every other
//! session wait for all of them. So a pool of threads compresses blocks, on all cores but one at a time.

use std::sync::LazyLock;

use bytes::{Bytes, BytesMut};
use tokio::sync::Semaphore;

use super::TransferError;
use super::convert::{Outgoing, STEP};

static CORES: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Semaphore::new(cores.saturating_sub(1).max(1))
});

/// Converts a chunk on another thread.
pub(super) async fn compress(
    mut outgoing: Outgoing,
    mut chunk: Bytes,
) -> Result<(Outgoing, Bytes), TransferError> {
    // The semaphore is never closed.
    let turn = CORES.acquire().await.map_err(|_| TransferError::Panicked)?;
    let compressed = tokio::task::spawn_blocking(move || {
        // The turn belongs to the thread, because the session may end before it.
        let _turn = turn;
        let mut compressed = BytesMut::new();
        while !chunk.is_empty() {
            compressed.extend_from_slice(&outgoing.convert(chunk.split_to(chunk.len().min(STEP))));
        }
        (outgoing, compressed.freeze())
    });
    compressed.await.map_err(|_| TransferError::Panicked)
}
