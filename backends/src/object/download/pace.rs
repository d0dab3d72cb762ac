//! How many ranges of a file to ask for at once, so that a download is as fast as its store and its client allow.
//!
//! A download begins as one stream. Where the store keeps the client waiting, several ranges are tried, and kept if they are
//! faster by a quarter. Stores and lines change, and a trial can be decided by chance, so no trial decides for a whole file:
//! after a while the download goes back to one stream, measures it anew, and tries the ranges again if they may still help.
//! Ranges that gained little are doubted early. Each trial that the ranges win again makes the next one come four times as
//! late, so that trials cost a long download little.
//!
//! How long a trial takes depends on the [way](Way) to the store. What a near one does within a moment is decided by chance,
//! and a single stream from it is often the fastest. A far one sends as much as is on its way at a time, which is known soon,
//! and each stream more adds as much, until the line or the store is full: so there are up to twice as many, again and again,
//! as long as a quarter of that makes the download faster.

use std::time::Duration;

use tokio::time::Instant;

/// How ranges are tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Way {
    /// What comes before anything is measured, in bytes: a connection begins slowly, and the store may have to look for the
    /// object first.
    warm_up: u64,
    /// What one stream is measured by at least, in bytes: as much or more may wait in the client's connection, and a client
    /// seems quick until then.
    stream: u64,
    /// How long both are measured at least.
    time: Duration,
    /// The size of a range, in bytes.
    pub(super) range: u64,
    /// How many are under way at once, at most.
    most: usize,
}

impl Way {
    /// To a store that answers at once. Within less than a second, chance and the start of other things say more than the
    /// store.
    pub(crate) const NEAR: Self = Self {
        warm_up: 8 << 20,
        stream: 16 << 20,
        time: Duration::from_secs(1),
        range: 8 << 20,
        most: FIRST,
    };

    /// To a store whose every answer is long on its way. Memory holds twice as many ranges of half the size, and each is a
    /// stream more.
    pub(crate) const FAR: Self = Self {
        warm_up: 1 << 20,
        stream: 3 << 20,
        time: Duration::from_millis(100),
        range: 4 << 20,
        most: 4 * FIRST,
    };

    /// The size of the smallest file that is more than one request, in bytes.
    #[cfg(test)]
    const fn least(self) -> u64 {
        self.warm_up + self.stream
    }
}

/// How many ranges are tried first.
const FIRST: usize = 4;

/// A stream as fast as this, in bytes a second, is held up neither by the way to the store nor by what a store allows one
/// connection. More of them would only take both sides' processors.
const FAST: f64 = 400e6;

/// How many times as fast as before it has to be with several ranges: these cost the store more than one stream, and one
/// that is busy with nothing but this is no faster with them.
const GAIN: f64 = 1.25;

/// Ranges that were so many times as fast as one stream did not win by chance.
const CLEAR_GAIN: f64 = 2.0;

/// How long ranges are kept until one stream is measured again: after a clear gain, after a small one, and at most.
const DOUBT_CLEAR: Duration = Duration::from_secs(16);
const DOUBT_SMALL: Duration = Duration::from_secs(1);
const DOUBT_MOST: Duration = Duration::from_secs(256);

/// How long ranges that gained too little are not tried again.
const GIVEN_UP: Duration = Duration::from_secs(120);

/// Who kept whom waiting, and what came of it.
pub(crate) struct Pace {
    way: Way,
    measured: Measured,
    /// When the store was asked for bytes, or the client was given some.
    since: Instant,
    trial: Trial,
    /// How fast one stream was when it was measured last, in bytes a second.
    stream: f64,
    /// How many ranges are tried, or have won; and how many had won before, if any.
    ranges: usize,
    fewer: usize,
    /// How long ranges are to be kept if they win again; nothing before they have won, or after they have lost.
    doubt: Option<Duration>,
}

/// Whether several ranges at once are faster.
#[derive(Clone, Copy)]
enum Trial {
    /// The stream has just begun.
    WarmUp,
    /// It was not tried yet.
    Open,
    /// It is being tried; how fast it was with fewer, in bytes a second.
    Running(f64),
    /// It is faster, and is doubted from this time on.
    Won(Instant),
    /// It is no faster, and is tried again from this time on.
    Lost(Instant),
}

#[derive(Default)]
struct Measured {
    bytes: u64,
    /// How long the store was waited for.
    store: Duration,
    /// How long the client was waited for.
    client: Duration,
}

impl Pace {
    /// Of a download that begins now.
    pub(crate) fn new(way: Way, now: Instant) -> Self {
        Self {
            way,
            measured: Measured::default(),
            since: now,
            trial: Trial::WarmUp,
            stream: 0.0,
            ranges: 0,
            fewer: 0,
            doubt: None,
        }
    }

    /// The store has turned out to be near: what is tried now is measured as long as there.
    pub(crate) fn set_near(&mut self) {
        self.way = Way::NEAR;
    }

    /// Whether the store was far away so far.
    pub(crate) fn is_far(&self) -> bool {
        self.way == Way::FAR
    }

