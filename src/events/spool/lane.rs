//! What waits for one receiver, and in which order.
//!
//! The plan. Events of one path go one after the other: each stands in the queue of its path (or both of its paths), and only the
//! first of a queue may go. What can't be delivered waits, and what is behind it in its queue waits as well; other paths go on. A
//! receiver that answers nothing is tried with one event at a time, and less and less often. Events without a path, such as those
//! of logins, go when there are no others, or in one turn of eight: anybody who can connect can make as many as they like.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

/// After so many others, one without a path goes.
const TURNS: u8 = 7;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);

/// The order in which events came.
pub(crate) type Number = u128;

/// Paths of events, hashed.
pub(crate) type Keys = [Option<u64>; 2];

/// What waits for one receiver.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    queues: HashMap<u64, BTreeSet<Number>>,
    /// All that stand in queues.
    waiting: BTreeSet<Number>,
    /// Those that may go.
    ready: BTreeSet<Number>,
    /// Those without a path that may go.
    ready_low: BTreeSet<Number>,
    /// How many went since the last one without a path.
    turn: u8,
    /// Those that are on their way.
    flying: HashSet<Number>,
    /// Those that failed: when they may go again, and how often they failed.
    later: HashMap<Number, (Instant, u32)>,
    /// How often the receiver failed since it took something the last time.
    pub(crate) failures: u32,
    /// When it may be tried again.
    resume: Option<Instant>,
    /// The last one had failed before.
    was_again: bool,
    /// When the next one may go, by the rate.
    next: Option<Instant>,
    /// How many may be on their way.
    at_once: usize,
}

/// What a receiver is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// This one goes; it has failed so often.
    Go(Number, u32),
    /// Nothing until then, or until something changes.
    Wait(Option<Instant>),
}

impl Lane {
    /// An event waits here, in this place of the order. It goes when it is [`told`](Self::told).
    pub(crate) fn add(&mut self, number: Number, keys: Keys) {
        self.waiting.insert(number);
        for key in keys.into_iter().flatten() {
            self.queues.entry(key).or_default().insert(number);
        }
    }

    /// Whether one may go now that might not before: whoever delivers has to hear of it.
    pub(crate) fn may_go(&self) -> bool {
        let has_any = !self.ready.is_empty() || !self.ready_low.is_empty();
        has_any && self.flying.len() < self.at_once && self.next.is_none_or(|next| next <= Instant::now())
    }

    /// Whether it has to wait for none of its paths.
    fn is_first(&self, number: Number, keys: Keys) -> bool {
        keys.into_iter()
            .flatten()
            .all(|key| self.queues.get(&key).and_then(BTreeSet::first).is_none_or(|first| *first == number))
    }

    /// An event that is known to have happened: it may go if it is the first.
    pub(crate) fn told(&mut self, number: Number, keys: Keys) {
        let is_free = !self.flying.contains(&number) && !self.later.contains_key(&number);
        if is_free && self.waiting.contains(&number) && self.is_first(number, keys) {
            match keys {
                [None, None] => self.ready_low.insert(number),
                _ => self.ready.insert(number),
            };
        }
    }

    /// It does not wait any more; returns those that are the first of its queues now.
    pub(crate) fn remove(&mut self, number: Number, keys: Keys) -> Vec<Number> {
        self.waiting.remove(&number);
        self.ready.remove(&number);
        self.ready_low.remove(&number);
        self.flying.remove(&number);
        self.later.remove(&number);
        let mut first = Vec::new();
        for key in keys.into_iter().flatten() {
            let Some(queue) = self.queues.get_mut(&key) else { continue };
            queue.remove(&number);
            match queue.first() {
                Some(next) => first.push(*next),
                None => drop(self.queues.remove(&key)),
            }
        }
        first
    }

