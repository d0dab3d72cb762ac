//! Connections that search, while nobody needs them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;

/// The most that are kept.
const MOST: usize = 8;
/// For how long: what stands between here and the directory may forget a connection that says nothing.
const KEPT: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Idle(Mutex<Vec<(Connection, Instant)>>);

impl Idle {
    /// One that was used lately.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        kept.retain(|(_, since)| now.duration_since(*since) < KEPT);
        kept.pop().map(|(connection, _)| connection)
    }

    pub(super) fn keep(&self, connection: Connection) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST {
            kept.push((connection, Instant::now()));
        }
    }

    /// One was gone: so are the others, if the directory was started anew.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        write!(f, "{} connections", kept.len())
    }
}
