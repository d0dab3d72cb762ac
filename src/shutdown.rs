//! How a server is told to end.

use tokio_util::sync::CancellationToken;

/// How a server is told to end.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// No new transfers; sessions end when their transfer does.
    pub stopping: CancellationToken,
    /// Transfers end too, at once.
    pub now: CancellationToken,
}
