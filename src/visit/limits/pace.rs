//! The bandwidth of a transfer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::counts::{Rate, Share, Way};

/// How long a round lasts in which each transfer gets a part, while they are few: so often is each of them woken.
const ROUND: Duration = Duration::from_millis(50);

/// So many are few. If there are more, rounds are longer, up to ten times.
const FEW: u32 = 10;

/// Lets the bytes of one transfer move as fast as they may.
///
/// The plan. The transfer asks before it moves bytes. It is granted a part of every rate that counts for it, and waits until all of
/// them are due; then so many bytes may move, in as many pieces as it likes, before it has to ask again. How many have moved is
/// counted anyway, whoever moves them. What was granted and not moved is given back at the end.
#[derive(Debug)]
pub(crate) struct Pace {
    rates: Vec<Rate>,
    moved: Arc<AtomicU64>,
    granted: Mutex<Granted>,
}

/// What was granted so far.
#[derive(Debug, Clone, Copy)]
struct Granted {
    /// In all.
    bytes: u64,
    /// When the last part of it is due.
    due: Instant,
}

impl Pace {
    /// `None` if nothing slows it down.
    pub(super) fn new(shares: &[Share], way: Way, moved: &Arc<AtomicU64>) -> Option<Self> {
        let rates: Vec<_> = shares.iter().filter_map(|share| share.rate(way)).collect();
        if rates.is_empty() {
            return None;
        }
        rates.iter().for_each(|rate| rate.meter().join());
        let granted = Granted { bytes: moved.load(Ordering::Relaxed), due: Instant::now() };
        Some(Self { rates, moved: Arc::clone(moved), granted: Mutex::new(granted) })
    }

    /// Waits until bytes may move; says how many.
    pub(crate) async fn next(&self) -> u64 {
        let (left, due) = self.grant(Instant::now());
        if due > Instant::now() {
            sleep_until(due).await;
        }
        left
    }

    /// How many bytes may move now, without a wait.
    pub(crate) fn now(&self) -> u64 {
        let granted = *self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        if granted.due <= Instant::now() { self.left(granted) } else { 0 }
    }

    fn left(&self, granted: Granted) -> u64 {
        granted.bytes.saturating_sub(self.moved.load(Ordering::Relaxed))
    }

    /// What is granted and has not moved, and when it may.
    fn grant(&self, now: Instant) -> (u64, Instant) {
        let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        if self.left(*granted) == 0 {
            let part = self.part();
            let due = self.rates.iter().map(|rate| rate.meter().ask(part, rate.bytes(), now)).max();
            *granted = Granted { bytes: granted.bytes + part, due: due.unwrap_or(now) };
        }
        (self.left(*granted), granted.due)
    }

    /// How many bytes the next part has.
    ///
    /// Rounds of all rates last as long, so that in each of them a transfer gets what its own rate allows, if that is less than its
    /// share of the others.
    fn part(&self) -> u64 {
        let crowd = self.rates.iter().map(|rate| rate.meter().sharing()).max().unwrap_or(1);
        let round = (ROUND * crowd / FEW).clamp(ROUND, 10 * ROUND);
        let parts = self.rates.iter().map(|rate| rate.meter().part(rate.bytes(), round));
        parts.min().unwrap_or(u64::MAX)
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        let granted = *self.granted.get_mut().unwrap_or_else(PoisonError::into_inner);
        let left = self.left(granted);
        for rate in &self.rates {
            rate.meter().give_back(left, rate.bytes());
            rate.meter().leave();
        }
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
