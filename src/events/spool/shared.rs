//! What whoever writes to the spool and everybody else know.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot, watch};

use super::Refusal;
use super::record::{End, Record, Records};
use super::state::{At, Entry, New, Stage, State};
use crate::events::id::Id;
use crate::events::model::{Draft, Question};

/// Bytes that may wait to be written before what nobody has to know is dropped.
const BEHIND: u64 = 4 << 20;

/// Hears what became of an intent.
pub(super) type Reply = Option<oneshot::Sender<Result<(), Refusal>>>;

/// A record, the event that is known with it, and who waits for it.
pub(super) type Item = (Vec<u8>, Option<New>, Reply);

#[derive(Debug)]
pub(in crate::events) struct Shared {
    state: Mutex<State>,
    /// Wakes whoever delivers to one receiver.
    wakes: Vec<Notify>,
    fails: AtomicBool,
    /// What stands there was read.
    is_open: watch::Sender<bool>,
    /// Another server may have it: the time of the lease is over.
    is_lapsed: AtomicBool,
    /// Bytes that wait to be written.
    pub(super) backlog: AtomicU64,
    /// Events that were taken over from servers that are gone.
    pub(in crate::events) adopted: AtomicU64,
}

impl Shared {
    pub(super) fn new(state: State, is_open: bool) -> Self {
        let wakes = state.lanes.iter().map(|_| Notify::new()).collect();
        Self {
            state: Mutex::new(state),
            wakes,
            fails: AtomicBool::new(false),
            is_open: watch::Sender::new(is_open),
            is_lapsed: AtomicBool::new(false),
            backlog: AtomicU64::new(0),
            adopted: AtomicU64::new(0),
        }
    }

    pub(in crate::events) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn changed(&self, lane: usize) {
        match self.wakes.get(lane) {
            Some(wake) => wake.notified().await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn wake(&self, lane: usize) {
        if let Some(wake) = self.wakes.get(lane) {
            wake.notify_one();
        }
    }

    /// Wakes whoever has something to deliver now.
    pub(super) fn wake_all(&self) {
        let state = self.state();
        let lanes = state.lanes.iter().zip(&self.wakes);
        lanes.filter(|(lane, _)| lane.may_go()).for_each(|(_, wake)| wake.notify_one());
    }

    pub(super) fn works(&self) {
        if self.fails.swap(false, Ordering::Relaxed) {
            tracing::info!("the spool of events can be written again");
        }
    }

    pub(super) fn fails(&self, error: &dyn std::fmt::Display) {
        if !self.fails.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "the spool of events can't be written: changes are refused");
        }
    }

    pub(super) fn open(&self) {
        self.is_open.send_replace(true);
    }

    pub(super) fn is_open(&self) -> bool {
        *self.is_open.borrow()
    }

    pub(super) async fn opened(&self) {
        let _ = self.is_open.subscribe().wait_for(|is_open| *is_open).await;
    }

    pub(super) fn set_lapsed(&self, is_lapsed: bool) {
        self.is_lapsed.store(is_lapsed, Ordering::Relaxed);
    }

    pub(super) fn is_behind(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) > BEHIND
    }

    pub(super) fn trouble(&self) -> Option<&'static str> {
        if !self.is_open() {
            return Some("it could not be read yet");
        }
        let is_bad = self.fails.load(Ordering::Relaxed) || self.is_lapsed.load(Ordering::Relaxed);
        is_bad.then_some("it can't be written")
    }

    /// There are so many bytes more in a segment.
    pub(super) fn grown(&self, segment: u64, length: u64) {
        let mut state = self.state();
        state.segments.entry(segment).or_default().bytes += length;
        state.total += length;
    }

    /// Records stand there now: in a segment, from an offset on.
    pub(super) fn note(&self, accepted: Vec<Item>, segment: u64, offset: u64) {
        let mut at = At { segment, offset, length: 0 };
        let mut replies = Vec::new();
        let mut has_told = false;
        {
            let mut state = self.state();
            for (record, new, reply) in accepted {
                at.length = record.len();
                let id = new.as_ref().map(|new| new.id);
                if let Some(new) = new {
                    has_told |= matches!(new.stage, Stage::Told(_));
                    state.add(new, at, Some(&record));
                }
                at.offset += record.len() as u64;
                replies.extend(reply.map(|reply| (reply, id)));
            }
        }
        for (reply, id) in replies {
            // Who has waited is gone, has not begun the change, and has said so behind this.
            if reply.send(Ok(())).is_err()
                && let Some(id) = id
            {
                self.state().end(id, End::Dropped);
                self.wake_all();
            }
        }
        if has_told {
            self.wake_all();
        }
    }

    /// Records could not be written, as far as is known. Intents are refused; returns what has still to be written.
    pub(super) fn refuse(&self, accepted: Vec<Item>, error: &io::Error) -> Vec<Item> {
        self.fails(error);
        let mut owed = Vec::new();
        for (record, new, reply) in accepted {
            let Some(reply) = reply else {
                owed.push((record, new, None));
                continue;
            };
            let _ = reply.send(Err(Refusal::Failed(error.to_string())));
            // It may stand there all the same, and must not be asked for later.
            if let Some(new) = new {
                owed.push((Record::Ended { id: new.id, end: End::Dropped }.framed(), None, None));
            }
        }
        owed
    }
}

/// What a segment says, as the spool is read.
pub(super) fn replay(state: &mut State, segment: u64, bytes: &[u8]) {
    replay_each(state, segment, bytes, |_| {});
}

/// The same, for somebody who looks at each record.
pub(super) fn replay_each(state: &mut State, segment: u64, bytes: &[u8], mut each: impl FnMut(&Record)) {
    state.segments.entry(segment).or_default().bytes = bytes.len() as u64;
    state.total += bytes.len() as u64;
    let mut records = Records::of(bytes);
    for (record, offset, length) in records.by_ref() {
        each(&record);
        state.replay(record, At { segment, offset: offset as u64, length });
    }
    if records.lost > 0 {
        tracing::warn!(
            segment,
            bytes = records.lost,
            "a part of the spool of events can't be read: it was cut off, or damaged"
        );
    }
}

/// The event of a record, and what has to be asked of its storage.
pub(super) fn event_of(bytes: &[u8]) -> io::Result<(Box<Draft>, Option<Question>)> {
    match Records::of(bytes).next() {
        Some((Record::Intent { event, ask, .. }, ..)) => Ok((event, Some(ask))),
        Some((Record::Whole { event, ask, .. }, ..)) => Ok((event, ask)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a record is damaged")),
    }
}

/// All that is known of an event, as a record to stand in the place of the one that is there; `None` if nobody needs it any more.
pub(super) fn again(state: &State, id: Id, before: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let (event, ask) = event_of(before)?;
    Ok(state.get(id).map(|(_, entry)| whole(state, entry, event, ask)))
}

fn whole(state: &State, entry: &Entry, event: Box<Draft>, ask: Option<Question>) -> Vec<u8> {
    let end = entry.stage.end();
    let (to, dead) = (state.names_of(entry.pending), state.dead_of(entry, |_| true));
    Record::Whole { event, ask, to, dead, end }.framed()
}
