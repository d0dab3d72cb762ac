//! Writes to a spool on a disk.
//!
//! The plan. Whoever has an intent waits until it stands there. All that came while others were written is written at once, with
//! one sync: so many uploads at a time share what one would take. A thread of a disk that is about to sync an upload's file writes
//! the intent of this upload itself, if nobody else writes: waking another thread for it takes longer than to write it. All else
//! is written by one thread, which looks for it by and by. What nobody waits for (that something has happened, or was delivered)
//! must not be lost either: after a failure it is kept and written again. Only intents are refused when there is no room.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wharf_backends::Beside;

use super::lane::Keys;
use super::queue::{Queue, Stand, Turn};
use super::record::End;
use super::shared::{Item, Reply, Shared, again};
use super::state::{At, New};
use super::{Medium, Refusal};
use crate::events::id::Id;

/// How long something that nobody waits for may be without a sync, and the pause after a failure.
const LAG: Duration = Duration::from_millis(100);
/// How often the thread looks for notes: each by itself would have to wake it.
const GATHER: Duration = Duration::from_millis(5);
/// After so many looks that found nothing, the thread rests until it is told of something.
const QUIET: u32 = 20;
/// How long a thread of a disk waits for others who write: so long that it is rarely woken in vain, and so short that a spool whose disk
/// hangs keeps no other disk from its work.
const PATIENCE: Duration = Duration::from_millis(20);
/// From so many bytes on, segments of which little is needed are written anew.
const WORTH_IT: u64 = 16 << 20;

/// Something for the spool.
pub(super) enum Order {
    /// A record. If it is that of a new event, it is known from then on.
    Write { record: Vec<u8>, new: Option<New>, reply: Reply },
    /// An intent that concerns paths which it does not name.
    WriteWide { record: Vec<u8>, new: New, reply: oneshot::Sender<Result<(), Refusal>> },
    /// A record of the end of an event of these paths.
    Ended { record: Vec<u8>, keys: Keys },
    /// To end when all is written.
    Stop,
}

impl Order {
    /// The record; `None`: it is over.
    fn item(self) -> Option<Item> {
        match self {
            Self::Write { record, new, reply } => Some((record, new, reply)),
            Self::WriteWide { record, new, reply } => Some((record, Some(new), Some(reply))),
            Self::Ended { record, .. } => Some((record, None, None)),
            Self::Stop => None,
        }
    }
}

/// What the thread is told.
#[derive(Debug, Clone, Copy)]
enum Signal {
    /// There is something.
    Look,
    /// Nothing comes any more.
    Stop,
}

/// What all know who write.
pub(super) struct Writing {
    queue: Queue,
    shared: Arc<Shared>,
    /// `None`: nothing is written any more.
    pen: Mutex<Option<Pen>>,
    signals: Sender<Signal>,
}

impl std::fmt::Debug for Writing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writing").finish_non_exhaustive()
    }
}

impl Writing {
    /// The spool, and who has to be [run](Writer::run) by a thread. There may be so many bytes.
    pub(super) fn new(medium: Box<dyn Medium>, shared: Arc<Shared>, most: u64) -> (Arc<Self>, Writer) {
        let (signals, told) = std::sync::mpsc::channel();
        let pen = Pen { medium, most, owed: Batch::default(), unsynced: None };
        let writing = Arc::new(Self { queue: Queue::default(), shared, pen: Mutex::new(Some(pen)), signals });
        (Arc::clone(&writing), Writer { writing, told })
    }

    /// Has something written, soon.
    pub(super) fn order(&self, order: Order) {
        let Some(item) = order.item() else { return self.tell(Signal::Stop) };
        self.waits(&item);
        let is_intent = item.1.is_some() && item.2.is_some();
        let has_to_be_told = match is_intent {
            true => self.queue.add_intent(item).is_some(),
            false => self.queue.add_note(item),
        };
        if has_to_be_told {
            self.tell(Signal::Look);
        }
    }

    /// Has an intent written by whoever gets what is returned; `None` if nothing is written any more.
    pub(super) fn order_beside(self: &Arc<Self>, order: Order) -> Option<Box<dyn Beside>> {
        let item = order.item()?;
        self.waits(&item);
        let number = self.queue.add_intent(item)?;
        Some(Box::new(Intended { writing: Arc::clone(self), number }))
    }

