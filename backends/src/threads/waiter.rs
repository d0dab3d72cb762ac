//! Whoever waits for work.

use std::sync::Arc;

/// Somebody who waits for operations, and may go before they end.
pub trait Waiter: Send + Sync {
    /// Whether nobody is there any more. It is asked about once a second, and must not block.
    fn is_gone(&self) -> bool;
}

tokio::task_local! {
    // Between whoever waits and the threads of a disk are layers that know nothing of either: what they do as one (a move
    // between storages) must end as after any failure, and not be dropped halfway.
    static WAITER: Arc<dyn Waiter>;
}

/// Does work for somebody who may go: a disk that does not answer is given up sooner then. Work that makes steps goes on.
pub async fn waited_for_by<W: Future>(waiter: Arc<dyn Waiter>, work: W) -> W::Output {
    WAITER.scope(waiter, work).await
}

pub(super) fn is_gone() -> bool {
    WAITER.try_with(|waiter| waiter.is_gone()).unwrap_or(false)
}
