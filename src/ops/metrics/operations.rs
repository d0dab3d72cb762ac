//! Metrics of what is done in storages: operations by backend, kind and result.
//!
//! They are counted on the way of every small file, so there is no lock on it, and no name is looked up: each backend has its
//! numbers in a table.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use wharf_backends::ErrorKind;
use wharf_backends::observe::{Operation, Outcome};

/// Upper bounds of microseconds: from memory to a store that is about to be given up.
const MICROSECONDS: [u64; 12] =
    [25, 100, 250, 1_000, 2_500, 10_000, 50_000, 250_000, 1_000_000, 5_000_000, 15_000_000, 60_000_000];

/// Done, abandoned, and each kind of error.
const RESULTS: usize = 2 + ErrorKind::ALL.len();
const DONE: usize = 0;
const ABANDONED: usize = 1;

/// The operations of each backend, for as long as the process lives.
#[derive(Debug, Clone, Default)]
pub(super) struct Operations(Arc<Mutex<BTreeMap<Arc<str>, Arc<OfBackend>>>>);

/// The operations of one backend.
#[derive(Debug, Default)]
pub(super) struct OfBackend([Counts; Operation::ALL.len()]);

#[derive(Debug, Default)]
struct Counts {
    results: [AtomicU64; RESULTS],
    /// How many took no longer than each bound, and longer than the one before; the last took longer than all.
    took: [AtomicU64; MICROSECONDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Operations {
    /// Those of the backend of this name, which go on where they were if it is opened again.
    pub(super) fn of(&self, backend: &Arc<str>) -> Arc<OfBackend> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(Arc::clone(backend)).or_default())
    }
}

impl OfBackend {
    pub(super) fn count(&self, operation: Operation, outcome: Outcome, elapsed: Duration) {
        let Some(counts) = self.0.get(operation as usize) else { return };
        let result = match outcome {
            Outcome::Done => DONE,
            Outcome::Abandoned => ABANDONED,
            Outcome::Failed(kind) => {
                let kind = ErrorKind::ALL.iter().position(|known| *known == kind);
                kind.map_or(RESULTS - 1, |kind| ABANDONED + 1 + kind)
            }
        };
        counts.results[result].fetch_add(1, Relaxed);
        let nanoseconds = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let bound = MICROSECONDS.iter().position(|bound| nanoseconds <= bound * 1000);
        counts.took[bound.unwrap_or(MICROSECONDS.len())].fetch_add(1, Relaxed);
        counts.nanoseconds.fetch_add(nanoseconds, Relaxed);
    }
}

fn word(result: usize) -> &'static str {
    match result {
        DONE => "done",
        ABANDONED => "abandoned",
        kind => ErrorKind::ALL[kind - ABANDONED - 1].as_str(),
    }
}

impl Collector for Operations {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let each = || {
            all.iter().flat_map(|(backend, of)| {
                Operation::ALL
                    .iter()
                    .map(move |operation| (&**backend, operation.as_str(), &of.0[*operation as usize]))
            })
        };
        let unavailable = ErrorKind::ALL.iter().position(|kind| *kind == ErrorKind::Unavailable);
        let help = "Operations of storages by backend, kind and result";
        let mut family = encoder.encode_descriptor("backend_operations", help, None, MetricType::Counter)?;
        for (backend, operation, counts) in each() {
            let happened = counts.results.iter().any(|count| count.load(Relaxed) > 0);
            for (result, count) in counts.results.iter().enumerate() {
                let count = count.load(Relaxed);
                // A rate has to see the first failure, too.
                let is_awaited = happened && Some(result) == unavailable.map(|kind| kind + ABANDONED + 1);
                if count > 0 || is_awaited {
                    let labels = [("backend", backend), ("operation", operation), ("result", word(result))];
                    ConstCounter::<u64>::new(count).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        let help = "Duration of operations of storages, without the time that bytes take to pass";
        let mut family = encoder.encode_descriptor(
            "backend_operation_duration_seconds",
            help,
            None,
            MetricType::Histogram,
        )?;
        for (backend, operation, counts) in each() {
            let bounds = MICROSECONDS.iter().map(|bound| Duration::from_micros(*bound).as_secs_f64());
            let took = counts.took.iter().map(|count| count.load(Relaxed));
            let buckets: Vec<(f64, u64)> = bounds.chain([f64::INFINITY]).zip(took).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            if count > 0 {
                let sum = Duration::from_nanos(counts.nanoseconds.load(Relaxed)).as_secs_f64();
                let labels = [("backend", backend), ("operation", operation)];
                family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
            }
        }
        Ok(())
    }
}
