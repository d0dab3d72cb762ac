//! How questions come to somebody who answers them: so many at once, each network in its own line, a second attempt if the first
//! was not seen, and one line of the log for an outage.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::{Answer, Failure, Unanswered, cut};
use super::cache::Cache;
use super::{Attempt, Service};
use crate::network::Network;

/// The most questions at once; others wait.
const AT_ONCE: usize = 64;
/// The most of these for one network, so that nobody keeps the others from their turn.
const OF_ONE_NETWORK: usize = 8;
/// How long to wait before the next warning.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);
/// How long to wait before the second attempt.
const PAUSE: Duration = Duration::from_millis(100);

/// Where a service is asked.
#[derive(Debug)]
pub(in crate::accounts::sources) struct Desk<S> {
    service: S,
    turns: Semaphore,
    lines: Lines,
    cache: Cache,
    is_down: AtomicBool,
    /// The log says that it is down.
    is_told: AtomicBool,
    /// When it said so last.
    warned: Mutex<Option<Instant>>,
    /// How long an answer takes, in microseconds.
    usual: AtomicU64,
}

impl<S: Service> Desk<S> {
    pub(super) fn new(service: S) -> Self {
        Self {
            service,
            turns: Semaphore::new(AT_ONCE),
            lines: Lines::default(),
            cache: Cache::new(),
            is_down: AtomicBool::new(false),
            is_told: AtomicBool::new(false),
            warned: Mutex::default(),
            usual: AtomicU64::new(0),
        }
    }

    pub(in crate::accounts::sources) fn service(&self) -> &S {
        &self.service
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// How long an answer takes.
    pub(super) fn usual_time(&self) -> Duration {
        Duration::from_micros(self.usual.load(Ordering::Relaxed)).min(self.service.timeout())
    }

    /// Asks this question.
    ///
    /// # Errors
    /// [`Failure`]; the first one of an outage is logged.
    pub(super) async fn ask(&self, question: &str, attempt: &Attempt<'_>) -> Result<Answer, Failure> {
        let began = Instant::now();
        let asked = tokio::time::timeout(self.service.timeout(), self.attempts(question, attempt)).await;
        let answer = asked.unwrap_or(Err(Failure::TooSlow));
        let url = self.service.origin();
        match &answer {
            Ok(_) => {
                self.took(began.elapsed());
                if self.is_down.swap(false, Ordering::Relaxed) && self.is_told.swap(false, Ordering::Relaxed)
                {
                    tracing::info!(url, "the service with the users answers again");
                }
            }
            Err(cause) => {
                let cause = cut(&cause.to_string());
                if self.is_down.swap(true, Ordering::Relaxed) || !self.may_warn() {
                    tracing::debug!(url, cause, "the service with the users gives no answer again");
                } else {
                    self.is_told.store(true, Ordering::Relaxed);
                    tracing::warn!(
                        url,
                        cause,
                        "the service with the users gives no answer that can be used: logins that need one are refused"
                    );
                }
            }
        }
        answer
    }

    /// Whether it is time for another warning: a service that fails for one user and answers for others must not fill the log.
    fn may_warn(&self) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let may = warned.is_none_or(|at| at.elapsed() >= BETWEEN_WARNINGS);
        if may {
            *warned = Some(Instant::now());
        }
        may
    }

    /// Moves the usual time a part of the way.
    pub(in crate::accounts::sources) fn took(&self, time: Duration) {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let move_to = |usual: u64| Some(if usual == 0 { time } else { usual - usual / 8 + time / 8 });
        let _ = self.usual.fetch_update(Ordering::Relaxed, Ordering::Relaxed, move_to);
    }

    async fn attempts(&self, question: &str, attempt: &Attempt<'_>) -> Result<Answer, Failure> {
        let _place = self.lines.wait(attempt.network).await;
        // It is never closed.
        let _turn = self.turns.acquire().await;
        match self.service.answer(question, attempt).await {
            Err(Unanswered { may_be_repeated: true, .. }) => {
                tokio::time::sleep(PAUSE).await;
                self.service.answer(question, attempt).await.map_err(|unanswered| unanswered.failure)
            }
            other => other.map_err(|unanswered| unanswered.failure),
        }
    }
}

/// The lines of networks: one that asks very often waits in its own.
#[derive(Debug, Default)]
struct Lines(Mutex<HashMap<Network, Arc<Semaphore>>>);

/// A place at the service, given back when it is dropped.
struct Place<'a> {
    lines: &'a Lines,
    network: Network,
    line: Option<Arc<Semaphore>>,
    held: Option<OwnedSemaphorePermit>,
}

impl Lines {
    fn lines(&self) -> MutexGuard<'_, HashMap<Network, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait(&self, network: Network) -> Place<'_> {
        let new = || Arc::new(Semaphore::new(OF_ONE_NETWORK));
        let line = Arc::clone(self.lines().entry(network).or_insert_with(new));
        let mut place = Place { lines: self, network, line: Some(Arc::clone(&line)), held: None };
        // It is never closed.
        place.held = line.acquire_owned().await.ok();
        place
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.lines.lines();
        drop((self.held.take(), self.line.take()));
        // Nobody else stands in it.
        if lines.get(&self.network).is_some_and(|line| Arc::strong_count(line) == 1) {
            lines.remove(&self.network);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_network_that_asks_very_often_waits_in_its_own_line() {
        let network = |text: &str| Network::of(text.parse::<IpAddr>().unwrap(), 64);
        let (crowd, other) = (network("10.0.0.1"), network("10.0.0.2"));
        let lines = Lines::default();
        let mut places = Vec::new();
        for _ in 0..OF_ONE_NETWORK {
            places.push(lines.wait(crowd).await);
        }
        assert!(lines.wait(crowd).now_or_never().is_none());
        places.push(lines.wait(other).now_or_never().expect("others have their turn"));
        drop(places.remove(0));
        places.push(lines.wait(crowd).now_or_never().expect("there is a place"));
        drop(places);
        assert!(lines.lines().is_empty(), "nobody waits there");
    }
}
