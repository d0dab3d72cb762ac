//! The one task that writes to the spool in a bucket.
//!
//! The plan. A request takes its time, so what has to be there before somebody goes on (an intent) is sent at once, with all that came
//! meanwhile; two requests may be under way, so that one which came just too late does not wait for two. What nobody waits for (notes:
//! that something has happened, or was delivered) goes along with the next intents, or by itself after a second. An intent is answered
//! when it is there, and so is what was noted before about its paths: what is about to be removed must be known to have been there. For others
//! it need not wait. A request without an answer may have been carried out (law 11), so its number is not used again, its intents are refused and
//! noted as dropped, and the object is removed later, when nothing can still be on its way.
//!
//! Segments are removed in the order of their numbers, so that no note is gone before what it is about. If they become many,
//! or little in them is needed, what is needed is written again at the end (carried).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Bucket;
use super::answers::NOT_MINE;
use super::carry::Gathered;
use super::kept::Kept;
use super::queue::{HasSize, Held, Note, Queue, Wanted};
use crate::events::id::Id;
use crate::events::spool::Refusal;
use crate::events::spool::lane::Keys;
use crate::events::spool::record::{End, Record};
use crate::events::spool::shared::Shared;
use crate::events::spool::state::{At, New};
use crate::events::spool::writer::Order;

/// How much is written at once.
pub(super) const BATCH: usize = 1 << 20;
/// So many requests are under way at once.
pub(super) const PUTS: usize = 2;
/// How long notes wait for an intent to go along with, and how many bytes of them.
pub(super) const GATHER: Duration = Duration::from_secs(1);
/// How long those wait that something has happened: if this server is killed before they are there, others have to ask the storage. Most
/// receivers have taken an event by then, and nothing has to be written.
pub(super) const ENDS: Duration = Duration::from_millis(200);
pub(super) const GATHERED: usize = 256 << 10;
/// The first and the longest pause after a failure.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// When something whose answer is missing can't be on its way any more.
const DOUBT: Duration = Duration::from_secs(60);

/// What the keeper has the writer do.
pub(super) enum Command {
    /// To write what was adopted.
    Keep { records: Vec<Kept>, done: oneshot::Sender<io::Result<()>> },
    /// To go on in another folder, and to take along what is needed.
    Move(String, oneshot::Sender<()>),
}

/// What a request writes.
pub(super) enum Load {
    Items(Vec<Note>, Vec<Wanted>),
    /// What was adopted, and how long each record is.
    Kept(Vec<(Kept, usize)>, oneshot::Sender<io::Result<()>>),
    /// Copies of events, and where these stood.
    Carried(Vec<(Id, At, usize)>),
}

/// An answer, or none.
pub(super) struct Landed {
    number: u64,
    load: Load,
    has_notes: bool,
    bytes: u64,
    result: io::Result<()>,
}

/// Records that are to be kept, and who hears when they are.
type Keep = (Vec<Kept>, oneshot::Sender<io::Result<()>>);

/// The task.
pub(super) struct Writer {
    pub(super) bucket: Arc<Bucket>,
    pub(super) shared: Arc<Shared>,
    pub(super) orders: UnboundedReceiver<Order>,
    pub(super) commands: UnboundedReceiver<Command>,
    pub(super) most: u64,
    /// The number of the next segment.
    pub(super) next: u64,
    pub(super) intents: Queue<Wanted>,
    pub(super) notes: Queue<Note>,
    /// The number of the last end that was noted, and those that are not written yet, with the paths of their events.
    pub(super) ends: u64,
    pub(super) open_ends: BTreeMap<u64, Keys>,
    pub(super) held: Vec<Held>,
    /// When notes go, even if nothing goes along with them.
    pub(super) notes_due: Option<Instant>,
    pub(super) keeps: VecDeque<Keep>,
    pub(super) puts: FuturesUnordered<BoxFuture<'static, Landed>>,
    /// The bytes of intents that are under way.
    pub(super) flying: u64,
    pub(super) failures: u32,
    /// Nothing is sent before, after a failure with this cause.
    pub(super) resume: Option<(Instant, String)>,
    /// Segments with notes.
    pub(super) noted: BTreeSet<u64>,
    /// Segments that may be there, and from when on they are removed.
    pub(super) doubtful: BTreeMap<u64, Instant>,
    /// To be removed, in this order.
    pub(super) removals: VecDeque<u64>,
    pub(super) removing: Option<BoxFuture<'static, Vec<u64>>>,
    pub(super) remove_again: Option<Instant>,
    pub(super) gathering: Option<BoxFuture<'static, Gathered>>,
    /// What is carried is on its way.
    pub(super) carrying: bool,
    /// What is needed of all segments up to this one is being carried.
    pub(super) carry_until: Option<u64>,
    pub(super) carry_again: Option<Instant>,
    pub(super) stops: bool,
}

