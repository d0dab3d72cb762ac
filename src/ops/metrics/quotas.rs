//! Quotas of storage.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Labels, Metrics};

/// What is counted of quotas. Cloning it counts into the same.
#[derive(Debug, Clone, Default)]
pub struct QuotaMeter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    refused: Counter,
    looks: Family<Labels, Counter>,
    running: Gauge,
}

/// A look at all files of a place; if it is dropped before it [ends](Self::ends), it has failed.
#[derive(Debug)]
pub struct RunningLook {
    meter: QuotaMeter,
    is_done: bool,
}

impl QuotaMeter {
    pub(super) fn register(&self, ours: &mut Registry) {
        for result in ["done", "failed"] {
            self.0.looks.get_or_create_owned(&[("result", result)]);
        }
        ours.register(
            "quota_refusals",
            "Uploads and moves that were refused because of a quota",
            self.0.refused.clone(),
        );
        ours.register("quota_counts", "Counts of what quotas are for, by result", self.0.looks.clone());
        ours.register(
            "quota_counts_running",
            "Counts of what quotas are for that are under way",
            self.0.running.clone(),
        );
    }

    /// Something was refused.
    pub fn refused(&self) {
        self.0.refused.inc();
    }

    /// All files of a place are looked at.
    pub fn look_begins(&self) -> RunningLook {
        self.0.running.inc();
        RunningLook { meter: self.clone(), is_done: false }
    }
}

impl Metrics {
    /// What is counted of quotas.
    pub fn quotas(&self) -> &QuotaMeter {
        &self.quotas
    }
}

impl RunningLook {
    /// It is over; `is_done` if it came to its end.
    pub fn ends(mut self, is_done: bool) {
        self.is_done = is_done;
    }
}

impl Drop for RunningLook {
    fn drop(&mut self) {
        let result = if self.is_done { "done" } else { "failed" };
        self.meter.0.looks.get_or_create(&[("result", result)]).inc();
        self.meter.0.running.dec();
    }
}
