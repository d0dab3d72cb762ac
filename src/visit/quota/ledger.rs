//! What one place holds.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use wharf_backends::{Result, StoragePath};

use super::elsewhere::Count;
use super::look::Look;
use super::{Usage, words};
use crate::config::Quota;
use crate::ops::metrics::QuotaMeter;

/// How long uploads wait for the first count of a place, from the moment in which the first of them does. After that they are
/// let in, and the quota counts for what is known.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time between two looks at a place.
const BETWEEN_LOOKS: Duration = Duration::from_secs(24 * 60 * 60);

/// The time between two looks if something is in doubt: a look at a large bucket is not to be had for a rename.
const IN_DOUBT: Duration = Duration::from_secs(60 * 60);

/// The time until the second attempt to count a place for the first time; each further attempt takes twice as long to come.
const SECOND_ATTEMPT: Duration = Duration::from_secs(5 * 60);

/// How often that time is doubled: up to more than five hours.
const MOST_DOUBLINGS: u32 = 6;

/// What one place holds, and what uploads under way hold of it.
#[derive(Debug)]
pub(in crate::visit) struct Ledger {
    /// The directory of the backend.
    pub(super) root: StoragePath,
    account: Mutex<Account>,
    is_known: watch::Sender<bool>,
    /// Whoever waited first has set it.
    wait_until: Mutex<Option<Instant>>,
    pub(super) meter: QuotaMeter,
}

#[derive(Debug, Default)]
struct Account {
    used: Usage,
    /// What uploads under way hold beyond that, and what those in other replicas do.
    held: Usage,
    held_elsewhere: Usage,
    /// What was changed here, if anything was.
    made: Option<Count>,
    /// All of it was counted at least once.
    is_known: bool,
    look: Option<Look>,
    /// Something was in doubt before the look under way.
    was_doubtful: bool,
    /// Paths that are being changed: by how many, and the size of what was there. A look that begins meanwhile has to know.
    touched: HashMap<u64, (usize, Option<u64>)>,
    /// How many directories are on their way into the place, out of it or within.
    moving: usize,
    /// It waits for a look, or is looked at.
    is_queued: bool,
    /// The last look that counted came to its end then.
    looked_at: Option<SystemTime>,
    /// The last look came to an end then, whatever it was worth; and how many since one that counted.
    attempted_at: Option<SystemTime>,
    in_vain: u32,
    /// Something may have changed that was not seen.
    is_doubtful: bool,
    /// Since then nobody has a quota here.
    idle_since: Option<SystemTime>,
}

impl Account {
    /// What is changed here is told elsewhere.
    fn make(&mut self, less: Usage, more: Usage) {
        self.made.get_or_insert_default().add(less, more);
        self.change(less, more);
    }

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

    /// The change of a path is over; `false` if nobody knows of it: the place was forgotten meanwhile.
    fn untouch(&mut self, path: u64) -> bool {
        let Entry::Occupied(mut entry) = self.touched.entry(path) else { return false };
        entry.get_mut().0 -= 1;
        if entry.get().0 == 0 {
            entry.remove();
        }
        true
    }

    fn disturb(&mut self) {
        if let Some(look) = &mut self.look {
            look.disturb();
        }
    }

    fn doubt(&mut self) {
        self.is_doubtful = true;
        self.disturb();
    }
}

