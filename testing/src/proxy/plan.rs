//! The faults of the proxy, and their times.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::record::{Kind, Record};
use crate::locked;

/// Which requests a fault is for.
#[derive(Debug, Clone, Copy)]
pub struct When {
    /// Of what kind; any if `None`.
    pub kind: Option<Kind>,
    /// A part of their paths, as they were sent.
    pub path: &'static str,
    /// Which of those.
    pub which: Which,
}

/// Which of the requests of a kind; they are counted from 1, from when the fault was planned.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// This one alone.
    Nth(usize),
    /// This many, from the first.
    First(usize),
    /// Every one.
    All,
}

impl When {
    /// Each of a kind.
    #[must_use]
    pub fn every(kind: Kind) -> Self {
        Self { kind: Some(kind), path: "", which: Which::All }
    }

    /// One of a kind.
    #[must_use]
    pub fn nth(kind: Kind, nth: usize) -> Self {
        Self { kind: Some(kind), path: "", which: Which::Nth(nth) }
    }

    /// The first ones of a kind.
    #[must_use]
    pub fn first(kind: Kind, count: usize) -> Self {
        Self { kind: Some(kind), path: "", which: Which::First(count) }
    }

    /// Whatever is asked.
    #[must_use]
    pub fn always() -> Self {
        Self { kind: None, path: "", which: Which::All }
    }

    /// Of those, the ones with this in their paths; only these are counted.
    #[must_use]
    pub fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }
}

/// A fault.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection ends before the store has seen the request.
    DropBefore,
    /// The store has done it, and the connection ends before the answer.
    DropAfter,
    /// The store sees the request when the gate opens; if the gate is shut, the answer is 403.
    Delay(Arc<Gate>),
    /// This answer with S3's document of an error; the store never sees the request.
    Answer {
        /// The status of HTTP.
        status: u16,
        /// The code in the document.
        code: &'static str,
        /// The words in the document.
        message: &'static str,
    },
    /// Status 200 with the document of an error in the body, as S3 answers to what takes long; the store never sees
    /// the request.
    ErrorInside {
        /// The code in the document.
        code: &'static str,
    },
    /// Half of the request's body arrives at the store, then both connections end.
    TruncatedRequest,
    /// Half of the answer's body, and when the gate opens, or at once without one, the connection ends.
    TruncatedAnswer {
        /// The event to wait for.
        gate: Option<Arc<Gate>>,
    },
    /// Half of the answer's body, and the rest when the gate opens.
    SlowAnswer(Arc<Gate>),
    /// The answer has another entity tag than the store gave.
    WrongETag,
}

/// Holds a request up until a test decides about it.
#[derive(Debug, Default)]
pub struct Gate {
    reached: watch::Sender<bool>,
    verdict: watch::Sender<Option<Verdict>>,
}

/// The fate of a request that was held up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Refuse,
}

impl Gate {
    /// A fault at which all requests stop.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Waits until a request stands before the gate.
    pub async fn reached(&self) {
        self.reached.subscribe().wait_for(|reached| *reached).await.unwrap();
    }

    /// Opens it for good.
    pub fn open(&self) {
        self.verdict.send_replace(Some(Verdict::Pass));
    }

    /// Shuts it for good.
    pub fn shut(&self) {
        self.verdict.send_replace(Some(Verdict::Refuse));
    }

    pub(super) async fn pass(&self) -> Verdict {
        self.reached.send_replace(true);
        let mut verdict = self.verdict.subscribe();
        verdict.wait_for(Option::is_some).await.unwrap().unwrap()
    }
}

/// A fault that was planned, and how often it came to pass.
#[derive(Debug)]
pub struct Rule {
    when: When,
    fault: Fault,
    fitting: AtomicUsize,
    hits: AtomicUsize,
}

impl Rule {
    /// How often it came to pass.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    fn fits(&self, request: &Record) -> bool {
        let When { kind, path, .. } = self.when;
        if kind.is_some_and(|kind| kind != request.kind) || !request.path.contains(path) {
            return false;
        }
        let number = self.fitting.fetch_add(1, Ordering::SeqCst) + 1;
        match self.when.which {
            Which::Nth(nth) => number == nth,
            Which::First(count) => number <= count,
            Which::All => true,
        }
    }
}

/// All faults of a proxy.
#[derive(Debug, Default)]
pub(super) struct Plan {
    rules: Mutex<Vec<Arc<Rule>>>,
}

impl Plan {
    pub(super) fn add(&self, when: When, fault: Fault) -> Arc<Rule> {
        let rule = Arc::new(Rule { when, fault, fitting: AtomicUsize::new(0), hits: AtomicUsize::new(0) });
        locked(&self.rules).push(Arc::clone(&rule));
        rule
    }

    pub(super) fn clear(&self) {
        locked(&self.rules).clear();
    }

    /// The fault of the next request.
    pub(super) fn next(&self, request: &Record) -> Option<Fault> {
        // Every rule counts the request, also those behind the one that is used.
        let fitting: Vec<Arc<Rule>> =
            locked(&self.rules).iter().filter(|rule| rule.fits(request)).map(Arc::clone).collect();
        let rule = fitting.first()?;
        rule.hits.fetch_add(1, Ordering::SeqCst);
        Some(rule.fault.clone())
    }
}
