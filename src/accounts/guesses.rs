//! How long the answer to a failed login waits.
//!
//! It grows with the failures of a network and with those of a name, so that neither one address nor many of them get far
//! with guesses at one account. Only answers to failures wait: a right password is answered at once, whatever others have
//! tried, so nobody is kept out.
//!
//! Failures are counted in a table of fixed size. Networks and names that share a place in it are counted together: answers to
//! their failures are delayed a little more, which is all that an attacker who fills the table can reach.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::network::Network;

/// The delay of the first answer. Each further answer waits twice as long as the one before.
const FIRST: Duration = Duration::from_millis(100);

/// After this time without a failure, half of the failures are forgotten.
const HALF_LIFE: Duration = Duration::from_secs(5 * 60);

/// Places in the table.
const PLACES: usize = 32 * 1024;

/// Failures, by network and by name.
#[derive(Debug)]
pub(super) struct Guesses {
    began: Instant,
    chooser: RandomState,
    counted: Mutex<Vec<Count>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    failures: u32,
    /// Seconds since this table was made.
    last: u32,
}

impl Default for Guesses {
    fn default() -> Self {
        Self { began: Instant::now(), chooser: RandomState::new(), counted: Mutex::default() }
    }
}

impl Guesses {
    /// Counts a failure, and returns the delay of its answer: `most` at most. If that is nothing, nothing is counted.
    pub(super) fn failed(&self, most: Duration, network: Network, name: &str) -> Duration {
        if most.is_zero() {
            return Duration::ZERO;
        }
        let now = u32::try_from(self.began.elapsed().as_secs()).unwrap_or(u32::MAX);
        let places = [self.chooser.hash_one(network), self.chooser.hash_one(name)];
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.is_empty() {
            *counted = vec![Count::default(); PLACES];
        }
        let failures = places.into_iter().map(|hash| {
            let place = (hash % counted.len() as u64) as usize;
            let count = &mut counted[place];
            let halves = u64::from(now.saturating_sub(count.last)) / HALF_LIFE.as_secs();
            count.failures = count.failures.checked_shr(halves.min(32) as u32).unwrap_or(0).saturating_add(1);
            count.last = now;
            count.failures
        });
        let doublings = failures.max().unwrap_or(1).saturating_sub(1).min(20);
        (FIRST * (1 << doublings)).min(most)
    }
}

#[cfg(test)]
#[path = "guesses_tests.rs"]
mod tests;
