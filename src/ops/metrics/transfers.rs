//! Metrics of transfers. Bytes are counted while they move, not only when a transfer is over: some transfers last for
//! hours.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::Labels;

/// The operations, named as in the log.
const OPERATIONS: [&str; 4] = ["download", "upload", "append", "list"];

/// Why storages fail, in the words of `visit::failure`.
pub(super) const STORAGE_CAUSES: [&str; 15] = [
    "not_found",
    "already_exists",
    "not_a_directory",
    "is_a_directory",
    "not_empty",
    "permission_denied",
    "no_space",
    "quota_exceeded",
    "invalid_name",
    "invalid_range",
    "invalid_time",
    "unsupported",
    "conflict",
    "unavailable",
    "other",
];

/// Further reasons why transfers fail.
pub(super) const TRANSFER_CAUSES: [&str; 11] = [
    "no_data_connection",
    "tls_handshake",
    "data_connection",
    "no_close_notify",
    "stalled",
    "not_compressed",
    "aborted",
    "control_connection",
    "session_ended",
    "stopping",
    "defect",
];

/// Upper bounds of seconds: from a listing of a few files to a night's backup.
const SECONDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0];

#[derive(Debug, Clone, Copy)]
struct Durations;

impl MetricConstructor<Histogram> for Durations {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The transfer is complete.
    Complete,
    /// The storage refused it, for a reason that the client could know.
    Refused(&'static str),
    /// The transfer failed.
    Failed(&'static str),
}

impl Ending {
    /// Why it is not complete.
    pub(crate) fn cause(self) -> Option<&'static str> {
        match self {
            Self::Complete => None,
            Self::Refused(cause) | Self::Failed(cause) => Some(cause),
        }
    }
}

#[derive(Debug)]
pub(super) struct Transfers {
    ended: Family<[(&'static str, &'static str); 2], Counter>,
    causes: Family<Labels, Counter>,
    seconds: Family<Labels, Histogram, Durations>,
    moving: Mutex<Moving>,
}

impl Default for Transfers {
    fn default() -> Self {
        Self {
            ended: Family::default(),
            causes: Family::default(),
            seconds: Family::new_with_constructor(Durations),
            moving: Mutex::default(),
        }
    }
}

#[derive(Debug, Default)]
struct Moving {
    next: u64,
    running: HashMap<u64, (&'static str, Arc<AtomicU64>)>,
    /// The bytes of finished transfers.
    bytes: HashMap<&'static str, u64>,
}

/// One transfer. It counts as failed if this is dropped before it ended.
pub struct TransferMeter {
    transfers: Arc<Transfers>,
    id: u64,
    operation: &'static str,
    started: Instant,
    moved: Arc<AtomicU64>,
    over: AtomicBool,
}

impl Transfers {
    pub(super) fn register(this: &Arc<Self>, registry: &mut Registry) {
        for operation in OPERATIONS {
            for result in ["complete", "refused", "failed"] {
                this.ended.get_or_create_owned(&[("operation", operation), ("result", result)]);
            }
        }
        for cause in STORAGE_CAUSES.into_iter().chain(TRANSFER_CAUSES) {
            this.causes.get_or_create_owned(&[("cause", cause)]);
        }
        registry.register("transfers", "Finished transfers by operation and result", this.ended.clone());
        registry.register("transfer_failures", "Refused and failed transfers by cause", this.causes.clone());
        registry.register(
            "transfer_duration_seconds",
            "Time from the start to the end of transfers, whatever their result",
            this.seconds.clone(),
        );
        registry.register_collector(Box::new(Now(Arc::clone(this))));
    }

    pub(super) fn begin(this: &Arc<Self>, operation: &'static str) -> TransferMeter {
        let moved = Arc::new(AtomicU64::new(0));
        let mut moving = this.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let id = moving.next;
        moving.next += 1;
        moving.running.insert(id, (operation, Arc::clone(&moved)));
        drop(moving);
        let transfers = Arc::clone(this);
        TransferMeter {
            transfers,
            id,
            operation,
            started: Instant::now(),
            moved,
            over: AtomicBool::new(false),
        }
    }
}

impl TransferMeter {
    /// The counter of its bytes.
    pub fn moved(&self) -> &Arc<AtomicU64> {
        &self.moved
    }

    /// How long it has lasted.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Ends the transfer; later calls have no effect.
    pub fn end(&self, ending: Ending) {
        if self.over.swap(true, Ordering::Relaxed) {
            return;
        }
        let transfers = &self.transfers;
        {
            let mut moving = transfers.moving.lock().unwrap_or_else(PoisonError::into_inner);
            moving.running.remove(&self.id);
            *moving.bytes.entry(self.operation).or_default() += self.moved.load(Ordering::Relaxed);
        }
        let (result, cause) = match ending {
            Ending::Complete => ("complete", None),
            Ending::Refused(cause) => ("refused", Some(cause)),
            Ending::Failed(cause) => ("failed", Some(cause)),
        };
        transfers.ended.get_or_create(&[("operation", self.operation), ("result", result)]).inc();
        if let Some(cause) = cause {
            debug_assert!(
                STORAGE_CAUSES.iter().chain(&TRANSFER_CAUSES).any(|known| *known == cause),
                "{cause}"
            );
            transfers.causes.get_or_create(&[("cause", cause)]).inc();
        }
        let elapsed = self.started.elapsed().as_secs_f64();
        transfers.seconds.get_or_create(&[("operation", self.operation)]).observe(elapsed);
    }
}

impl Drop for TransferMeter {
    fn drop(&mut self) {
        self.end(Ending::Failed("session_ended"));
    }
}

impl fmt::Debug for TransferMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransferMeter").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// Values that are computed at each request for metrics.
#[derive(Debug)]
struct Now(Arc<Transfers>);

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut running = HashMap::new();
        let bytes = {
            let moving = self.0.moving.lock().unwrap_or_else(PoisonError::into_inner);
            let mut bytes = moving.bytes.clone();
            for (operation, moved) in moving.running.values() {
                *running.entry(*operation).or_insert(0) += 1;
                *bytes.entry(*operation).or_default() += moved.load(Ordering::Relaxed);
            }
            bytes
        };
        let help = "Running transfers by operation";
        let mut metric = encoder.encode_descriptor("transfers_running", help, None, MetricType::Gauge)?;
        for operation in OPERATIONS {
            let count = ConstGauge::<i64>::new(running.get(operation).copied().unwrap_or_default());
            count.encode(metric.encode_family(&[("operation", operation)])?)?;
        }
        let help = "Bytes on data connections, including running transfers";
        let mut metric = encoder.encode_descriptor("transfer_bytes", help, None, MetricType::Counter)?;
        for operation in OPERATIONS {
            let count = ConstCounter::<u64>::new(bytes.get(operation).copied().unwrap_or_default());
            count.encode(metric.encode_family(&[("operation", operation)])?)?;
        }
        Ok(())
    }
}
