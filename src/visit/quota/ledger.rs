//! What one place holds.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use wharf_backends::{Result, StoragePath};

use super::look::Look;
use super::{Usage, words};
use crate::config::Quota;
use crate::ops::metrics::QuotaMeter;

/// How long uploads wait for the first count of a place, from the moment in which the place is first needed. After that they are
/// let in, and the quota counts for what is known.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time between two looks at a place.
const BETWEEN_LOOKS: Duration = Duration::from_secs(24 * 60 * 60);

/// The time between two looks if something is in doubt: a look at a large bucket is not to be had for a rename.
const IN_DOUBT: Duration = Duration::from_secs(60 * 60);

/// What one place holds, and what uploads under way hold of it.
#[derive(Debug)]
pub(in crate::visit) struct Ledger {
    /// The directory of the backend.
    pub(super) root: StoragePath,
    account: Mutex<Account>,
    is_known: watch::Sender<bool>,
    wait_until: Mutex<Instant>,
    pub(super) meter: QuotaMeter,
}

#[derive(Debug, Default)]
struct Account {
    used: Usage,
    /// What uploads under way hold beyond that.
    held: Usage,
    /// All of it was counted at least once.
    is_known: bool,
    look: Option<Look>,
    /// It waits for a look, or is looked at.
    is_queued: bool,
    /// The last look came to its end then.
    looked_at: Option<SystemTime>,
    /// Something may have changed that was not seen.
    is_doubtful: bool,
}

impl Account {
    /// What is known by now.
    fn used(&self) -> Usage {
        match &self.look {
            Some(look) if !self.is_known => self.used.most(look.total()),
            _ => self.used,
        }
    }

    fn change(&mut self, less: Usage, more: Usage) {
        self.used = self.used.plus(more).minus(less);
        if let Some(look) = &mut self.look {
            look.change(less, more);
        }
    }
}

/// What is known of a place, to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) used: Usage,
    pub(super) looked_at: SystemTime,
}

impl Ledger {
    /// Of a place of which this is known from before; `is_sure` if nothing has passed here since.
    pub(super) fn new(root: &StoragePath, kept: Option<(Kept, bool)>, meter: QuotaMeter) -> Self {
        let account = match kept {
            None => Account::default(),
            Some((kept, is_sure)) => Account {
                used: kept.used,
                is_known: true,
                looked_at: is_sure.then_some(kept.looked_at),
                ..Account::default()
            },
        };
        let is_known = watch::Sender::new(account.is_known);
        let wait_until = Mutex::new(Instant::now() + PATIENCE);
        Self { root: root.clone(), account: Mutex::new(account), is_known, wait_until, meter }
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the first count, for a while.
    pub(super) async fn wait(&self) {
        let mut is_known = self.is_known.subscribe();
        let wait_until = *self.wait_until.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = timeout_at(wait_until, is_known.wait_for(|is_known| *is_known)).await;
    }

    /// What is used of it, with what uploads under way hold; and whether all of it was counted.
    pub(super) fn used(&self) -> (Usage, bool) {
        let account = self.account();
        (account.used().plus(account.held), account.is_known)
    }

    /// Holds more for an upload, unless that passes the quota.
    ///
    /// # Errors
    /// [`wharf_backends::ErrorKind::QuotaExceeded`].
    pub(super) fn hold(&self, quota: Quota, more: Usage, path: &StoragePath) -> Result<()> {
        if more == Usage::default() {
            return Ok(());
        }
        let mut account = self.account();
        let used = account.used();
        let taken = used.plus(account.held);
        let fits = |taken: u64, more: u64, most: Option<u64>| {
            more == 0 || most.is_none_or(|most| taken.saturating_add(more) <= most)
        };
        let (bytes, files) =
            (fits(taken.bytes, more.bytes, quota.bytes), fits(taken.files, more.files, quota.files));
        if bytes && files {
            account.held = account.held.plus(more);
            return Ok(());
        }
        drop(account);
        self.meter.refused();
        // What others hold is none of what is there.
        Err(words::over(quota, used, !bytes, path))
    }

    /// An upload holds less.
    pub(super) fn release(&self, less: Usage) {
        let mut account = self.account();
        account.held = account.held.minus(less);
    }

    /// What is at a path is about to change: a file of the old size, or nothing.
    pub(super) fn touch(&self, path: u64, old: Option<u64>) {
        if let Some(look) = &mut self.account().look {
            look.touch(path, old);
        }
    }

    /// Something has changed. What was held for it is held no more.
    pub(super) fn change(&self, less: Usage, more: Usage, held: Usage) {
        let mut account = self.account();
        account.change(less, more);
        account.held = account.held.minus(held);
    }

    /// A whole directory has changed its place inside.
    pub(super) fn disturb(&self) {
        if let Some(look) = &mut self.account().look {
            look.disturb();
        }
    }

    /// What has changed is not known: it is looked at soon.
    pub(super) fn doubt(&self) {
        let mut account = self.account();
        account.is_doubtful = true;
        if let Some(look) = &mut account.look {
            look.disturb();
        }
    }

    /// The storage is another one, of which nothing is known.
    pub(super) fn forget(&self) {
        let mut account = self.account();
        let (held, is_queued) = (account.held, account.is_queued);
        *account = Account { held, is_queued, ..Account::default() };
        *self.wait_until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + PATIENCE;
        self.is_known.send_replace(false);
    }

    /// Whether it has to be looked at and nobody knows that by now; then it is noted that somebody does. `spread` is a part of
    /// the time between two looks, so that places which were first looked at together are not looked at together for ever.
    pub(super) fn is_due(&self, now: SystemTime, spread: Duration) -> bool {
        let mut account = self.account();
        let between = if account.is_doubtful { IN_DOUBT } else { BETWEEN_LOOKS.saturating_sub(spread) };
        // A clock that was set back says nothing.
        let is_old = |at| now.duration_since(at).map_or(true, |since| since >= between);
        let is_due = !account.is_queued && (!account.is_known || account.looked_at.is_none_or(is_old));
        account.is_queued |= is_due;
        is_due
    }

    /// A look begins.
    pub(super) fn begin_look(&self) {
        let mut account = self.account();
        account.is_doubtful = false;
        account.look = Some(Look::new());
    }

    /// The look has come to a file.
    pub(super) fn come_to(&self, path: u64, size: u64) {
        if let Some(look) = &mut self.account().look {
            look.come_to(path, size);
        }
    }

    /// The look is over; what it has found, if it came to its end.
    pub(super) fn end_look(&self, is_whole: bool, now: SystemTime) -> Option<Usage> {
        let mut account = self.account();
        account.is_queued = false;
        // The place may have been forgotten meanwhile.
        let look = account.look.take()?;
        let found = look.total();
        if !is_whole {
            // What it has come to is there.
            if !account.is_known {
                account.used = account.used.most(found);
            }
            account.is_doubtful = true;
            return None;
        }
        account.used = found;
        account.is_known = true;
        account.looked_at = Some(now);
        account.is_doubtful |= look.is_disturbed();
        drop(account);
        self.is_known.send_replace(true);
        Some(found)
    }

    /// What is to be kept of it.
    pub(super) fn kept(&self) -> Option<Kept> {
        let account = self.account();
        let Account { used, looked_at, is_known: true, .. } = *account else { return None };
        // What is in doubt is looked at again.
        let looked_at = looked_at.filter(|_| !account.is_doubtful).unwrap_or(SystemTime::UNIX_EPOCH);
        Some(Kept { used, looked_at })
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
