//! Running work of a disk, and the wait for it.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{
    CHECK_INTERVAL, DiskThreads, OfDisk, Operation, STEP_LIMIT_WITHOUT_CLIENT, Start, gone, lock, waiter,
};
use crate::{Error, ErrorKind, Result, StoragePath};

/// A disk that moves this many bytes in a second is slow, but does not hang.
const SLOWEST: u64 = 1024 * 1024;

/// The progress of some work.
pub(super) struct Progress {
    operation: Operation,
    timeout: Duration,
    began: Instant,
    /// When the last step was made, in milliseconds since the work began.
    last: AtomicU64,
    /// How many milliseconds more than the limit the next step may take.
    extra: AtomicU64,
    is_beside_the_share: bool,
    /// The client has the reply that the result is not known.
    is_given_up: AtomicBool,
    /// The work has then stopped before others could see its effect.
    has_stopped: AtomicBool,
}

impl Progress {
    fn step(&self, extra: Duration) {
        self.extra.store(millis(extra), Ordering::Relaxed);
        self.last.store(millis(self.began.elapsed()), Ordering::Relaxed);
    }

    /// How long the work has made no step.
    fn silence(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }

    /// How long its step may still take.
    pub(super) fn left(&self) -> Duration {
        let limit = self.timeout.saturating_add(Duration::from_millis(self.extra.load(Ordering::Relaxed)));
        limit.saturating_sub(self.silence())
    }

    pub(super) fn is_beside_the_share(&self) -> bool {
        self.is_beside_the_share
    }

    fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    /// Whether it was given up, and may have changed something nevertheless.
    pub(super) fn is_late(&self) -> bool {
        self.operation.is_seen()
            && self.is_given_up.load(Ordering::Relaxed)
            && !self.has_stopped.load(Ordering::Relaxed)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

thread_local! {
    /// The work of this thread.
    static CURRENT: RefCell<Option<Arc<Progress>>> = const { RefCell::new(None) };
}

/// Reports that work on a thread of a disk has made a step, and begins the next one. On other threads it does nothing.
pub fn step() {
    step_of(0);
}

/// The same, if the next step moves so many bytes: it may take longer.
pub fn step_of(bytes: u64) {
    CURRENT.with_borrow(|current| {
        if let Some(progress) = current {
            progress.step(Duration::from_secs(bytes / SLOWEST));
        }
    });
}

/// Checks, right before a step that others see, that the work was not given up. Work that was given up must not be done
/// any more: its client was told so, has looked, and may have stored something else since.
///
/// # Errors
/// [`ErrorKind::Unavailable`] if the work was given up; nobody sees this error any more.
pub(crate) fn confirm_wanted() -> Result<()> {
    CURRENT.with_borrow(|current| match current {
        Some(progress) if progress.is_given_up.load(Ordering::Relaxed) => {
            progress.has_stopped.store(true, Ordering::Relaxed);
            Err(gone())
        }
        _ => Ok(()),
    })
}

pub(super) fn is_on_a_thread_of_a_disk() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

/// Work that counts among the operations of its disk until this is dropped.
pub(super) struct Entered {
    threads: DiskThreads,
    number: u64,
    progress: Arc<Progress>,
    is_here: bool,
}

impl Entered {
    pub(super) fn new(threads: &DiskThreads, operation: Operation, is_beside_the_share: bool) -> Self {
        let progress = Arc::new(Progress {
            operation,
            timeout: threads.0.timeout,
            began: Instant::now(),
            last: AtomicU64::new(0),
            extra: AtomicU64::new(0),
            is_beside_the_share,
            is_given_up: AtomicBool::new(false),
            has_stopped: AtomicBool::new(false),
        });
        let mut running = lock(&threads.0.running);
        let number = running.next;
        running.next += 1;
        running.by_number.insert(number, Arc::clone(&progress));
        drop(running);
        Self { threads: threads.clone(), number, progress, is_here: false }
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// This thread does the work.
    pub(super) fn enter(mut self) -> Self {
        CURRENT.set(Some(Arc::clone(&self.progress)));
        self.is_here = true;
        self
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if self.is_here {
            CURRENT.set(None);
        }
        lock(&self.threads.0.running).by_number.remove(&self.number);
        if self.is_here {
            self.threads.answered();
        }
    }
}

/// Work that has a thread.
pub(super) struct Running<T: Send + 'static> {
    threads: DiskThreads,
    progress: Arc<Progress>,
    answered: oneshot::Receiver<T>,
}

impl<T: Send + 'static> Running<T> {
    pub(super) fn new(threads: &DiskThreads, operation: Operation) -> (Self, Entered, oneshot::Sender<T>) {
        let entered = Entered::new(threads, operation, operation == Operation::Look);
        let (answer, answered) = oneshot::channel();
        let progress = Arc::clone(&entered.progress);
        (Self { threads: threads.clone(), progress, answered }, entered, answer)
    }

    /// Waits for the end, as long as the work makes steps and a client waits.
    async fn answer(mut self) -> Result<T> {
        loop {
            let pause = CHECK_INTERVAL.min(self.progress.left());
            match tokio::time::timeout(pause, &mut self.answered).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(_)) => return Err(panicked()),
                Err(_) if self.progress.left().is_zero() => {
                    self.progress.give_up();
                    return Err(self.threads.no_answer(self.progress.operation));
                }
                Err(_) if self.progress.silence() >= STEP_LIMIT_WITHOUT_CLIENT && waiter::is_gone() => {
                    self.progress.give_up();
                    return Err(gone());
                }
                Err(_) => self.threads.0.pool.retry(),
            }
        }
    }

    /// Waits for the end, however long it takes.
    pub(super) async fn answer_whenever(mut self) -> Result<T> {
        (&mut self.answered).await.map_err(|_| panicked())
    }
}

impl<T: Send + 'static> Drop for Running<T> {
    fn drop(&mut self) {
        self.answered.close();
        // A result that arrived meanwhile may hold files of the disk.
        if let Ok(value) = self.answered.try_recv() {
            self.threads.give_up(value);
        }
    }
}

fn panicked() -> Error {
    Error::with_source(ErrorKind::Other, &StoragePath::root(), "the work panicked")
}

/// Work of a disk, to be awaited. It goes on if nobody awaits it.
#[must_use]
pub struct Job<T>(Pin<Box<dyn Future<Output = Result<T>> + Send>>);

impl<T: Send + 'static> Job<T> {
    pub(super) fn of(running: Running<T>) -> Self {
        Self(Box::pin(running.answer()))
    }

    /// A job that begins when there is a place for it.
    pub(super) fn waiting<F>(threads: DiskThreads, operation: Operation, work: F) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
    {
        // If the work never begins, the disk's threads close the files that it holds.
        let work = OfDisk::new(work, &threads);
        Self(Box::pin(async move {
            let place = threads.place(operation).await?;
            threads.start(Start::Next, operation, place, work.into_inner()).answer().await
        }))
    }
}

impl<T> Future for Job<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}