    /// Whether the thread looks only when it is told.
    #[cfg(test)]
    pub(super) fn is_at_rest(&self) -> bool {
        self.queue.is_at_rest()
    }

    fn waits(&self, (record, ..): &Item) {
        self.shared.backlog.fetch_add(record.len() as u64, Ordering::Relaxed);
    }

    /// Whoever writes has ended if this fails.
    fn tell(&self, signal: Signal) {
        let _ = self.signals.send(signal);
    }

    /// Writes all there is, unless the thread has to: it has the pauses after a failure. Says so.
    fn write(&self, mut turn: Turn<'_>) -> bool {
        // The thread may be about to move much, which no upload has to wait for.
        let mut pen = match self.pen.try_lock() {
            Err(TryLockError::WouldBlock) => None,
            Ok(pen) => Some(pen),
            Err(TryLockError::Poisoned(pen)) => Some(pen.into_inner()),
        };
        let pen = pen.as_deref_mut().and_then(Option::as_mut);
        let Some(pen) = pen.filter(|pen| pen.owed.orders.is_empty()) else {
            self.tell(Signal::Look);
            return false;
        };
        pen.write_all(&self.shared, turn.take());
        let has_failed = !pen.owed.orders.is_empty();
        if has_failed {
            self.tell(Signal::Look);
        }
        !has_failed
    }
}

/// An intent that is written by whoever syncs its file, or else by the thread.
struct Intended {
    writing: Arc<Writing>,
    number: u64,
}

impl Intended {
    fn try_to_write(&self, patience: Duration) {
        let queue = &self.writing.queue;
        while matches!(queue.look(self.number, patience), Stand::Free) {
            if queue.try_turn().is_some_and(|turn| !self.writing.write(turn)) {
                return;
            }
        }
    }
}

impl Beside for Intended {
    fn before(&mut self) {
        self.try_to_write(Duration::ZERO);
    }

    fn after(&mut self) {
        self.try_to_write(PATIENCE);
    }
}

impl Drop for Intended {
    fn drop(&mut self) {
        if !matches!(self.writing.queue.look(self.number, Duration::ZERO), Stand::Over) {
            self.writing.tell(Signal::Look);
        }
    }
}

/// The thread.
pub(super) struct Writer {
    writing: Arc<Writing>,
    told: Receiver<Signal>,
}

impl Writer {
    pub(super) fn run(self) {
        let Self { writing, told } = self;
        let Writing { queue, shared, pen, .. } = &*writing;
        let (mut quiet, mut pause) = (0, GATHER);
        loop {
            let signal = match quiet >= QUIET && queue.rests() {
                true => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => told.recv_timeout(pause),
            };
            let mut stops = matches!(signal, Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected));
            queue.wakes();
            while let Ok(signal) = told.try_recv() {
                stops |= matches!(signal, Signal::Stop);
            }
            let mut turn = queue.turn();
            let mut held = pen.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(pen) = held.as_mut() else { return };
            let items = if stops { turn.last() } else { turn.take() };
            let had_something = pen.write_all(shared, items);
            // Others may go on.
            drop(turn);
            pen.tidy(shared);
            pen.sync_late();
            if stops {
                pen.write_all(shared, Vec::new());
                let _ = pen.medium.sync();
                // Others may have the spool from now on.
                *held = None;
                return;
            }
            pause = if pen.owed.orders.is_empty() { GATHER } else { LAG };
            let is_quiet = !had_something && pen.owed.orders.is_empty() && pen.unsynced.is_none();
            quiet = if is_quiet { quiet + 1 } else { 0 };
        }
    }
}

#[derive(Default)]
struct Batch {
    orders: Vec<Item>,
    bytes: usize,
}

impl Batch {
    fn of(orders: Vec<Item>) -> Self {
        let bytes = orders.iter().map(|(record, ..)| record.len()).sum();
        Self { orders, bytes }
    }
}

/// Writes, for one at a time.
struct Pen {
    medium: Box<dyn Medium>,
    /// How many bytes there may be.
    most: u64,
    /// What nobody waited for, and could not be written.
    owed: Batch,
    /// Since when something is without a sync.
    unsynced: Option<Instant>,
}

