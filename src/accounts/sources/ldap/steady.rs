//! The time of a bind, for the answers that need none.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a bind takes that shows nothing, on an average of the last ones: whoever is refused without one waits so long, so that the
/// clock does not tell who is in the directory.
#[derive(Debug, Default)]
pub(super) struct Steady(AtomicU64);

impl Steady {
    /// A bind took so long.
    pub(super) fn took(&self, time: Duration) {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let move_to = |usual: u64| Some(if usual == 0 { time } else { usual - usual / 8 + time / 8 });
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, move_to);
    }

    /// Takes as long.
    pub(super) async fn wait(&self) {
        tokio::time::sleep(Duration::from_micros(self.0.load(Ordering::Relaxed))).await;
    }
}
