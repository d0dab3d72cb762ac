//! Removes segments that nobody needs any more.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::writer::Writer;

/// So many are removed at once.
const AT_ONCE: usize = 8;
/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(5);

impl Writer {
    /// Finds segments that nobody needs any more, and begins to remove them.
    pub(super) fn tidy(&mut self) {
        let now = Instant::now();
        let held_back = self.doubtful.iter().find(|(_, due)| **due > now).map(|(number, _)| *number);
        loop {
            let Some(number) = self.shared.state().take_empty(held_back) else { break };
            self.doubtful.remove(&number);
            self.removals.push_back(number);
        }
        if self.removing.is_some()
            || self.removals.is_empty()
            || self.remove_again.is_some_and(|until| until > now)
        {
            return;
        }
        self.remove_again = None;
        // What notes are about is gone before them.
        let mut batch = Vec::new();
        while let Some(number) = self.removals.front().copied()
            && batch.len() < AT_ONCE
            && (batch.is_empty() || !self.noted.contains(&number))
        {
            self.removals.pop_front();
            batch.push(number);
        }
        let all = join_all(batch.into_iter().map(|number| self.bucket.remove_segment(None, number)));
        let removed = all.map(|all| {
            let mut failed = Vec::new();
            for (number, result) in all {
                if let Err(error) = result {
                    tracing::debug!(number, %error, "can't remove a part of the spool of events: it is tried again");
                    failed.push(number);
                }
            }
            failed
        });
        self.removing = Some(removed.boxed());
    }

    pub(super) fn removed(&mut self, failed: Vec<u64>) {
        if !failed.is_empty() {
            self.remove_again = Some(Instant::now() + PAUSE);
        }
        for number in failed.into_iter().rev() {
            self.removals.push_front(number);
        }
        if let Some(first) = self.removals.front() {
            self.noted = self.noted.split_off(first);
        }
    }
}