/// What is known of a place, to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) used: Usage,
    pub(super) looked_at: SystemTime,
    /// Somebody had a quota there then.
    pub(super) needed_at: SystemTime,
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
        Self {
            root: root.clone(),
            account: Mutex::new(account),
            is_known,
            wait_until: Mutex::default(),
            meter,
        }
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the first count, for a while.
    pub(super) async fn wait(&self) {
        let mut is_known = self.is_known.subscribe();
        if *is_known.borrow() {
            return;
        }
        let wait_until = {
            let mut wait_until = self.wait_until.lock().unwrap_or_else(PoisonError::into_inner);
            *wait_until.get_or_insert_with(|| Instant::now() + PATIENCE)
        };
        let _ = timeout_at(wait_until, is_known.wait_for(|is_known| *is_known)).await;
    }

    /// Whether all of it was counted.
    pub(super) fn is_known(&self) -> bool {
        *self.is_known.borrow()
    }

    /// What is used of it, with what uploads under way hold; and whether all of it was counted.
    pub(super) fn used(&self) -> (Usage, bool) {
        let account = self.account();
        (account.used().plus(account.held).plus(account.held_elsewhere), account.is_known)
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
        let taken = used.plus(account.held).plus(account.held_elsewhere);
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

    /// What is at a path is about to change: a file of the old size, or nothing. A [`change`](Self::change), or that there is
    /// [none](Self::untouch), follows.
    pub(super) fn touch(&self, path: u64, old: Option<u64>) {
        let mut account = self.account();
        account.touched.entry(path).or_insert((0, old)).0 += 1;
        if let Some(look) = &mut account.look {
            look.touch(path, old);
        }
    }

    /// Something has changed at a path that was touched. What was held for it is held no more.
    pub(super) fn change(&self, path: u64, less: Usage, more: Usage, held: Usage) {
        let mut account = self.account();
        account.held = account.held.minus(held);
        if account.untouch(path) {
            account.make(less, more);
        }
    }

    /// A path that was touched is as it was, or nobody knows what it is like.
    pub(super) fn untouch(&self, path: u64) {
        self.account().untouch(path);
    }

    /// A whole directory is about to change its place. An [end](Self::end_move) follows.
    pub(super) fn begin_move(&self) {
        let mut account = self.account();
        account.moving += 1;
        account.disturb();
    }

    /// The move of a directory is over, and has made this difference, as far as that is known.
    pub(super) fn end_move(&self, less: Usage, more: Usage) {
        let mut account = self.account();
        // The place may have been forgotten meanwhile.
        if account.moving > 0 {
            account.moving -= 1;
            account.make(less, more);
            account.disturb();
        }
    }

    /// What has changed is not known: it is looked at soon.
    pub(super) fn doubt(&self) {
        self.account().doubt();
    }

    /// The storage is another one, of which nothing is known.
    pub(super) fn forget(&self) {
        let mut account = self.account();
        let (held, is_queued) = (account.held, account.is_queued);
        // What was made elsewhere counts from nothing.
        *account = Account { held, is_queued, ..Account::default() };
        *self.wait_until.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.is_known.send_replace(false);
    }

    /// What was changed here since it is counted, if anything was, and what uploads under way hold. Changes may make up for each other:
    /// others have to know that as well.
    pub(super) fn made(&self) -> Option<(Count, Usage)> {
        let mut account = self.account();
        let Account { made, held, .. } = &mut *account;
        (made.is_some() || *held != Usage::default()).then(|| (*made.get_or_insert_default(), *held))
    }

    /// Another replica has changed this, and so much is held in others now. A look under way may have come to the change, or not: if
    /// that is much, the next one is soon.
    pub(super) fn changed_elsewhere(&self, less: Usage, more: Usage, held: Usage) {
        let mut account = self.account();
        account.held_elsewhere = held;
        account.change(less, more);
        if let Some(look) = &mut account.look {
            look.change_elsewhere(less.plus(more));
        }
    }

    /// So much is held in other replicas.
    pub(super) fn held_elsewhere(&self, held: Usage) {
        self.account().held_elsewhere = held;
    }

    /// Somebody has a quota here.
    pub(super) fn is_needed(&self) {
        self.account().idle_since = None;
    }

    /// Nobody has a quota here now. Says whether that is so for a day.
    pub(super) fn is_idle(&self, now: SystemTime) -> bool {
        let since = *self.account().idle_since.get_or_insert(now);
        now.duration_since(since).is_ok_and(|idle| idle >= BETWEEN_LOOKS)
    }

    /// Whether it has to be looked at and nobody knows that by now; then it is noted that somebody does. `spread` is a part of
    /// the time between two looks, so that places which were first looked at together are not looked at together for ever.
    pub(super) fn is_due(&self, now: SystemTime, spread: Duration) -> bool {
        let mut account = self.account();
        let between = if account.is_doubtful { IN_DOUBT } else { BETWEEN_LOOKS.saturating_sub(spread) };
        let doublings = account.in_vain.saturating_sub(1).min(MOST_DOUBLINGS);
        let pause = match account.in_vain {
            0 => Duration::ZERO,
            _ if account.is_known => IN_DOUBT.max(SECOND_ATTEMPT * (1 << doublings)),
            _ => SECOND_ATTEMPT * (1 << doublings),
        };
        // A clock that was set back says nothing.
        let is_past = |at: SystemTime, time| now.duration_since(at).map_or(true, |since| since >= time);
        let may_be = account.attempted_at.is_none_or(|at| is_past(at, pause));
        let is_old = account.looked_at.is_none_or(|at| is_past(at, between));
        let is_due = !account.is_queued && may_be && (!account.is_known || is_old);
        account.is_queued |= is_due;
        is_due
    }

    /// A look begins. What is being changed is found by it or not, and is told of as if it were to change now.
    pub(super) fn begin_look(&self) {
        let mut account = self.account();
        account.was_doubtful = std::mem::take(&mut account.is_doubtful);
        let mut look = Look::new();
        for (path, (changes, old)) in &account.touched {
            look.touch(*path, *old);
            // Turns rule that out.
            if *changes > 1 {
                look.disturb();
            }
        }
        if account.moving > 0 {
            look.disturb();
        }
        account.look = Some(look);
    }

    /// The look has come to a file.
    pub(super) fn come_to(&self, path: u64, size: u64) {
        if let Some(look) = &mut self.account().look {
            look.come_to(path, size);
        }
    }

    /// The look is over; what the place holds by it, if it came to its end.
    pub(super) fn end_look(&self, is_whole: bool, now: SystemTime) -> Option<Usage> {
        let mut account = self.account();
        account.is_queued = false;
        // The place may have been forgotten meanwhile.
        let look = account.look.take()?;
        let found = look.total();
        account.attempted_at = Some(now);
        if !is_whole {
            // What it has come to is there.
            if !account.is_known {
                account.used = account.used.most(found);
            }
            account.is_doubtful = true;
            account.in_vain = account.in_vain.saturating_add(1);
            return None;
        }
        if account.is_known && look.is_disturbed() {
            // What was known is more to be trusted, unless there was a doubt; then the worse of both counts.
            if account.was_doubtful {
                account.used = account.used.most(found);
            }
            account.is_doubtful = true;
            account.in_vain = account.in_vain.saturating_add(1);
            return Some(account.used);
        }
        account.used = found;
        account.is_known = true;
        account.looked_at = Some(now);
        account.in_vain = 0;
        account.is_doubtful |= look.is_disturbed() || look.is_off();
        drop(account);
        self.is_known.send_replace(true);
        Some(found)
    }

    /// The look is given up, for a reason that says nothing of the place: it may be looked at again at once.
    pub(super) fn break_off_look(&self) {
        let mut account = self.account();
        account.is_queued = false;
        if account.look.take().is_some() {
            account.is_doubtful = true;
        }
    }

    /// What is to be kept of it.
    pub(super) fn kept(&self) -> Option<Kept> {
        let account = self.account();
        let Account { used, looked_at, is_known: true, .. } = *account else { return None };
        // What is in doubt is looked at again. A look under way may have been for a doubt.
        let is_sure = !account.is_doubtful
            && account.look.is_none()
            && account.touched.is_empty()
            && account.moving == 0;
        let looked_at = looked_at.filter(|_| is_sure).unwrap_or(SystemTime::UNIX_EPOCH);
        Some(Kept { used, looked_at, needed_at: SystemTime::now() })
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