impl Writer {
    pub(super) fn new(
        bucket: Arc<Bucket>,
        shared: Arc<Shared>,
        orders: UnboundedReceiver<Order>,
        commands: UnboundedReceiver<Command>,
        most: u64,
    ) -> Self {
        Self {
            bucket,
            shared,
            orders,
            commands,
            most,
            next: 1,
            intents: Queue::new(),
            notes: Queue::new(),
            ends: 0,
            open_ends: BTreeMap::new(),
            held: Vec::new(),
            notes_due: None,
            keeps: VecDeque::new(),
            puts: FuturesUnordered::new(),
            flying: 0,
            failures: 0,
            resume: None,
            noted: BTreeSet::new(),
            doubtful: BTreeMap::new(),
            removals: VecDeque::new(),
            removing: None,
            remove_again: None,
            gathering: None,
            carrying: false,
            carry_until: None,
            carry_again: None,
            stops: false,
        }
    }

    /// Until all is written after an order to stop, or that turns out to fail.
    pub(super) async fn run(mut self) {
        loop {
            self.begin();
            if self.stops && (self.is_idle() || self.failures > 0) {
                return;
            }
            let wake = self.next_wake();
            tokio::select! {
                order = self.orders.recv(), if !self.stops => self.take(order),
                Some(command) = self.commands.recv() => self.obey(command),
                Some(landed) = self.puts.next(), if !self.puts.is_empty() => self.landed(landed),
                gathered = next(&mut self.gathering) => self.carry(gathered),
                failed = next(&mut self.removing) => self.removed(failed),
                () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
            // All that came meanwhile goes together.
            while !self.stops && self.intents.bytes < BATCH {
                let Ok(order) = self.orders.try_recv() else { break };
                self.take(Some(order));
            }
            self.shared.backlog.store((self.intents.bytes + self.notes.bytes) as u64, Ordering::Relaxed);
        }
    }

    fn is_idle(&self) -> bool {
        self.puts.is_empty()
            && self.intents.items.is_empty()
            && self.notes.items.is_empty()
            && self.keeps.is_empty()
            && self.removing.is_none()
            && (self.removals.is_empty() || self.remove_again.is_some())
    }

    fn take(&mut self, order: Option<Order>) {
        match order {
            Some(Order::Write { record, new: None, reply: Some(reply) }) if record.is_empty() => {
                self.held.push(Held { reply, id: None, keys: None, after: self.ends });
                self.release();
            }
            Some(Order::Write { record, new, reply: Some(reply) }) => self.want(record, new, reply, false),
            Some(Order::WriteWide { record, new, reply }) => self.want(record, Some(new), reply, true),
            Some(Order::Write { record, new, reply: None }) => self.add_note((record, new, None), None),
            Some(Order::Ended { record, keys }) => {
                self.ends += 1;
                self.open_ends.insert(self.ends, keys);
                self.add_note((record, None, None), Some(self.ends));
            }
            Some(Order::Stop) | None => {
                // All that is left is tried once.
                (self.stops, self.failures, self.resume) = (true, 0, None);
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Keep { records, done } => self.keeps.push_back((records, done)),
            Command::Move(folder, done) => {
                self.bucket.folders().push((self.next, folder));
                self.carry_until = Some(self.next - 1);
                let _ = done.send(());
            }
        }
    }

    /// Begins what can be begun.
    fn begin(&mut self) {
        self.tidy();
        let now = Instant::now();
        if self.resume.as_ref().is_none_or(|(until, _)| *until <= now) {
            while self.puts.len() < PUTS && self.send(now) {}
        }
        self.gather();
    }

    /// When there is something to do though nothing comes.
    fn next_wake(&self) -> Option<Instant> {
        let notes = self.notes_due;
        let resume = self.resume.as_ref().map(|(until, _)| *until);
        let is_waiting = !self.notes.items.is_empty() || !self.keeps.is_empty() || self.carry_until.is_some();
        let notes = match (notes, resume) {
            (Some(notes), Some(resume)) => Some(notes.max(resume)),
            (notes, resume) => notes.or(resume.filter(|_| is_waiting)),
        };
        let doubt = self.doubtful.values().min().copied();
        [notes, self.remove_again, self.carry_again, doubt]
            .into_iter()
            .flatten()
            .filter(|at| *at > Instant::now())
            .min()
    }

    /// Sends the next segment, if there is something for one.
    fn send(&mut self, now: Instant) -> bool {
        if let Some((records, done)) = self.keeps.pop_front() {
            let (mut bytes, mut kept) = (Vec::new(), Vec::with_capacity(records.len()));
            for record in records {
                let before = bytes.len();
                match &record {
                    Kept::Event(record, _) => bytes.extend_from_slice(record),
                    Kept::End(id, end) => {
                        bytes.extend_from_slice(&Record::Ended { id: *id, end: end.clone() }.framed());
                    }
                }
                kept.push((record, bytes.len() - before));
            }
            self.put(Load::Kept(kept, done), bytes, true);
            return true;
        }
        let are_due = self.notes_due.is_some_and(|due| due <= now)
            || self.notes.bytes >= GATHERED
            || !self.held.is_empty()
            || self.stops;
        if self.intents.items.is_empty() && are_due {
            self.forget_notes();
        }
        let intents = self.admitted();
        if intents.is_empty() && (self.notes.items.is_empty() || !are_due) {
            return false;
        }
        let notes = self.notes.take(intents.iter().map(HasSize::size).sum());
        let has_notes = !notes.is_empty();
        self.notes_due = (!self.notes.items.is_empty()).then_some(now + ENDS);
        let records = notes.iter().map(|note| &*note.item.0);
        let bytes = joined(records.chain(intents.iter().map(|wanted| &*wanted.record)));
        self.put(Load::Items(notes, intents), bytes, has_notes);
        true
    }

    /// If nothing is left of which notes could tell, they need not be written.
    fn forget_notes(&mut self) {
        if !self.puts.is_empty() || !self.shared.state().segments.is_empty() {
            return;
        }
        let mut kept = Vec::new();
        for note in std::mem::take(&mut self.notes.items) {
            match (&note.item.1, note.end) {
                (Some(_), _) => kept.push(note),
                (None, Some(end)) => drop(self.open_ends.remove(&end)),
                (None, None) => {}
            }
        }
        self.notes.bytes = 0;
        if kept.is_empty() {
            self.notes_due = None;
        }
        self.notes.put_back(kept);
        self.release();
    }

    /// The intents that go now, without those for which there is no room.
    fn admitted(&mut self) -> Vec<Wanted> {
        let mut total = self.shared.state().total + self.flying;
        let mut admitted = Vec::new();
        for wanted in self.intents.take(0) {
            // Who has asked for it is gone, and does nothing.
            if wanted.reply.is_closed() {
                continue;
            }
            if total + wanted.record.len() as u64 > self.most {
                let _ = wanted.reply.send(Err(Refusal::Full));
                continue;
            }
            total += wanted.record.len() as u64;
            admitted.push(wanted);
        }
        admitted
    }

    pub(super) fn put(&mut self, load: Load, bytes: Vec<u8>, has_notes: bool) {
        let (number, length) = (self.next, bytes.len() as u64);
        self.next += 1;
        self.flying += length;
        let bucket = Arc::clone(&self.bucket);
        let sent = async move {
            let result = async {
                let path = bucket.segment(number)?;
                bucket.put(&path, Bytes::from(bytes)).await
            };
            let result = result.await.map_err(super::to_io);
            Landed { number, load, has_notes, bytes: length, result }
        };
        self.puts.push(sent.boxed());
    }

    fn landed(&mut self, landed: Landed) {
        let Landed { number, load, has_notes, bytes, mut result } = landed;
        self.flying -= bytes;
        if matches!(load, Load::Carried(_)) {
            self.carrying = false;
        }
        if has_notes {
            self.noted.insert(number);
        }
        // Whoever adopts the folder may have read it before this came.
        if result.is_ok() && matches!(load, Load::Items(..)) && !self.bucket.is_mine() {
            result = Err(io::Error::other(NOT_MINE));
        }
        match result {
            Ok(()) => {
                self.failures = 0;
                self.resume = None;
                self.shared.works();
                self.note(load, number, bytes);
            }
            Err(error) => self.failed(load, number, &error),
        }
        self.release();
    }

    fn note(&mut self, load: Load, number: u64, bytes: u64) {
        self.shared.grown(number, bytes);
        match load {
            Load::Items(notes, intents) => {
                let mut items = Vec::with_capacity(notes.len() + intents.len());
                for Note { item, end } in notes {
                    items.push(item);
                    if let Some(end) = end {
                        self.open_ends.remove(&end);
                    }
                }
                for Wanted { record, new, reply, after, is_wide } in intents {
                    let (id, keys) = new.as_ref().map(|new| (new.id, new.keys)).unzip();
                    self.held.push(Held { reply, id, keys: keys.filter(|_| !is_wide), after });
                    items.push((record, new, None));
                }
                self.shared.note(items, number, 0);
            }
            Load::Kept(kept, done) => {
                self.kept(kept, number);
                let _ = done.send(Ok(()));
            }
            Load::Carried(copies) => self.relocate(copies, number),
        }
    }

    fn failed(&mut self, load: Load, number: u64, error: &io::Error) {
        self.failures = self.failures.saturating_add(1);
        let pause = (PAUSE * (1 << self.failures.min(4).saturating_sub(1))).min(LONGEST_PAUSE);
        self.resume = Some((Instant::now() + pause, error.to_string()));
        self.doubtful.insert(number, Instant::now() + DOUBT);
        self.shared.state().segments.entry(number).or_default();
        self.shared.fails(error);
        // Nobody waits for a server that does not answer: neither those whose request failed nor those who would come next.
        self.refuse_held(&error.to_string());
        let waiting = std::mem::replace(&mut self.intents, Queue::new());
        for wanted in waiting.items {
            let _ = wanted.reply.send(Err(Refusal::Failed(error.to_string())));
        }
        match load {
            Load::Items(notes, intents) => {
                self.notes.put_back(notes);
                for Wanted { new, reply, .. } in intents {
                    let _ = reply.send(Err(Refusal::Failed(error.to_string())));
                    // It may stand there all the same, and must not be asked for later.
                    if let Some(New { id, .. }) = new {
                        self.add_note((Record::Ended { id, end: End::Dropped }.framed(), None, None), None);
                    }
                }
                self.due_in(GATHER);
            }
            Load::Kept(_, done) => drop(done.send(Err(io::Error::other(error.to_string())))),
            Load::Carried(_) => {}
        }
    }
}

fn joined<'a>(records: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    records.flatten().copied().collect()
}

/// The end of something that may be under way.
async fn next<T>(running: &mut Option<BoxFuture<'static, T>>) -> T {
    match running {
        Some(future) => {
            let value = future.await;
            *running = None;
            value
        }
        None => std::future::pending().await,
    }
}