impl Pen {
    /// Writes what is owed, and more; says whether there was anything.
    fn write_all(&mut self, shared: &Shared, items: Vec<Item>) -> bool {
        let mut orders = std::mem::take(&mut self.owed).orders;
        orders.extend(items);
        if orders.is_empty() {
            return false;
        }
        let taken: usize = orders.iter().map(|(record, ..)| record.len()).sum();
        let is_synced;
        (self.owed, is_synced) = self.write(shared, orders);
        self.unsynced = (!is_synced).then(|| self.unsynced.unwrap_or_else(Instant::now));
        // What is owed still waits.
        shared.backlog.fetch_add(self.owed.bytes as u64, Ordering::Relaxed);
        shared.backlog.fetch_sub(taken as u64, Ordering::Relaxed);
        true
    }

    /// Syncs what nobody waits for, when it is time.
    fn sync_late(&mut self) {
        if self.unsynced.is_some_and(|since| since.elapsed() >= LAG) && self.medium.sync().is_ok() {
            self.unsynced = None;
        }
    }

    /// Writes all; what could not be written and must be, and whether all is synced.
    fn write(&mut self, shared: &Shared, orders: Vec<Item>) -> (Batch, bool) {
        let mut total = shared.state().total;
        let mut accepted = Vec::with_capacity(orders.len());
        for (record, new, reply) in orders {
            // Others must be written: that something was delivered makes room.
            if let Some(reply) = reply {
                if total + record.len() as u64 > self.most {
                    let _ = reply.send(Err(Refusal::Full));
                    continue;
                }
                total += record.len() as u64;
                accepted.push((record, new, Some(reply)));
            } else {
                total += record.len() as u64;
                accepted.push((record, new, None));
            }
        }
        if accepted.is_empty() {
            return (Batch::default(), false);
        }
        let waits = accepted.iter().any(|(_, _, reply)| reply.is_some());
        let mut bytes = Vec::with_capacity(accepted.iter().map(|(record, ..)| record.len()).sum());
        accepted.iter().for_each(|(record, ..)| bytes.extend_from_slice(record));
        let written = self.medium.append(&bytes).and_then(|at| {
            shared.grown(at.0, bytes.len() as u64);
            if waits {
                self.medium.sync()?;
            }
            Ok(at)
        });
        match written {
            Ok((segment, offset)) => {
                shared.works();
                shared.note(accepted, segment, offset);
                (Batch::default(), waits)
            }
            Err(error) => (Batch::of(shared.refuse(accepted, &error)), false),
        }
    }

    /// Removes what nobody needs any more.
    fn tidy(&mut self, shared: &Shared) {
        let current = self.medium.current();
        loop {
            let Some(segment) = shared.state().take_empty(current) else { break };
            if let Err(error) = self.medium.remove(segment) {
                tracing::warn!(segment, %error, "can't remove a part of the spool of events");
            }
        }
        let (first, needed) = {
            let state = shared.state();
            if state.total < WORTH_IT.min(self.most / 4) || state.live() > state.total / 2 {
                return;
            }
            state.of_first()
        };
        if first.is_none() || first == current {
            return;
        }
        if let Err(error) = self.carry(shared, needed) {
            shared.fails(&error);
        }
    }

    /// Writes the events of a segment again, at the end.
    fn carry(&mut self, shared: &Shared, ids: Vec<Id>) -> io::Result<()> {
        let mut copies = Vec::new();
        for id in ids {
            let Some(at) = shared.state().get(id).map(|(_, entry)| entry.at) else { continue };
            let bytes = self.medium.read(at.segment, at.offset, at.length)?;
            let copy = again(&shared.state(), id, &bytes);
            match copy {
                Ok(copy) => copies.extend(copy.map(|copy| (id, copy))),
                // It can't be told any more, and must not keep the others where they are.
                Err(error) => {
                    tracing::error!(%id, %error, "an event is lost: its record in the spool is damaged");
                    shared.state().end(id, End::Dropped);
                }
            }
        }
        let bytes: Vec<u8> = copies.iter().flat_map(|(_, record)| record.iter().copied()).collect();
        let (segment, mut offset) = self.medium.append(&bytes)?;
        self.medium.sync()?;
        let mut state = shared.state();
        state.segments.entry(segment).or_default().bytes += bytes.len() as u64;
        state.total += bytes.len() as u64;
        for (id, record) in copies {
            let length = record.len();
            state.relocate(id, At { segment, offset, length });
            offset += length as u64;
        }
        Ok(())
    }
}
