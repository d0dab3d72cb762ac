//! What goes wrong, and when.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::record::{Kind, locked};

/// Which requests a fault is for.
#[derive(Debug, Clone, Copy)]
pub struct When {
    /// Of what kind; any if `None`.
    pub kind: Option<Kind>,
    /// Which of those.
    pub which: Which,
}

/// Which of the requests of a kind; they are counted from 1, from when the fault was planned.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    Nth(usize),
    First(usize),
    All,
}

impl When {
    pub fn every(kind: Kind) -> Self {
        Self { kind: Some(kind), which: Which::All }
    }

    pub fn nth(kind: Kind, nth: usize) -> Self {
        Self { kind: Some(kind), which: Which::Nth(nth) }
    }

    pub fn first(kind: Kind, count: usize) -> Self {
        Self { kind: Some(kind), which: Which::First(count) }
    }

    /// Whatever is asked.
    pub fn always() -> Self {
        Self { kind: None, which: Which::All }
    }
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection ends before the store has seen the request.
    DropBefore,
    /// The store has done it, and the connection ends before the answer.
    DropAfter,
    /// The store sees the request when the gate opens.
    Delay(Arc<Gate>),
    /// This answer with S3's document of an error; the store never sees the request.
    Answer { status: u16, code: &'static str, message: &'static str },
    /// Status 200 with the document of an error in the body, as S3 answers to what takes long; the store never sees
    /// the request.
    ErrorInside { code: &'static str },
    /// Half of the request's body arrives at the store, then both connections end.
    TruncatedRequest,
    /// Half of the answer's body, and when the gate opens, or at once without one, the connection ends.
    TruncatedAnswer { gate: Option<Arc<Gate>> },
    /// Half of the answer's body, and the rest when the gate opens.
    SlowAnswer(Arc<Gate>),
    /// The answer has another entity tag than the store gave.
    WrongETag,
}

/// Holds a request up until a test lets it go on.
#[derive(Debug, Default)]
pub struct Gate {
    reached: watch::Sender<bool>,
    open: watch::Sender<bool>,
}

impl Gate {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Waits until a request stands before the gate.
    pub async fn reached(&self) {
        self.reached.subscribe().wait_for(|reached| *reached).await.unwrap();
    }

    /// Opens it for good.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    pub(crate) async fn pass(&self) {
        self.reached.send_replace(true);
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
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
    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    fn fits(&self, kind: Kind) -> bool {
        if self.when.kind.is_some_and(|wanted| wanted != kind) {
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
pub(crate) struct Plan {
    rules: Mutex<Vec<Arc<Rule>>>,
}

impl Plan {
    pub(crate) fn add(&self, when: When, fault: Fault) -> Arc<Rule> {
        let rule = Arc::new(Rule { when, fault, fitting: AtomicUsize::new(0), hits: AtomicUsize::new(0) });
        locked(&self.rules).push(Arc::clone(&rule));
        rule
    }

    pub(crate) fn clear(&self) {
        locked(&self.rules).clear();
    }

    /// The fault of the next request, which is of this kind.
    pub(crate) fn next(&self, kind: Kind) -> Option<Fault> {
        // Every rule counts the request, also those behind the one that is used.
        let fitting: Vec<Arc<Rule>> =
            locked(&self.rules).iter().filter(|rule| rule.fits(kind)).map(Arc::clone).collect();
        let rule = fitting.first()?;
        rule.hits.fetch_add(1, Ordering::SeqCst);
        Some(rule.fault.clone())
    }
}
