//! The threads of one disk. Each disk has its own, so that a disk that hangs holds up no other.
//!
//! The plan. Nothing can stop a system call that waits for a disk. So only the threads of the disk's share wait in such
//! calls. A task that needs the disk waits for a thread without holding one: first for a place in the share, then for
//! each step of the work, and for each no longer than the time limit. Long work reports its [steps](step), and may go
//! on for as long as it makes steps. Work that has overrun its time keeps its place until the disk answers, so the
//! share stays bounded, however much is asked of it meanwhile.
//!
//! Closing a file may wait for its disk, too, and so may removing an upload's temporary file. Everything that is opened
//! on a disk is [wrapped](OfDisk) so that these threads close it, wherever it is dropped.
//!
//! A task that waits for a disk may be [`carried`](carried()) by these threads for a moment.

mod carried;
mod job;
mod of_disk;
mod operation;
mod pool;
mod waiter;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use self::carried::ToGoOn;
pub use self::carried::{Carried, carried, is_carried};
pub(crate) use self::job::confirm_wanted;
use self::job::{Entered, Progress, Running};
pub use self::job::{Job, step, step_of};
pub use self::of_disk::OfDisk;
pub use self::operation::{DiskLoad, Operation};
use self::pool::Pool;
pub use self::waiter::{Waiter, waited_for_by};
use crate::{Error, ErrorKind, Result, StoragePath};

/// How many operations of one disk run at once, each on a thread. Most take no longer than a disk needs to move its
/// head; this number keeps any disk busy.
const SHARE: usize = 256;

/// How often to check whether waiting is still worthwhile.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How long a step may take if the client is gone.
const STEP_LIMIT_WITHOUT_CLIENT: Duration = Duration::from_secs(5);

/// The shortest time between two reports in the log.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// The threads of one disk. Clones share the same threads.
#[derive(Clone)]
pub struct DiskThreads(Arc<Inner>);

struct Inner {
    /// The operator's name for the disk.
    name: String,
    timeout: Duration,
    share: usize,
    pool: Pool,
    places: Arc<Semaphore>,
    /// Looks outside of the share, one at a time, at a disk whose threads all hang.
    looks: Arc<Semaphore>,
    running: Mutex<Jobs>,
    timeouts: [AtomicU64; Operation::ALL.len()],
    report: Mutex<Report>,
    /// The log has reported that the disk does not answer, and not yet that it answers again.
    is_in_trouble: AtomicBool,
    closing: Mutex<Closing>,
    closed: Notify,
}

#[derive(Default)]
struct Jobs {
    by_number: HashMap<u64, Arc<Progress>>,
    next: u64,
}

/// When work begins.
#[derive(Clone, Copy)]
enum Start {
    /// The caller goes on meanwhile.
    AtOnce,
    /// The caller waits for it: if it is `carried` by a thread of the disk, this thread goes on with the work.
    Next,
}

/// The state that the log has reported.
#[derive(Default)]
struct Report {
    at: Option<Instant>,
    /// Operations that were given up since the last report.
    unreported: u64,
}

/// Values that one thread outside of the share closes, one after the other.
#[derive(Default)]
struct Closing {
    waiting: Vec<Box<dyn Send>>,
    is_running: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DiskThreads {
    /// Threads for a disk with this name for the operator. `timeout` is how long one step of an operation may take.
    pub fn new(name: impl Into<String>, timeout: Duration) -> Self {
        Self::with_share(name, timeout, SHARE)
    }

    fn with_share(name: impl Into<String>, timeout: Duration, share: usize) -> Self {
        Self(Arc::new(Inner {
            name: name.into(),
            timeout,
            share,
            // One more for lookups, and one for closing.
            pool: Pool::new("wharf-disk", share + 2),
            places: Arc::new(Semaphore::new(share)),
            looks: Arc::new(Semaphore::new(1)),
            running: Mutex::default(),
            timeouts: std::array::from_fn(|_| AtomicU64::new(0)),
            report: Mutex::default(),
            is_in_trouble: AtomicBool::new(false),
            closing: Mutex::default(),
            closed: Notify::new(),
        }))
    }

    /// Does work that waits for the disk.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if no thread becomes free or the work makes no step within the time limit, or if the
    /// client that [waits for it](waited_for_by) is gone; [`ErrorKind::Other`] if the work panics. Work that has begun
    /// goes on.
    pub async fn run<T, F>(&self, operation: Operation, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.begin_as(Start::Next, operation, work).await
    }

    /// The same; begins at once if there is a free thread, otherwise when the job is awaited.
    pub fn begin<T, F>(&self, operation: Operation, work: F) -> Job<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.begin_as(Start::AtOnce, operation, work)
    }

