//! How a server, or one session of it, is told to end.

use tokio_util::sync::CancellationToken;

/// How a server, or one session of it, is told to end.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// No new transfers; sessions end when their transfer does.
    pub stopping: CancellationToken,
    /// Transfers end too, at once.
    pub now: CancellationToken,
    /// Of a session: it ends because its account has changed, and not because the server does.
    pub dismissed: CancellationToken,
}

impl Shutdown {
    /// That of one session: it ends with the server, and can be told to end by itself.
    #[must_use]
    pub fn of_session(&self) -> Self {
        Self {
            stopping: self.stopping.child_token(),
            now: self.now.child_token(),
            dismissed: self.dismissed.child_token(),
        }
    }

    /// Tells it that its account has changed. Its transfer may go on.
    pub fn dismiss(&self) {
        // First, so that whoever is woken by the other finds the reason.
        self.dismissed.cancel();
        self.stopping.cancel();
    }
}
