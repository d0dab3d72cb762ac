//! What waits to be written to a bucket.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::writer::BATCH;
use crate::events::id::Id;
use crate::events::spool::Refusal;
use crate::events::spool::lane::Keys;
use crate::events::spool::shared::Item;
use crate::events::spool::state::New;

/// Something that nobody waits for. That an event has ended has a number, until it is written.
pub(super) struct Note {
    pub(super) item: Item,
    pub(super) end: Option<u64>,
}

/// Something that is about to happen, or only the wish to know that all before it is written.
pub(super) struct Wanted {
    pub(super) record: Vec<u8>,
    pub(super) new: Option<New>,
    pub(super) reply: Ask,
    /// The last end that was noted before.
    pub(super) after: u64,
    /// It concerns paths that it does not name.
    pub(super) is_wide: bool,
}

pub(super) type Ask = oneshot::Sender<Result<(), Refusal>>;

/// An intent that is there, and waits for notes.
pub(super) struct Held {
    pub(super) reply: Ask,
    pub(super) id: Option<Id>,
    /// `None`: all of them.
    pub(super) keys: Option<Keys>,
    pub(super) after: u64,
}

pub(super) trait HasSize {
    fn size(&self) -> usize;
}

impl HasSize for Note {
    fn size(&self) -> usize {
        self.item.0.len()
    }
}

impl HasSize for Wanted {
    fn size(&self) -> usize {
        self.record.len()
    }
}

pub(super) struct Queue<T> {
    pub(super) items: VecDeque<T>,
    pub(super) bytes: usize,
}

impl<T: HasSize> Queue<T> {
    pub(super) fn new() -> Self {
        Self { items: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn push(&mut self, item: T) {
        self.bytes += item.size();
        self.items.push_back(item);
    }

    pub(super) fn put_back(&mut self, items: Vec<T>) {
        for item in items.into_iter().rev() {
            self.bytes += item.size();
            self.items.push_front(item);
        }
    }

    /// As many as go into a batch that has so many bytes already.
    pub(super) fn take(&mut self, before: usize) -> Vec<T> {
        let (mut taken, mut total) = (Vec::new(), before);
        while let Some(item) = self.items.front()
            && (total == 0 || total + item.size() <= BATCH)
        {
            total += item.size();
            self.bytes -= item.size();
            taken.extend(self.items.pop_front());
        }
        taken
    }
}
