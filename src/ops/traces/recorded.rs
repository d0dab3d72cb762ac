//! Spans, from their beginning to the queue of those that are to be sent.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;
use wharf_backends::observe::{Note, Span, SpanKind};

use crate::config;
use crate::ops::metrics::Metrics;

/// How many spans wait to be sent at most.
pub(super) const QUEUE: usize = 2048;
/// How much is kept of a text, in bytes: paths can be long, and are a client's to choose.
const TEXT: usize = 1024;
/// How many facts a span has at most. None has as many today.
const FACTS: usize = 32;

/// Makes spans.
#[derive(Debug)]
pub(super) struct Recorder {
    sample: f64,
    to_stores: bool,
    queue: Queue,
}

/// Where finished spans go.
#[derive(Debug, Clone)]
struct Queue {
    spans: mpsc::Sender<Finished>,
    metrics: Arc<Metrics>,
}

/// A span that is over.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    pub(super) trace: u128,
    pub(super) id: NonZeroU64,
    pub(super) parent: Option<NonZeroU64>,
    pub(super) name: &'static str,
    pub(super) role: Role,
    pub(super) began: SystemTime,
    pub(super) took: Duration,
    pub(super) facts: Vec<(&'static str, Value)>,
    pub(super) failure: Option<String>,
}

/// What somebody else sees of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A command of a client.
    Command,
    /// A piece of it.
    Inside,
    /// A request to another server.
    Request,
}

/// What is known of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
}

impl Recorder {
    /// With a queue of spans that are over.
    pub(super) fn new(settings: &config::Traces, metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<Finished>) {
        let (spans, receiver) = mpsc::channel(QUEUE);
        let queue = Queue { spans, metrics };
        (Self { sample: settings.sample, to_stores: settings.to_stores, queue }, receiver)
    }

    /// A command begins. Most are not traced, and cost a random number.
    pub(super) fn begin(&self, name: &'static str) -> Option<Arc<dyn Span>> {
        if self.sample < 1.0 && fastrand::f64() >= self.sample {
            return None;
        }
        // All zero is none, in the words of the protocol.
        let trace = fastrand::u128(1..);
        let queue = self.queue.clone();
        Some(Arc::new(Recorded::new(queue, self.to_stores, trace, None, name, Role::Command)))
    }
}

/// A span under way.
struct Recorded {
    queue: Queue,
    to_stores: bool,
    trace: u128,
    id: NonZeroU64,
    parent: Option<NonZeroU64>,
    name: &'static str,
    role: Role,
    began: SystemTime,
    /// The clock of the system may be set meanwhile.
    started: Instant,
    known: Mutex<Known>,
    is_over: AtomicBool,
}

#[derive(Default)]
struct Known {
    facts: Vec<(&'static str, Value)>,
    failure: Option<String>,
}

impl Recorded {
    fn new(
        queue: Queue,
        to_stores: bool,
        trace: u128,
        parent: Option<NonZeroU64>,
        name: &'static str,
        role: Role,
    ) -> Self {
        Self {
            queue,
            to_stores,
            trace,
            id: NonZeroU64::new(fastrand::u64(1..)).unwrap_or(NonZeroU64::MIN),
            parent,
            name,
            role,
            began: SystemTime::now(),
            started: Instant::now(),
            known: Mutex::default(),
            is_over: AtomicBool::new(false),
        }
    }
}

impl Span for Recorded {
    fn begin(&self, name: &'static str, kind: SpanKind) -> Arc<dyn Span> {
        let role = match kind {
            SpanKind::Inside => Role::Inside,
            SpanKind::Request => Role::Request,
        };
        let queue = self.queue.clone();
        Arc::new(Self::new(queue, self.to_stores, self.trace, Some(self.id), name, role))
    }

    fn note(&self, key: &'static str, value: Note<'_>) {
        let value = match value {
            Note::Text(text) => Value::Text(cut(text).to_owned()),
            Note::Number(number) => Value::Number(number),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.facts.iter().position(|(known, _)| *known == key) {
            Some(place) => known.facts[place].1 = value,
            None if known.facts.len() < FACTS => known.facts.push((key, value)),
            None => {}
        }
    }

    fn fail(&self, cause: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.failure = Some(cut(cause).to_owned());
    }

    fn end(&self) {
        if self.is_over.swap(true, Ordering::Relaxed) {
            return;
        }
        let known = std::mem::take(&mut *self.known.lock().unwrap_or_else(PoisonError::into_inner));
        let finished = Finished {
            trace: self.trace,
            id: self.id,
            parent: self.parent,
            name: self.name,
            role: self.role,
            began: self.began,
            took: self.started.elapsed(),
            facts: known.facts,
            failure: known.failure,
        };
        if self.queue.spans.try_send(finished).is_err() {
            self.queue.metrics.spans_dropped(1);
        }
    }

    fn traceparent(&self) -> Option<String> {
        // Version 00; the last byte says that it is traced (W3C Trace Context, section 3.2).
        self.to_stores.then(|| format!("00-{:032x}-{:016x}-01", self.trace, self.id))
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The beginning of a text.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT)).unwrap_or(text)
}
