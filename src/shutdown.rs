//! How a server, or one session of it, is told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio_util::sync::CancellationToken;

/// Why a session ends that is told to.
const DISMISSED: u8 = 1;
const KICKED: u8 = 2;

/// How a server, or one session of it, is told to end.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// No new transfers; sessions end when their transfer does.
    pub stopping: CancellationToken,
    /// Transfers end too, at once.
    pub now: CancellationToken,
    /// Of a session: why it ends, if that is not because the server does. Nobody waits for that, and thousands of sessions have one.
    reason: Arc<AtomicU8>,
}

impl Shutdown {
    /// That of one session: it ends with the server, and can be told to end by itself.
    #[must_use]
    pub fn of_session(&self) -> Self {
        Self { stopping: self.stopping.child_token(), now: self.now.child_token(), reason: Arc::default() }
    }

    /// Ends everything at once.
    pub fn end_now(&self) {
        self.stopping.cancel();
        self.now.cancel();
    }

    /// Whether it has been told that its account has changed.
    #[must_use]
    pub fn is_dismissed(&self) -> bool {
        self.reason.load(Ordering::Acquire) == DISMISSED
    }

    /// Whether an operator has ended it.
    #[must_use]
    pub fn is_kicked(&self) -> bool {
        self.reason.load(Ordering::Acquire) == KICKED
    }

    /// Tells it that its account has changed. Its transfer may go on.
    pub fn dismiss(&self) {
        // First, so that whoever is woken by the other finds the reason.
        let _ = self.reason.compare_exchange(0, DISMISSED, Ordering::AcqRel, Ordering::Acquire);
        self.stopping.cancel();
    }

    /// Tells it that an operator wants its end, and that of its transfer.
    pub fn kick(&self) {
        self.reason.store(KICKED, Ordering::Release);
        self.end_now();
    }
}