    /// The size of a range, in bytes.
    pub(crate) fn range(&self) -> u64 {
        self.way.range
    }

    /// The client is ready for more.
    pub(crate) fn asked(&mut self, now: Instant) {
        self.measured.client += now - self.since;
        self.since = now;
    }

    /// The store, or memory, had so many bytes for it.
    pub(crate) fn got(&mut self, now: Instant, bytes: usize) {
        self.measured.store += now - self.since;
        self.measured.bytes += bytes as u64;
        self.since = now;
    }

    /// How many ranges are to be under way now, of at most so many; less than two are one stream. `is_ahead`: some that were
    /// asked for earlier have not been taken yet.
    pub(crate) fn wanted(&mut self, is_ahead: bool, most: usize) -> usize {
        match self.trial {
            // What ranges brought says nothing of the stream that comes after them.
            Trial::WarmUp if is_ahead => {
                self.measured = Measured::default();
                0
            }
            Trial::WarmUp => {
                if self.measured.bytes >= self.way.warm_up {
                    self.measured = Measured::default();
                    self.trial = Trial::Open;
                }
                0
            }
            Trial::Open => {
                let worthwhile = most > 1
                    && self.is_measured()
                    && self.measured.store_is_slower()
                    && self.measured.speed() < FAST;
                self.measured.forget(self.way);
                if !worthwhile {
                    return 0;
                }
                self.stream = self.measured.speed();
                self.fewer = 0;
                self.try_with(FIRST, self.stream)
            }
            Trial::Running(_) if !self.has_tried() => self.ranges,
            Trial::Running(before) => {
                let (speed, most) = (self.measured.speed(), most.min(self.way.most));
                let more = (2 * self.ranges).min(most);
                if speed / before < self.gain() {
                    match self.fewer {
                        0 => self.lost(),
                        fewer => {
                            self.ranges = fewer;
                            self.won(before);
                        }
                    }
                } else if 4 * more >= 5 * self.ranges {
                    self.fewer = self.ranges;
                    return self.try_with(more, speed);
                } else {
                    self.won(speed);
                }
                self.ranges
            }
            Trial::Won(until) => {
                let is_measured = self.is_measured();
                // The client is no faster than one stream.
                let is_useless = is_measured && self.measured.speed_of_client() < self.stream;
                let is_doubted = is_measured && self.measured.store_is_slower() && self.since >= until;
                if is_useless || is_doubted {
                    self.begin_again();
                }
                self.measured.forget(self.way);
                self.ranges
            }
            Trial::Lost(until) => {
                if self.since >= until {
                    self.begin_again();
                }
                0
            }
        }
    }

    /// Whether enough has come to say anything.
    fn is_measured(&self) -> bool {
        self.measured.bytes >= self.way.stream && self.measured.time() >= self.way.time
    }

    /// Whether a trial has taken long enough: each range has come once.
    fn has_tried(&self) -> bool {
        self.measured.bytes >= self.ranges as u64 * self.way.range && self.measured.time() >= self.way.time
    }

    /// How many times as fast as before the download has to be with the ranges that are tried.
    fn gain(&self) -> f64 {
        match self.fewer {
            0 => GAIN,
            fewer => 1.0 + (self.ranges as f64 / fewer as f64 - 1.0) * (GAIN - 1.0),
        }
    }

    fn try_with(&mut self, ranges: usize, before: f64) -> usize {
        self.measured = Measured::default();
        self.trial = Trial::Running(before);
        self.ranges = ranges;
        ranges
    }

    fn won(&mut self, speed: f64) {
        let first = if speed / self.stream >= CLEAR_GAIN { DOUBT_CLEAR } else { DOUBT_SMALL };
        let doubt = self.doubt.unwrap_or(first);
        self.doubt = Some((doubt * 4).min(DOUBT_MOST));
        self.trial = Trial::Won(self.since + doubt);
    }

    fn lost(&mut self) {
        self.doubt = None;
        self.ranges = 0;
        self.trial = Trial::Lost(self.since + GIVEN_UP);
    }

    /// Goes back to one stream, and measures it as at the beginning.
    fn begin_again(&mut self) {
        self.measured = Measured::default();
        self.ranges = 0;
        self.trial = Trial::WarmUp;
    }
}

impl Measured {
    fn time(&self) -> Duration {
        self.store + self.client
    }

    /// In bytes a second.
    fn speed(&self) -> f64 {
        per_second(self.bytes, self.time())
    }

    /// How fast the client takes what is there.
    fn speed_of_client(&self) -> f64 {
        per_second(self.bytes, self.client)
    }

    fn store_is_slower(&self) -> bool {
        self.store > self.client
    }

    /// What was measured last says more than what was long ago.
    fn forget(&mut self, way: Way) {
        if self.bytes >= 4 * way.stream && self.time() >= 4 * way.time {
            self.bytes /= 4;
            self.store /= 4;
            self.client /= 4;
        }
    }
}

fn per_second(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64().max(f64::EPSILON)
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
