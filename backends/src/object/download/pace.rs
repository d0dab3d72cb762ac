//! Whether a download is faster with several ranges at once than with one stream.

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

/// Who kept whom waiting, and what came of it.
pub(crate) struct Pace {
    measured: Measured,
    /// When the store was asked for bytes, or the client was given some.
    since: Instant,
    trial: Trial,
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
    Won,
    Lost,
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
        Self { measured: Measured::default(), since: now, trial: Trial::WarmUp }
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

    /// Whether to ask for several ranges now.
    pub(crate) fn wants_ranges(&mut self) -> bool {
        match self.trial {
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
                let won = self.measured.speed() >= GAIN * before;
                self.trial = if won { Trial::Won } else { Trial::Lost };
                won
            }
            Trial::Won => self.measured.store_is_slower(),
            Trial::Lost => false,
        }
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
