//! What there is at this moment, as the live page shows it.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{Desk, Filter, transfer};
use crate::ops::live::{SessionView, time};

/// The most sessions and transfers of a snapshot.
pub(super) const SHOWN: usize = 200;

impl Desk {
    /// What there is at this moment, at this replica.
    pub(super) fn snapshot(&self) -> Value {
        let (mut sessions, count) = self.chosen(&Filter { limit: Some(usize::MAX), ..Filter::default() });
        let rate = |is_upload: bool| -> f64 {
            let transfers = sessions.iter().filter_map(|session| session.transfer.as_ref());
            let these =
                transfers.filter(|transfer| matches!(transfer.direction, "upload" | "append") == is_upload);
            // An empty sum is -0.0.
            these.map(|transfer| transfer.bytes_per_second).fold(0.0, |sum, rate| sum + rate)
        };
        let (received, sent) = (rate(true), rate(false));
        let logged_in = sessions.iter().filter(|session| session.user.is_some()).count();
        // Those that move come first, then those that did something last.
        sessions.sort_by(|a, b| {
            let rate = |session: &SessionView| {
                session.transfer.as_ref().map_or(-1.0, |transfer| transfer.bytes_per_second)
            };
            rate(b).total_cmp(&rate(a)).then_with(|| a.idle_seconds.total_cmp(&b.idle_seconds))
        });
        let transfers_count = sessions.iter().filter(|session| session.transfer.is_some()).count();
        sessions.truncate(SHOWN);
        let transfers: Vec<_> = sessions.iter().filter_map(transfer).collect();
        json!({
            "at": time(SystemTime::now()),
            "replica": self.replica_index(),
            "away": [],
            "is_draining": self.limits.is_draining(),
            "sessions_count": count,
            "sessions_logged_in": logged_in,
            "transfers_count": transfers_count,
            "received_bytes_per_second": received,
            "sent_bytes_per_second": sent,
            "sessions": sessions,
            "transfers": transfers,
        })
    }
}
