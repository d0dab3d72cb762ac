//! Keeps what is known of places: looks at them when it is time, and writes it down.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use super::books::{Books, Quotas, Start};
use super::ledger::{Kept, Ledger};

/// The time between two looks at what is due, after which is written what is known.
const TICK: Duration = Duration::from_secs(5 * 60);

/// For so long is kept what is known of a place in which nobody has a quota.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Quotas {
    /// Has places looked at when it is time, and what is known written down, for as long as it is polled.
    pub(crate) async fn keep(&self) {
        loop {
            tokio::time::sleep(TICK).await;
            let now = SystemTime::now();
            self.drop_what_is_idle(now);
            for books in self.all() {
                books.look_at_what_is_due(now);
            }
            self.write(false).await;
        }
    }

    /// Forgets places in which nobody has had a quota for a day. What is known of them is kept in the file, if there is one.
    pub(super) fn drop_what_is_idle(&self, now: SystemTime) {
        for books in self.all() {
            let idle = books.take_what_is_idle(now);
            self.keep_for_later(&books, idle);
        }
    }

    /// Writes down what is known, as the last word of this server if it has ended in good order.
    pub(crate) async fn write(&self, is_the_end: bool) {
        let Some(Start { file: Some(file), kept, .. }) = self.start.get() else { return };
        // What nobody needed this time may be needed the next time, but nobody knows what became of it.
        let unknown = |kept: &Kept| Kept { looked_at: SystemTime::UNIX_EPOCH, ..*kept };
        let now = SystemTime::now();
        let mut places: HashMap<_, _> = {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.retain(|_, kept| now.duration_since(kept.needed_at).map_or(true, |idle| idle < KEPT_FOR));
            kept.iter().map(|(place, kept)| (place.clone(), unknown(kept))).collect()
        };
        for books in self.all() {
            if !books.keeps_what_was_known() {
                places.retain(|(backend, _), _| *backend != books.backend);
            }
            // What goes with the storage is of no use to the next server.
            if !books.are_shared() {
                continue;
            }
            for ledger in books.all() {
                let place = (books.backend.clone(), ledger.root.as_str().to_owned());
                match ledger.kept() {
                    Some(kept) => places.insert(place, kept),
                    None => places.remove(&place),
                };
            }
        }
        let file = file.clone();
        let write = move || file.write(&places, is_the_end);
        if let Err(cause) = tokio::task::spawn_blocking(write).await {
            tracing::warn!(%cause, "can't write what is known of quotas");
        }
    }

    /// What is known of these places may be needed again, but nobody knows what becomes of them until then.
    pub(super) fn keep_for_later(&self, books: &Books, ledgers: Vec<Arc<Ledger>>) {
        let Some(Start { file: Some(_), kept, .. }) = self.start.get() else { return };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        for ledger in ledgers {
            let place = (books.backend.clone(), ledger.root.as_str().to_owned());
            match ledger.kept().filter(|_| books.keeps_what_was_known()) {
                Some(known) => kept.insert(place, Kept { looked_at: SystemTime::UNIX_EPOCH, ..known }),
                None => kept.remove(&place),
            };
        }
    }
}
