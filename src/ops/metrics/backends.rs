//! Metrics of what is done in storages, of the requests to stores, and of the memory of transfers.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use wharf_backends::Buffers;
use wharf_backends::observe::{Answer, Observer, Operation, Outcome, Request};

use super::operations::{OfBackend, Operations};

/// Upper bounds of seconds: from a store next door to one that is about to be given up.
const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// The operator's name of a backend, and a word of a list.
type Labels<const N: usize> = [(&'static str, Arc<str>); N];

#[derive(Debug, Clone, Copy)]
struct Durations;

impl MetricConstructor<Histogram> for Durations {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Backends {
    requests: Family<Labels<3>, Counter>,
    seconds: Family<Labels<2>, Histogram, Durations>,
    retries: Family<Labels<2>, Counter>,
    operations: Operations,
    /// The sums of each backend.
    sums: Arc<Mutex<HashMap<Arc<str>, Arc<Sums>>>>,
}

/// What a backend was asked for, in all.
#[derive(Debug, Default)]
struct Sums {
    requests: AtomicU64,
    failed: AtomicU64,
    retries: AtomicU64,
}

/// What a backend was asked for, in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BackendCounts {
    /// Requests to the store.
    pub(crate) requests: u64,
    /// Those that the store or the way to it failed.
    pub(crate) failed: u64,
    /// Those that were sent again.
    pub(crate) retries: u64,
}

impl Default for Backends {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(Durations),
            retries: Family::default(),
            operations: Operations::default(),
            sums: Arc::default(),
        }
    }
}

impl Backends {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "backend_requests",
            "Requests to stores by backend, kind and result",
            self.requests.clone(),
        );
        registry.register(
            "backend_request_duration_seconds",
            "Duration of requests to stores",
            self.seconds.clone(),
        );
        registry.register("backend_retries", "Requests to stores that were sent again", self.retries.clone());
        registry.register_collector(Box::new(self.operations.clone()));
    }

    pub(super) fn observer(&self, backend: &str) -> Arc<dyn Observer> {
        let sums = self.sums(backend);
        let backend = Arc::from(backend);
        let operations = self.operations.of(&backend);
        Arc::new(BackendObserver { backend, sums, backends: self.clone(), operations })
    }

    fn sums(&self, backend: &str) -> Arc<Sums> {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sums.entry(backend.into()).or_default())
    }

    pub(super) fn counts(&self, backend: &str) -> BackendCounts {
        let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner).get(backend).cloned();
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        sums.map_or_else(BackendCounts::default, |sums| BackendCounts {
            requests: of(&sums.requests),
            failed: of(&sums.failed),
            retries: of(&sums.retries),
        })
    }
}

#[derive(Debug)]
struct BackendObserver {
    backend: Arc<str>,
    sums: Arc<Sums>,
    backends: Backends,
    operations: Arc<OfBackend>,
}

impl Observer for BackendObserver {
    fn backend(&self) -> &str {
        &self.backend
    }

    fn operation(&self, operation: Operation, outcome: Outcome, elapsed: Duration) {
        self.operations.count(operation, outcome, elapsed);
    }

    fn request(&self, request: Request, answer: Answer, elapsed: Duration) {
        self.sums.requests.fetch_add(1, Ordering::Relaxed);
        if !matches!(answer, Answer::Done | Answer::NotFound | Answer::Conflict) {
            self.sums.failed.fetch_add(1, Ordering::Relaxed);
        }
        let backend = ("backend", Arc::clone(&self.backend));
        let kind = ("request", Arc::from(request.as_str()));
        let seconds = self.backends.seconds.get_or_create_owned(&[backend.clone(), kind.clone()]);
        seconds.observe(elapsed.as_secs_f64());
        self.backends.requests.get_or_create(&[backend, kind, ("result", Arc::from(answer.as_str()))]).inc();
    }

    fn retry(&self, request: Request) {
        self.sums.retries.fetch_add(1, Ordering::Relaxed);
        let backend = ("backend", Arc::clone(&self.backend));
        self.backends.retries.get_or_create(&[backend, ("request", Arc::from(request.as_str()))]).inc();
    }
}

/// The memory of transfers, once it is known.
#[derive(Debug)]
pub(super) struct BufferGauges(pub(super) Arc<OnceLock<Arc<Buffers>>>);

impl Collector for BufferGauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(buffers) = self.0.get() else { return Ok(()) };
        let mut gauge = |name: &str, help: &str, bytes: u64| {
            let gauge = ConstGauge::<i64>::new(i64::try_from(bytes).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge("buffer_memory_bytes", "Memory for content on its way to or from stores", buffers.used())?;
        gauge(
            "buffer_memory_limit_bytes",
            "Limit on the memory for content on its way to or from stores",
            buffers.limit(),
        )
    }
}