    /// The next one, if it is time.
    pub(crate) fn pick(&mut self, now: Instant, at_once: usize) -> Pick {
        let most = if self.failures > 0 { 1 } else { at_once };
        self.at_once = most;
        if self.flying.len() >= most {
            return Pick::Wait(None);
        }
        if let Some(until) = [self.resume, self.next].into_iter().flatten().filter(|until| *until > now).max()
        {
            return Pick::Wait(Some(until));
        }
        let due = |(_, (at, _)): &(&Number, &(Instant, u32))| *at <= now;
        // The one that has waited longest after a failure.
        let failed = self.later.iter().filter(due).min_by_key(|(_, (at, _))| *at);
        let failed = failed.map(|(number, (_, failures))| (*number, *failures));
        // In turns, so that one which always fails keeps no others.
        let (high, low) = (self.ready.first(), self.ready_low.first());
        let fresh = if self.turn >= TURNS { low.or(high) } else { high.or(low) }.copied();
        let (number, failures) = match (failed, fresh) {
            (Some((number, failures)), None) => (number, failures),
            (Some((number, failures)), Some(_)) if !self.was_again => (number, failures),
            (_, Some(ready)) => (ready, 0),
            (None, None) => {
                return Pick::Wait(self.later.values().map(|(at, _)| *at).min());
            }
        };
        self.was_again = failures > 0;
        self.later.remove(&number);
        self.ready.remove(&number);
        self.turn = if self.ready_low.remove(&number) { 0 } else { self.turn.saturating_add(1) };
        self.flying.insert(number);
        Pick::Go(number, failures)
    }

    /// The next one goes after this time at the earliest.
    pub(crate) fn pace(&mut self, now: Instant, gap: Duration) {
        self.next = Some(self.next.unwrap_or(now).max(now) + gap);
    }

    /// The receiver took something; says whether it had failed before.
    pub(crate) fn succeeded(&mut self) -> bool {
        self.resume = None;
        std::mem::take(&mut self.failures) > 0
    }

    /// The receiver does not take this one; it may go again after a pause. Others go on.
    pub(crate) fn refused(&mut self, number: Number, failures: u32, now: Instant, pause: Duration) {
        if self.flying.remove(&number) {
            self.later.insert(number, (now + pause_of(pause, failures), failures));
        }
    }

    /// An attempt failed: it may go again after a pause, and nothing else goes before the receiver had one.
    pub(crate) fn failed(
        &mut self,
        number: Number,
        failures: u32,
        now: Instant,
        (pause, asked): (Duration, Option<Duration>),
    ) {
        // Those that were on their way together fail together, once.
        if self.resume.is_none_or(|resume| resume <= now) {
            self.failures = self.failures.saturating_add(1);
        }
        let asked = asked.unwrap_or_default().min(LONGEST_PAUSE * 6);
        let pause_of = |failures: u32| pause_of(pause, failures).max(asked);
        self.resume = Some(self.resume.unwrap_or(now).max(now + pause_of(self.failures)));
        if self.flying.remove(&number) {
            self.later.insert(number, (now + pause_of(failures), failures));
        }
    }

    /// The last one of a path.
    pub(crate) fn last_of(&self, key: u64) -> Option<Number> {
        self.queues.get(&key)?.last().copied()
    }

    /// All of a path.
    pub(crate) fn all_of(&self, key: u64) -> impl Iterator<Item = Number> {
        self.queues.get(&key).into_iter().flatten().copied()
    }

    /// So many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The one that waits longest.
    pub(crate) fn oldest(&self) -> Option<Number> {
        self.waiting.first().copied()
    }
}

/// The pause after so many failures.
fn pause_of(pause: Duration, failures: u32) -> Duration {
    let pause = pause.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(LONGEST_PAUSE);
    pause.mul_f64(jitter())
}

/// From three quarters to five quarters, so that those who wait don't all come at once.
fn jitter() -> f64 {
    let mut byte = [128];
    let _ = aws_lc_rs::rand::fill(&mut byte);
    0.75 + f64::from(byte[0]) / 512.0
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
