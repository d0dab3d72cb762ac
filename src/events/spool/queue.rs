//! What is to be written to a spool on a disk, and whose turn it is to write.
//!
//! The plan. Intents have to stand there before their changes go on; everything else has time. Whoever has the turn takes all
//! there is: intents first, as a note is never older than the intent that it is about. Others wait for the end of the turn, and find their
//! records written, or take the next one.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::shared::Item;

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// A turn has ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    intents: Vec<Item>,
    notes: Vec<Item>,
    /// How many intents there were, and how many of them are answered.
    ordered: u64,
    answered: u64,
    /// Somebody has the turn.
    is_taken: bool,
    /// The thread looks for something only when it is told.
    rests: bool,
    /// Nothing is written any more.
    is_over: bool,
}

/// The turn to write. It ends when this is dropped.
#[must_use]
pub(super) struct Turn<'a> {
    queue: &'a Queue,
    taken: u64,
}

/// How an intent stands.
pub(super) enum Stand {
    /// It is answered.
    Over,
    /// It is not, and nobody writes.
    Free,
    /// It is not, and others write.
    Waits,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an intent, and says which one it is; `None` if nothing is written any more.
    pub(super) fn add_intent(&self, intent: Item) -> Option<u64> {
        let mut waiting = self.waiting();
        if waiting.is_over {
            return None;
        }
        waiting.intents.push(intent);
        waiting.ordered += 1;
        Some(waiting.ordered)
    }

    /// Adds something that has time; says whether the thread has to be told.
    pub(super) fn add_note(&self, note: Item) -> bool {
        let mut waiting = self.waiting();
        waiting.notes.push(note);
        std::mem::take(&mut waiting.rests)
    }

    /// How an intent stands, after waiting for this long at most if others write.
    pub(super) fn look(&self, intent: u64, patience: Duration) -> Stand {
        let until = Instant::now() + patience;
        let mut waiting = self.waiting();
        loop {
            if waiting.answered >= intent {
                return Stand::Over;
            }
            if !waiting.is_taken {
                return Stand::Free;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Stand::Waits;
            }
            waiting = self.ended.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The turn, if nobody has it.
    pub(super) fn try_turn(&self) -> Option<Turn<'_>> {
        let is_taken = std::mem::replace(&mut self.waiting().is_taken, true);
        // None is made that is not given: its end would end the turn of another.
        (!is_taken).then(|| Turn { queue: self, taken: 0 })
    }

    /// The turn, as soon as nobody has it.
    pub(super) fn turn(&self) -> Turn<'_> {
        let waiting = self.waiting();
        let taken = self.ended.wait_while(waiting, |waiting| waiting.is_taken);
        taken.unwrap_or_else(PoisonError::into_inner).is_taken = true;
        Turn { queue: self, taken: 0 }
    }

    /// From now on the thread has to be told if there is something, unless there is; says so.
    pub(super) fn rests(&self) -> bool {
        let mut waiting = self.waiting();
        waiting.rests = waiting.intents.is_empty() && waiting.notes.is_empty();
        waiting.rests
    }

    /// Whether the thread looks only when it is told.
    #[cfg(test)]
    pub(super) fn is_at_rest(&self) -> bool {
        self.waiting().rests
    }

    /// The thread looks by itself again.
    pub(super) fn wakes(&self) {
        self.waiting().rests = false;
    }
}

impl Turn<'_> {
    /// All there is, and ever will be.
    pub(super) fn last(&mut self) -> Vec<Item> {
        self.queue.waiting().is_over = true;
        self.take()
    }

    /// All there is.
    pub(super) fn take(&mut self) -> Vec<Item> {
        let mut waiting = self.queue.waiting();
        self.taken = waiting.ordered;
        let mut items = std::mem::take(&mut waiting.intents);
        items.append(&mut waiting.notes);
        items
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting();
        waiting.is_taken = false;
        waiting.answered = waiting.answered.max(self.taken);
        drop(waiting);
        self.queue.ended.notify_all();
    }
}
