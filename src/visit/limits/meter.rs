//! When the next part of a rate is due.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How much of a rate may come at once after a pause: what is needed to make up for wake-ups that come late.
pub(super) const BURST: Duration = Duration::from_millis(100);

/// The smallest part, in bytes.
const LEAST: u64 = 4 * 1024;

/// Says when parts of a rate are due, one after the other.
///
/// The plan. What is known is the moment up to which all is paid that was handed out. A part is due when it is paid, too. Nothing
/// is filled up meanwhile, and nobody looks whether it is full: whoever asks learns the moment, and sleeps until then. As each
/// part begins where the one before ends, parts are due in the order in which they were asked for. After a pause, time that lies
/// further back than [`BURST`] is lost.
#[derive(Debug, Default)]
pub(super) struct Meter {
    paid: Mutex<Option<Instant>>,
    sharing: AtomicU32,
    /// How many take parts in other replicas.
    elsewhere: AtomicU32,
}

impl Meter {
    /// Asks for a part of a rate, which is so much in a second; says when it is due.
    pub(super) fn ask(&self, amount: u64, rate: u64, now: Instant) -> Instant {
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let due = paid.map_or(earliest, |paid| paid.max(earliest)) + price(amount, rate);
        *paid = Some(due);
        due
    }

    /// Gives back what was not needed of a part.
    pub(super) fn give_back(&self, amount: u64, rate: u64) {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        *paid = paid.and_then(|paid| paid.checked_sub(price(amount, rate)));
    }

    /// How many bytes a part has if everybody gets one in this time.
    pub(super) fn part(&self, rate: u64, round: Duration) -> u64 {
        (amount(rate, round) / u64::from(self.sharing())).max(LEAST)
    }

    /// How many take parts.
    pub(super) fn sharing(&self) -> u32 {
        self.sharing.load(Ordering::Relaxed).max(1)
    }

    /// How many take parts here, of which there may be none.
    pub(super) fn own(&self) -> u32 {
        self.sharing.load(Ordering::Relaxed)
    }

    /// So many take parts in other replicas.
    pub(super) fn shares_with(&self, elsewhere: u32) {
        self.elsewhere.store(elsewhere, Ordering::Relaxed);
    }

    /// What there is here of a rate that all share, wherever they are.
    pub(super) fn part_here(&self, rate: u64) -> u64 {
        let (own, elsewhere) = (u64::from(self.sharing()), u64::from(self.elsewhere.load(Ordering::Relaxed)));
        match elsewhere {
            0 => rate,
            _ => (u128::from(rate) * u128::from(own) / u128::from(own + elsewhere)).max(1) as u64,
        }
    }

    /// One more takes parts.
    pub(super) fn join(&self) {
        self.sharing.fetch_add(1, Ordering::Relaxed);
    }

    /// One takes no more parts.
    pub(super) fn leave(&self) {
        self.sharing.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether it is as good as a new one.
    pub(super) fn is_at_rest(&self, now: Instant) -> bool {
        let paid = *self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        paid.is_none_or(|paid| paid + BURST <= now)
    }
}

/// The time that an amount takes.
fn price(amount: u64, rate: u64) -> Duration {
    let nanoseconds = u128::from(amount) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// What comes in a time.
fn amount(rate: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(rate) * time.as_millis() / 1000).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "meter_tests.rs"]
mod tests;
