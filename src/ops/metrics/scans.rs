//! Scans of uploads.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{Labels, Metrics};

/// Upper bounds of the wait for a verdict.
const SECONDS: [f64; 12] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// What became of an upload that was to be scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scanned {
    /// The scanner found nothing.
    Clean,
    /// The scanner found something.
    Infected,
    /// It is larger than what is scanned, and its first bytes are clean; it went on, as the configuration says.
    Partly,
    /// It went on without a verdict, as the configuration says.
    Passed,
    /// It is larger than what is scanned.
    Refused,
    /// There is no verdict, so it was refused.
    Unavailable,
}

impl Scanned {
    const ALL: [Self; 6] =
        [Self::Clean, Self::Infected, Self::Partly, Self::Passed, Self::Refused, Self::Unavailable];

    fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Infected => "infected",
            Self::Partly => "partly",
            Self::Passed => "passed",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What is counted of scans. Cloning it counts into the same.
#[derive(Debug, Clone, Default)]
pub struct ScanMeter(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    results: Family<Labels, Counter>,
    seconds: Histogram,
    bytes: Counter,
    quarantined: Family<Labels, Counter>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            results: Family::default(),
            seconds: Histogram::new(SECONDS),
            bytes: Counter::default(),
            quarantined: Family::default(),
        }
    }
}

impl ScanMeter {
    pub(super) fn register(&self, ours: &mut Registry) {
        for result in Scanned::ALL {
            self.0.results.get_or_create_owned(&[("result", result.as_str())]);
        }
        for result in ["kept", "failed"] {
            self.0.quarantined.get_or_create_owned(&[("result", result)]);
        }
        ours.register("scans", "Uploads that were to be scanned, by result", self.0.results.clone());
        ours.register(
            "scan_duration_seconds",
            "Wait for the verdict after the last byte of an upload",
            self.0.seconds.clone(),
        );
        ours.register("scan_bytes", "Bytes that the scanner was given", self.0.bytes.clone());
        ours.register(
            "scan_quarantined",
            "Copies of infected uploads that were to be kept, by result",
            self.0.quarantined.clone(),
        );
    }

    /// A scan is over.
    pub fn count(&self, result: Scanned) {
        self.0.results.get_or_create(&[("result", result.as_str())]).inc();
    }

    /// The scanner said something so long after the last byte.
    pub fn waited(&self, time: Duration) {
        self.0.seconds.observe(time.as_secs_f64());
    }

    /// The scanner was given more bytes.
    pub fn gave(&self, bytes: u64) {
        self.0.bytes.inc_by(bytes);
    }

    /// Whether a copy of an infected upload is kept.
    pub fn quarantined(&self, is_kept: bool) {
        let result = if is_kept { "kept" } else { "failed" };
        self.0.quarantined.get_or_create(&[("result", result)]).inc();
    }
}

impl Metrics {
    /// What is counted of scans.
    pub fn scans(&self) -> &ScanMeter {
        &self.scans
    }
}
