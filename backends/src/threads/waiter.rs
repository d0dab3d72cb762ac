//! The client that waits for work.

use std::sync::Arc;

/// A client that waits for operations, and may go before they end.
pub trait Waiter: Send + Sync {
    /// Whether the client is gone. It is called about once a second, and must not block.
    fn is_gone(&self) -> bool;
}

tokio::task_local! {
    // The layers between the client and the threads of a disk know nothing of either: an operation of several steps (a
    // move between storages) must end as after any failure, and not be dropped halfway.
    static WAITER: Arc<dyn Waiter>;
}

/// Does work for a client that may go: a disk that does not answer is then given up sooner. Work that makes steps goes
/// on.
pub async fn waited_for_by<W: Future>(waiter: Arc<dyn Waiter>, work: W) -> W::Output {
    WAITER.scope(waiter, work).await
}

pub(super) fn is_gone() -> bool {
    WAITER.try_with(|waiter| waiter.is_gone()).unwrap_or(false)
}
