//! Tasks that go on where their disk has answered.
//!
//! The plan. A task that waits for a disk is woken when the disk has answered: a thread of the runtime has to be woken for
//! that, most often on another processor, while the thread that has the answer goes to sleep. For a small file this takes
//! longer than everything that the disk does for it. So a task that is [`carried`] is polled once by the thread that has
//! the answer, after it has given up its place in the disk's share. Only if a thread of the runtime has the task at this
//! moment is it woken as usual.
//!
//! This is done only while the disk has other work as well. Done always, it made the small downloads of a single client
//! slower, for whom the runtime's threads are idle anyway.
//!
//! Nothing that a task does waits for a disk, so this holds up no other work of the disk. One poll has the budget that the
//! runtime gives to each: whatever a task goes on with after it is done by the runtime's own threads.

use std::any::Any;
use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::BoxFuture;
use futures_util::task::AtomicWaker;
use tokio::runtime::Handle;

use super::pool;

/// Lets a task go on with a thread of the disk that it has waited for. Panics outside of a runtime.
pub fn carried<T: Send + 'static>(task: BoxFuture<'static, T>) -> Carried<T> {
    Carried(Arc::new(Task {
        runtime: Handle::current(),
        state: Mutex::new(State::Going(task)),
        of_runtime: AtomicWaker::new(),
        was_missed: AtomicBool::new(false),
        is_given_up: AtomicBool::new(false),
    }))
}

/// Whether a thread of a disk goes on with the task that calls this: then no other task waits for the thread.
pub fn is_carried() -> bool {
    pool::is_done()
}

/// A task that is [`carried`].
#[must_use]
pub struct Carried<T: Send + 'static>(Arc<Task<T>>);

struct Task<T> {
    runtime: Handle,
    state: Mutex<State<T>>,
    /// Wakes a thread of the runtime.
    of_runtime: AtomicWaker,
    /// The runtime wanted to poll the task while a thread of the disk had it.
    was_missed: AtomicBool,
    /// Nobody waits for the task any more.
    is_given_up: AtomicBool,
}

enum State<T> {
    Going(BoxFuture<'static, T>),
    Done(Result<T, Box<dyn Any + Send>>),
    /// The result was handed over, or nobody wants it.
    Over,
}

impl<T: Send + 'static> Task<T> {
    /// The state, unless another thread has it.
    fn state(&self) -> Option<MutexGuard<'_, State<T>>> {
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The same for a thread that leaves a note if another one has it. Either gets the state, or the other one finds the
    /// note.
    fn state_or_note(&self, note: &AtomicBool) -> Option<MutexGuard<'_, State<T>>> {
        self.state().or_else(|| {
            note.store(true, Ordering::SeqCst);
            self.state()
        })
    }

    fn poll(self: &Arc<Self>, state: &mut State<T>) {
        let State::Going(task) = state else { return };
        let waker = Waker::from(Arc::clone(self));
        let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut Context::from_waker(&waker))));
        *state = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(value)) => State::Done(Ok(value)),
            Err(panic) => State::Done(Err(panic)),
        };
    }
}

impl<T: Send + 'static> Future for Carried<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let task = &self.0;
        task.of_runtime.register(context.waker());
        let Some(mut state) = task.state_or_note(&task.was_missed) else { return Poll::Pending };
        task.poll(&mut state);
        match std::mem::replace(&mut *state, State::Over) {
            State::Done(Ok(value)) => Poll::Ready(value),
            State::Done(Err(panic)) => {
                drop(state);
                resume_unwind(panic)
            }
            going => {
                *state = going;
                Poll::Pending
            }
        }
    }
}

impl<T: Send + 'static> Drop for Carried<T> {
    fn drop(&mut self) {
        let task = &self.0;
        let over = task
            .state_or_note(&task.is_given_up)
            .map(|mut state| std::mem::replace(&mut *state, State::Over));
        drop(over);
    }
}

impl<T: Send + 'static> Wake for Task<T> {
    fn wake(self: Arc<Self>) {
        if let Some(task) = keep(self) {
            task.of_runtime.wake();
        }
    }
}

/// A task of any result.
trait GoOn: Send + Sync {
    fn go_on(self: Arc<Self>);
}

impl<T: Send + 'static> GoOn for Task<T> {
    fn go_on(self: Arc<Self>) {
        let Some(mut state) = self.state() else { return self.of_runtime.wake() };
        if matches!(*state, State::Going(_)) {
            let once = poll_fn(|_| {
                self.poll(&mut state);
                Poll::Ready(())
            });
            // At its end, the runtime can't be entered any more.
            let polled = catch_unwind(AssertUnwindSafe(|| self.runtime.block_on(once)));
            if polled.is_err() || matches!(*state, State::Done(_)) {
                self.was_missed.store(true, Ordering::SeqCst);
            }
        }
        drop(state);
        if self.is_given_up.load(Ordering::SeqCst) {
            // What the task holds may need the runtime to be dropped.
            let _context = self.runtime.enter();
            let over = self.state().map(|mut state| std::mem::replace(&mut *state, State::Over));
            drop(over);
        }
        if self.was_missed.swap(false, Ordering::SeqCst) {
            self.of_runtime.wake();
        }
    }
}

/// What this thread does with a task that it wakes.
#[derive(Default)]
enum Woken {
    /// A thread of the runtime goes on with it.
    #[default]
    ByRuntime,
    /// The first one is kept.
    Kept(Option<Arc<dyn GoOn>>),
}

thread_local! {
    static WOKEN: RefCell<Woken> = const { RefCell::new(Woken::ByRuntime) };
}

/// Keeps a task for this thread; gives it back if it is not to be kept.
fn keep<T: Send + 'static>(task: Arc<Task<T>>) -> Option<Arc<Task<T>>> {
    WOKEN.with_borrow_mut(|woken| match woken {
        Woken::Kept(kept @ None) => {
            *kept = Some(task);
            None
        }
        Woken::Kept(Some(_)) | Woken::ByRuntime => Some(task),
    })
}

/// A task that was woken, and goes on when this is dropped, on this thread.
#[must_use]
pub(super) struct ToGoOn(Option<Arc<dyn GoOn>>);

impl ToGoOn {
    /// Gives an answer, and keeps the task that has waited for it, if the disk is busy.
    pub(super) fn after(is_busy: bool, answer: impl FnOnce()) -> Self {
        /// Whatever happens, this thread then wakes tasks as usual.
        struct Keeping;

        impl Drop for Keeping {
            fn drop(&mut self) {
                drop(kept());
            }
        }

        if !is_busy {
            answer();
            return Self(None);
        }
        WOKEN.set(Woken::Kept(None));
        let keeping = Keeping;
        answer();
        let kept = kept();
        drop(keeping);
        kept
    }
}

/// The task that was kept, if one was. From now on none is.
fn kept() -> ToGoOn {
    match WOKEN.take() {
        Woken::Kept(kept) => ToGoOn(kept),
        Woken::ByRuntime => ToGoOn(None),
    }
}

impl Drop for ToGoOn {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.go_on();
        }
    }
}

#[cfg(test)]
#[path = "carried_tests.rs"]
mod tests;
