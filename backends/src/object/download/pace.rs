//! Whether a download is faster with several ranges at once than with one stream.
//!
//! A download begins as one stream. Where the store keeps the client waiting, ranges are tried, and kept if they are faster
//! by a quarter. Stores and lines change, and a trial can be decided by chance, so no trial decides for a whole file: after a
//! while the download goes back to one stream, measures it anew, and tries the ranges again if they may still help. Ranges
//! that gained little are doubted early. Each trial that the ranges win again makes the next one come four times as late,
//! so that trials cost a long download little.

use std::time::{Duration, Instant};

/// What comes before anything is measured, in bytes: a connection begins slowly, and the store may have to look for the
/// object first.
const WARM_UP: u64 = 8 << 20;

/// What one stream, or several ranges, are measured by at least, in bytes. Smaller files are one request.
const TRIAL: u64 = 16 << 20;

/// How long they are measured at least: within less, chance and the start of other things say more than the store.
const LONG_ENOUGH: Duration = Duration::from_secs(1);

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
    measured: Measured,
    /// When the store was asked for bytes, or the client was given some.
    since: Instant,
    trial: Trial,
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
    /// It is being tried; how fast it was before, in bytes a second.
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
    pub(crate) fn new(now: Instant) -> Self {
        Self { measured: Measured::default(), since: now, trial: Trial::WarmUp, doubt: None }
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

    /// Whether to ask for several ranges now. `is_ahead`: some that were asked for earlier have not been taken yet.
    pub(crate) fn wants_ranges(&mut self, is_ahead: bool) -> bool {
        match self.trial {
            // What ranges brought says nothing of the stream that comes after them.
            Trial::WarmUp if is_ahead => {
                self.measured = Measured::default();
                false
            }
            Trial::WarmUp => {
                if self.measured.bytes >= WARM_UP {
                    self.measured = Measured::default();
                    self.trial = Trial::Open;
                }
                false
            }
            Trial::Open => {
                let before = self.measured.speed();
                let worthwhile = self.measured.store_is_slower() && before < FAST;
                if worthwhile {
                    self.measured = Measured::default();
                    self.trial = Trial::Running(before);
                }
                worthwhile
            }
            Trial::Running(_) if self.measured.bytes < 2 * TRIAL || self.measured.time() < LONG_ENOUGH => {
                true
            }
            Trial::Running(before) => {
                let gain = self.measured.speed() / before;
                self.trial = if gain >= GAIN { self.won(gain) } else { self.lost() };
                gain >= GAIN
            }
            Trial::Won(until) => {
                let is_slower = self.measured.store_is_slower();
                let is_doubted = is_slower && self.since >= until;
                if is_doubted {
                    self.begin_again();
                }
                is_slower && !is_doubted
            }
            Trial::Lost(until) => {
                if self.since >= until {
                    self.begin_again();
                }
                false
            }
        }
    }

    fn won(&mut self, gain: f64) -> Trial {
        let first = if gain >= CLEAR_GAIN { DOUBT_CLEAR } else { DOUBT_SMALL };
        let doubt = self.doubt.unwrap_or(first);
        self.doubt = Some((doubt * 4).min(DOUBT_MOST));
        Trial::Won(self.since + doubt)
    }

    fn lost(&mut self) -> Trial {
        self.doubt = None;
        Trial::Lost(self.since + GIVEN_UP)
    }

    /// Goes back to one stream, and measures it as at the beginning.
    fn begin_again(&mut self) {
        self.measured = Measured::default();
        self.trial = Trial::WarmUp;
    }
}

impl Measured {
    fn time(&self) -> Duration {
        self.store + self.client
    }

    /// In bytes a second.
    fn speed(&self) -> f64 {
        self.bytes as f64 / self.time().as_secs_f64().max(f64::EPSILON)
    }

    fn store_is_slower(&mut self) -> bool {
        let slower = self.bytes >= TRIAL && self.time() >= LONG_ENOUGH && self.store > self.client;
        // What was measured last says more than what was long ago.
        if self.bytes >= 4 * TRIAL && self.time() >= 4 * LONG_ENOUGH {
            self.bytes /= 4;
            self.store /= 4;
            self.client /= 4;
        }
        slower
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
