//! How a server, or one session of it, is told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// How a server, or one session of it, is told to end.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// No new transfers; sessions end when their transfer does.
    pub stopping: CancellationToken,
    /// Transfers end too, at once.
    pub now: CancellationToken,
    /// Of a session: it ends because its account has changed, and not because the server does. Nobody waits for that, and thousands
    /// of sessions have one.
    dismissed: Arc<AtomicBool>,
}

impl Shutdown {
    /// That of one session: it ends with the server, and can be told to end by itself.
    #[must_use]
    pub fn of_session(&self) -> Self {
        Self { stopping: self.stopping.child_token(), now: self.now.child_token(), dismissed: Arc::default() }
    }

    /// Ends everything at once.
    pub fn end_now(&self) {
        self.stopping.cancel();
        self.now.cancel();
    }

    /// Whether it has been told that its account has changed.
    #[must_use]
    pub fn is_dismissed(&self) -> bool {
        self.dismissed.load(Ordering::Acquire)
    }

    /// Tells it that its account has changed. Its transfer may go on.
    pub fn dismiss(&self) {
        // First, so that whoever is woken by the other finds the reason.
        self.dismissed.store(true, Ordering::Release);
        self.stopping.cancel();
    }
}
