//! How far away the store is, by the shortest time that it took to answer lately.
//!
//! A store that is busy takes long to answer, too, but now and then it answers at once. So the shortest time says how long
//! an answer is on its way, and what the store does before each one.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A store that takes so long at least for any answer is far away. One in the same house answers within a millisecond or two.
const FAR: Duration = Duration::from_millis(5);

/// So many answers are enough to know it by. The first ones wait for a connection, and for the store to wake up.
const ENOUGH: u32 = 3;

/// A store that takes so long for the first ones is far away, too.
const VERY_FAR: Duration = Duration::from_millis(20);

/// How long a time counts, at least: a store may move, or another way to it be taken.
const PERIOD: Duration = Duration::from_secs(300);

/// The shortest times of this period and of the one before.
struct Least {
    since: Instant,
    answers: u32,
    now: Option<Duration>,
    before: Option<Duration>,
}

pub(crate) struct Distance(Mutex<Least>);

impl Distance {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Least { since: Instant::now(), answers: 0, now: None, before: None }))
    }

    fn least(&self) -> MutexGuard<'_, Least> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an answer, and notes how long it took, unless it is a failure: that may come from anywhere.
    pub(crate) async fn of<T, E>(&self, answer: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let asked = Instant::now();
        let answer = answer.await;
        if answer.is_ok() {
            self.note(asked.elapsed());
        }
        answer
    }

    fn note(&self, took: Duration) {
        let mut least = self.least();
        if least.since.elapsed() >= PERIOD {
            *least = Least { since: Instant::now(), now: None, before: least.now, ..*least };
        }
        least.answers = least.answers.saturating_add(1);
        least.now = Some(least.now.map_or(took, |now| now.min(took)));
    }

    /// Whether every answer takes long.
    pub(crate) fn is_far(&self) -> bool {
        let least = self.least();
        let far = if least.answers < ENOUGH { VERY_FAR } else { FAR };
        least.now.into_iter().chain(least.before).min().is_some_and(|least| least >= far)
    }
}

#[cfg(test)]
#[path = "distance_tests.rs"]
mod tests;