    fn begin_as<T, F>(&self, start: Start, operation: Operation, work: F) -> Job<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        match Arc::clone(&self.0.places).try_acquire_owned() {
            Ok(place) => Job::of(self.start(start, operation, place, work)),
            Err(_) => Job::waiting(self.clone(), operation, work),
        }
    }

    /// Looks at the disk, outside of the share, for as long as the disk takes to answer.
    ///
    /// # Errors
    /// [`ErrorKind::Other`] if the work panics.
    pub async fn look<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let work = OfDisk::new(work, self);
        let place = Arc::clone(&self.0.looks).acquire_owned().await.map_err(|_| no_threads())?;
        self.start(Start::AtOnce, Operation::Look, place, work.into_inner()).answer_whenever().await
    }

    /// The present load of the threads.
    pub fn load(&self) -> DiskLoad {
        let timeouts = Operation::ALL.iter().zip(&self.0.timeouts);
        DiskLoad {
            share: self.0.share,
            running: self.0.share - self.0.places.available_permits().min(self.0.share),
            hanging: self.hanging(),
            timeouts: timeouts
                .map(|(operation, count)| (*operation, count.load(Ordering::Relaxed)))
                .collect(),
        }
    }

    fn hanging(&self) -> usize {
        let running = lock(&self.0.running);
        let share = running.by_number.values().filter(|job| !job.is_beside_the_share());
        share.filter(|job| job.left().is_zero()).count()
    }

    /// Waits until no operation runs and everything that was given up is closed.
    pub async fn idle(&self) {
        let all = u32::try_from(self.0.share).unwrap_or(u32::MAX);
        let _all = self.0.places.acquire_many(all).await;
        loop {
            let closed = self.0.closed.notified();
            if !lock(&self.0.closing).is_running {
                return;
            }
            closed.await;
        }
    }

    /// Waits for other tasks' work with the disk, for as long as the disk answers.
    pub(crate) async fn unless_it_hangs<T>(
        &self,
        operation: Operation,
        wait: impl Future<Output = T>,
    ) -> Result<T> {
        let mut wait = std::pin::pin!(wait);
        let mut since = Instant::now();
        loop {
            if let Ok(done) = tokio::time::timeout(CHECK_INTERVAL.min(self.0.timeout), &mut wait).await {
                return Ok(done);
            }
            if waiter::is_gone() {
                return Err(gone());
            }
            if since.elapsed() >= self.0.timeout {
                if self.hanging() > 0 {
                    return Err(self.no_place(operation));
                }
                since = Instant::now();
            }
        }
    }

    /// Waits for a place in the share.
    async fn place(&self, operation: Operation) -> Result<OwnedSemaphorePermit> {
        let since = Instant::now();
        let mut place = std::pin::pin!(Arc::clone(&self.0.places).acquire_owned());
        loop {
            let left = self.0.timeout.saturating_sub(since.elapsed());
            match tokio::time::timeout(CHECK_INTERVAL.min(left), &mut place).await {
                Ok(place) => return place.map_err(|_| no_threads()),
                Err(_) if waiter::is_gone() => return Err(gone()),
                Err(_) if since.elapsed() >= self.0.timeout => return Err(self.no_place(operation)),
                Err(_) => self.0.pool.retry(),
            }
        }
    }

    fn start<T, F>(
        &self,
        start: Start,
        operation: Operation,
        place: OwnedSemaphorePermit,
        work: F,
    ) -> Running<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (running, entered, answer) = Running::new(self, operation);
        let threads = self.clone();
        let work = move || {
            let entered = entered.enter();
            let result = work();
            // If nobody waits any more, the result stays here, and is closed on this thread.
            let to_go_on = ToGoOn::after(threads.is_busy(), || drop(answer.send(result)));
            if entered.progress().is_late() {
                let (backend, operation) = (&threads.0.name, operation.as_str());
                tracing::warn!(
                    backend,
                    operation,
                    "what was given up, as the disk did not answer, has been done or has failed now"
                );
            }
            drop(entered);
            drop(place);
            pool::done(|| drop(to_go_on));
        };
        self.spawned(match start {
            Start::AtOnce => self.0.pool.spawn(work),
            Start::Next => self.0.pool.spawn_next(work),
        });
        running
    }

    /// Whether there is other work than that of the thread that calls this.
    fn is_busy(&self) -> bool {
        self.0.places.available_permits() + 1 < self.0.share
    }

    fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.spawned(self.0.pool.spawn(work));
    }

    /// If the system has no thread left, the work waits for one, as with a disk that hangs.
    fn spawned(&self, has_thread: bool) {
        if !has_thread {
            tracing::error!(backend = self.0.name, "the system has no thread for this disk");
        }
    }

    /// Lets one of these threads close a value.
    fn give_up(&self, value: impl Send + 'static) {
        if job::is_on_a_thread_of_a_disk() {
            drop(value);
            return;
        }
        if let Ok(place) = Arc::clone(&self.0.places).try_acquire_owned() {
            let entered = Entered::new(self, Operation::Close, false);
            self.spawn(move || {
                let _entered = entered.enter();
                drop(value);
                drop(place);
            });
            return;
        }
        let mut closing = lock(&self.0.closing);
        closing.waiting.push(Box::new(value));
        if std::mem::replace(&mut closing.is_running, true) {
            return;
        }
        drop(closing);
        let threads = self.clone();
        let entered = Entered::new(self, Operation::Close, true);
        self.spawn(move || {
            let _entered = entered.enter();
            while let Some(value) = threads.next_to_close() {
                step();
                // A panic in one destructor must not keep the other values open.
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(value)));
            }
        });
    }

    fn next_to_close(&self) -> Option<Box<dyn Send>> {
        let mut closing = lock(&self.0.closing);
        let next = closing.waiting.pop();
        if next.is_none() {
            closing.is_running = false;
            closing.waiting.shrink_to(SHARE);
            self.0.closed.notify_waiters();
        }
        next
    }

    /// Records an operation that the disk has not answered.
    fn no_answer(&self, operation: Operation) -> Error {
        self.tell(operation, "a disk does not answer");
        let reason = format!("the disk has not answered for {:?} ({})", self.0.timeout, operation.as_str());
        Error::with_source(ErrorKind::Unavailable, &StoragePath::root(), reason).advising(
            match operation.is_seen() {
                true => "the disk does not answer, and it is not known whether this was done or will be",
                false => "the disk does not answer",
            },
        )
    }

    /// Records an operation that was not begun.
    fn no_place(&self, operation: Operation) -> Error {
        self.tell(operation, "all threads of a disk are busy");
        let (share, hanging) = (self.0.share, self.hanging());
        let reason = format!("{hanging} of {share} threads of the disk hang, and no other became free");
        Error::with_source(ErrorKind::Unavailable, &StoragePath::root(), reason).advising(match hanging {
            0 => "the disk has too much to do, so this was not begun; try again later",
            _ => "the disk does not answer, so this was not begun",
        })
    }

    fn tell(&self, operation: Operation, trouble: &str) {
        let at = Operation::ALL.iter().position(|one| *one == operation);
        if let Some(count) = at.and_then(|at| self.0.timeouts.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let hanging = self.hanging();
        let mut report = lock(&self.0.report);
        report.unreported += 1;
        if report.at.is_some_and(|at| at.elapsed() < REPORT_INTERVAL) {
            return;
        }
        report.at = Some(Instant::now());
        let times = std::mem::take(&mut report.unreported);
        drop(report);
        self.0.is_in_trouble.store(true, Ordering::Relaxed);
        let (backend, operation, timeout) = (&self.0.name, operation.as_str(), self.0.timeout);
        tracing::warn!(backend, operation, ?timeout, times, hanging, "{trouble}");
    }

    /// Records that the disk has answered.
    fn answered(&self) {
        let is_in_trouble = &self.0.is_in_trouble;
        if is_in_trouble.load(Ordering::Relaxed)
            && self.hanging() == 0
            && is_in_trouble.swap(false, Ordering::Relaxed)
        {
            let (backend, times) = (&self.0.name, std::mem::take(&mut lock(&self.0.report).unreported));
            tracing::info!(backend, times, "the disk answers again");
        }
    }
}

fn no_threads() -> Error {
    Error::with_source(ErrorKind::Unavailable, &StoragePath::root(), "the system has no threads")
}

fn gone() -> Error {
    let reason = "the disk has not answered, and nobody waits for it any more";
    Error::with_source(ErrorKind::Unavailable, &StoragePath::root(), reason)
}

impl fmt::Debug for DiskThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskThreads").field("name", &self.0.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "threads_tests.rs"]
mod tests;
