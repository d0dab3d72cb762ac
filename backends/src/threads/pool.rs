//! Threads that wait for work.
//!
//! The plan. Most work is short: to wake a thread for it takes longer than the work. So exactly one thread is woken, the one
//! that became idle last, which has most of its memory in the processor's caches; the others end after a while. It gets
//! its work before it wakes, and has to wait for no lock that whoever wakes it still holds. Work that follows on other
//! work of this thread does not wake any.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::lock;

/// How long a thread waits for work before it ends.
const KEPT: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce() + Send>;

/// A number of threads, which are made when they are needed. They end when this is dropped, after the work that they do.
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    name: &'static str,
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Work for which there is no thread.
    waiting: VecDeque<Work>,
    /// The last one became idle last.
    idle: Vec<Arc<Idle>>,
    threads: usize,
    is_over: bool,
}

/// A thread that waits for work.
struct Idle {
    thread: Thread,
    work: Mutex<Option<Work>>,
}

impl Idle {
    fn hand_over(&self, work: Work) {
        *lock(&self.work) = Some(work);
        self.thread.unpark();
    }
}

thread_local! {
    static HERE: RefCell<Option<Here>> = const { RefCell::new(None) };
}

/// A thread of a pool.
struct Here {
    pool: Arc<Shared>,
    /// It has nothing to do any more but what follows on its work.
    is_done: bool,
    next: Option<Work>,
}

impl Pool {
    pub(super) fn new(name: &'static str, most: usize) -> Self {
        Self(Arc::new(Shared { name, most, state: Mutex::default() }))
    }

    /// Has a thread do some work; says whether there is any thread for it, now or later.
    pub(super) fn spawn(&self, work: impl FnOnce() + Send + 'static) -> bool {
        self.0.spawn(Box::new(work))
    }

    /// Makes a thread for work that waits for one, if the system had none left when the work came.
    pub(super) fn retry(&self) {
        let state = lock(&self.0.state);
        if !state.waiting.is_empty() && state.threads < self.0.most {
            self.0.start_thread(state);
        }
    }

    /// Like [`spawn`](Self::spawn), for work that its caller waits for next: if the caller is a thread that is [done](done) with its work, it
    /// does this, too.
    pub(super) fn spawn_next(&self, work: impl FnOnce() + Send + 'static) -> bool {
        let mut work: Option<Work> = Some(Box::new(work));
        HERE.with_borrow_mut(|here| {
            if let Some(here) = here
                && here.is_done
                && here.next.is_none()
                && Arc::ptr_eq(&here.pool, &self.0)
                // Others have waited for longer.
                && lock(&self.0.state).waiting.is_empty()
            {
                here.next = work.take();
            }
        });
        work.is_none_or(|work| self.0.spawn(work))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.is_over = true;
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        for idle in idle {
            idle.hand_over(Box::new(|| ()));
        }
    }
}

impl Shared {
    fn spawn(self: &Arc<Self>, work: Work) -> bool {
        let mut state = lock(&self.state);
        if let Some(idle) = state.idle.pop() {
            drop(state);
            idle.hand_over(work);
            return true;
        }
        state.waiting.push_back(work);
        if state.threads >= self.most {
            return true;
        }
        self.start_thread(state)
    }

    /// Says whether there is any thread now.
    fn start_thread(self: &Arc<Self>, mut state: MutexGuard<'_, State>) -> bool {
        state.threads += 1;
        drop(state);
        let shared = Arc::clone(self);
        let spawned = std::thread::Builder::new().name(self.name.to_owned()).spawn(move || shared.run());
        if spawned.is_err() {
            let mut state = lock(&self.state);
            state.threads -= 1;
            // Another thread does it when it has the time.
            return state.threads > 0;
        }
        true
    }

    /// The life of a thread.
    fn run(self: Arc<Self>) {
        HERE.set(Some(Here { pool: Arc::clone(&self), is_done: false, next: None }));
        let me = Arc::new(Idle { thread: std::thread::current(), work: Mutex::new(None) });
        while let Some(work) = self.next(&me) {
            let mut work = Some(work);
            while let Some(this) = work.take() {
                // A defect in it was reported by the hook for panics, and to whoever waits for the result.
                let _ = catch_unwind(AssertUnwindSafe(this));
                work = HERE.with_borrow_mut(|here| here.as_mut().and_then(|here| here.next.take()));
            }
        }
    }

    /// Waits for the next work of a thread; `None` if it is to end.
    fn next(&self, me: &Arc<Idle>) -> Option<Work> {
        let mut state = lock(&self.state);
        if let Some(work) = state.waiting.pop_front() {
            return Some(work);
        }
        if state.is_over {
            state.threads -= 1;
            return None;
        }
        state.idle.push(Arc::clone(me));
        drop(state);
        let ends = Instant::now() + KEPT;
        loop {
            if let Some(work) = lock(&me.work).take() {
                return Some(work);
            }
            let left = ends.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                std::thread::park_timeout(left);
                continue;
            }
            let mut state = lock(&self.state);
            if let Some(at) = state.idle.iter().position(|idle| Arc::ptr_eq(idle, me)) {
                state.idle.remove(at);
                state.threads -= 1;
                return None;
            }
            // It is being handed over.
            drop(state);
            std::thread::park();
        }
    }
}

/// Whatever this thread is asked to do [next](Pool::spawn_next) while `last` runs, it does after its work.
pub(super) fn done<T>(last: impl FnOnce() -> T) -> T {
    struct Done;

    impl Drop for Done {
        fn drop(&mut self) {
            set_done(false);
        }
    }

    set_done(true);
    let _done = Done;
    last()
}

/// Whether this thread is done with its work.
pub(super) fn is_done() -> bool {
    HERE.with_borrow(|here| here.as_ref().is_some_and(|here| here.is_done))
}

fn set_done(is_done: bool) {
    HERE.with_borrow_mut(|here| {
        if let Some(here) = here {
            here.is_done = is_done;
        }
    });
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
