//! Where events are kept until they are delivered.
//!
//! - `record`: what stands there;
//! - `disk`: how it stands on a disk;
//! - `writer`: writes there; `queue`: whose turn it is to write;
//! - `bucket`: how it stands below a prefix of a bucket, and the task that writes there;
//! - `shared`: what whoever writes and everybody else know;
//! - `state`: the index of what stands there;
//! - `lane`: what waits for one receiver.

mod bucket;
mod disk;
pub(crate) mod lane;
mod queue;
pub(crate) mod record;
mod shared;
pub(crate) mod state;
mod writer;

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use wharf_backends::StoragePath;

use self::bucket::Begun;
pub(super) use self::bucket::Opening;
use self::disk::Disk;
use self::record::{End, Record};
use self::shared::Shared;
use self::state::{At, Entry, New, Stage, State};
use self::writer::{Order, Writing};
use super::id::Id;
use super::model::{Draft, Outcome, Question, now};
use crate::visit::Slot;

/// Why something can't be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no room.
    #[error("the spool of events is full")]
    Full,
    /// The disk, or the store, fails.
    #[error("the spool of events can't be written: {0}")]
    Failed(String),
}

/// Where segments stand. All of it blocks.
trait Medium: Send {
    /// Gives all there is, in its order.
    fn load(&mut self, each: &mut dyn FnMut(u64, &[u8])) -> io::Result<()>;
    /// Adds bytes to the end; the segment, and where they begin there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<(u64, u64)>;
    /// Makes all of it survive the loss of power.
    fn sync(&mut self) -> io::Result<()>;
    /// The segment to which something may be added.
    fn current(&self) -> Option<u64>;
    fn remove(&mut self, segment: u64) -> io::Result<()>;
    fn read(&self, segment: u64, offset: u64, length: usize) -> io::Result<Vec<u8>>;
}

/// The events that are not delivered yet.
#[derive(Debug)]
pub(crate) struct Spool {
    shared: Arc<Shared>,
    orders: Orders,
    end: Mutex<Ending>,
    reads: Arc<dyn Pages>,
    most: u64,
}

/// The way to whoever writes.
#[derive(Debug)]
enum Orders {
    Thread(Arc<Writing>),
    Task(UnboundedSender<Order>),
}

/// The end of whoever writes.
#[derive(Debug)]
enum Ending {
    Thread(JoinHandle<()>),
    Task(Begun),
    Over,
}

/// The bytes that most events take: with less room than that, the spool is full.
const USUAL: u64 = 1024;

/// How long the end of what is written is waited for.
const END: Duration = Duration::from_secs(10);

/// How often it is looked whether the thread has ended.
const LOOK: Duration = Duration::from_millis(2);

/// How long a change waits until it is written down.
const PATIENCE: Duration = Duration::from_secs(20);

/// An intent whose answer nobody has heard: the change was not begun, and never will be.
struct Unheard<'a> {
    spool: &'a Spool,
    id: Option<Id>,
}

impl Drop for Unheard<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // If it is not written yet, whoever writes it finds nobody who waits for it, and does not keep it.
            self.spool.end(id, End::Dropped);
        }
    }
}

/// Reads what stands there.
trait Pages: Send + Sync + std::fmt::Debug {
    /// Blocks.
    fn read(&self, at: At) -> io::Result<Vec<u8>>;
}

#[derive(Debug)]
struct Files(std::path::PathBuf);

impl Pages for Files {
    fn read(&self, at: At) -> io::Result<Vec<u8>> {
        disk::read(&self.0, at.segment, at.offset, at.length)
    }
}

impl Spool {
    /// Opens a folder, reads what stands there, and begins to write. Blocks.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn on_disk(folder: &Path, most: u64, sync: bool, names: Vec<String>) -> Result<Self, String> {
        let medium = Box::new(Disk::open(folder, most, sync)?);
        Self::open(medium, Arc::new(Files(folder.to_owned())), most, names)
            .map_err(|error| format!("the spool of events {}: {error}", folder.display()))
    }

    fn open(
        mut medium: Box<dyn Medium>,
        reads: Arc<dyn Pages>,
        most: u64,
        names: Vec<String>,
    ) -> io::Result<Self> {
        let mut state = State::new(names);
        medium.load(&mut |segment, bytes| shared::replay(&mut state, segment, bytes))?;
        if let Some((_, entry)) = state.events.last_key_value() {
            Id::follow(entry.id);
        }
        for (to, events) in &state.gone {
            tracing::warn!(to, events, "events are dropped: nobody of this name is told any more");
        }
        let shared = Arc::new(Shared::new(state, true));
        let (writing, writer) = Writing::new(medium, Arc::clone(&shared), most);
        let thread = std::thread::Builder::new().name("events".to_owned()).spawn(move || writer.run())?;
        Ok(Self {
            shared,
            orders: Orders::Thread(writing),
            end: Mutex::new(Ending::Thread(thread)),
            reads,
            most,
        })
    }

    /// A spool below a path of a storage, which is read and written once its [`Opening`] has begun.
    pub(crate) fn in_bucket(
        path: StoragePath,
        node: String,
        most: u64,
        names: Vec<String>,
    ) -> (Self, Opening) {
        let shared = Arc::new(Shared::new(State::new(names.clone()), false));
        let (sender, orders) = tokio::sync::mpsc::unbounded_channel();
        let opening = Opening::new((path, node), Arc::clone(&shared), orders, (most, names));
        let (reads, end) = (opening.pages(), Mutex::new(Ending::Task(opening.begun())));
        (Self { shared, orders: Orders::Task(sender), end, reads, most }, opening)
    }

    /// Why changes are refused now, if they are.
    pub(crate) fn trouble(&self) -> Option<&'static str> {
        self.shared.trouble().or_else(|| {
            let is_full = self.state().total.saturating_add(USUAL) > self.most;
            is_full.then_some("it is full")
        })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    /// How many events were taken over from servers that are gone.
    pub(crate) fn adopted(&self) -> u64 {
        self.shared.adopted.load(Ordering::Relaxed)
    }

    /// Whether so much waits to be written that nothing should be added of which nobody has to know.
    pub(crate) fn is_behind(&self) -> bool {
        self.shared.is_behind()
    }

    /// Waits until it was read.
    pub(crate) async fn opened(&self) {
        self.shared.opened().await;
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    /// How full it is, from 0 to 1 and more.
    pub(crate) fn fullness(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "it is a share")]
        let share = self.state().total as f64 / self.most as f64;
        share
    }

    /// Waits until something changes for a receiver.
    pub(crate) async fn changed(&self, lane: usize) {
        self.shared.changed(lane).await;
    }

    fn new_of(&self, draft: &Draft, pending: u64, stage: Stage) -> New {
        let keys = self.state().keys_of(draft);
        New { id: draft.id, keys, pending, dead: Vec::new(), stage, time: draft.time }
    }

    /// Writes down that something is about to happen. It is there when this returns.
    ///
    /// If it can be written by somebody who syncs a file meanwhile, that is left for them in the slot.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) async fn intend(
        &self,
        draft: Draft,
        ask: Question,
        pending: u64,
        slot: Option<&Slot>,
    ) -> Result<(), Refusal> {
        let new = self.new_of(&draft, pending, Stage::Intended);
        let mut unheard = Unheard { spool: self, id: Some(draft.id) };
        let to = self.state().names_of(pending);
        let is_wide = !draft.is_of_file();
        let record = Record::Intent { event: Box::new(draft), ask, to }.framed();
        let (reply, done) = oneshot::channel();
        let order = match is_wide {
            true => Order::WriteWide { record, new, reply },
            false => Order::Write { record, new: Some(new), reply: Some(reply) },
        };
        match (&self.orders, slot) {
            (Orders::Thread(writing), Some(slot)) => slot.leave(writing.order_beside(order)),
            _ => self.order(order),
        }
        let heard = tokio::time::timeout(PATIENCE, done).await;
        let Ok(heard) = heard else { return Err(Refusal::Failed("it does not answer".to_owned())) };
        unheard.id = None;
        heard.unwrap_or_else(|_| Err(Refusal::Failed("it is closed".to_owned())))
    }

    /// Waits until all that was ordered before is there, as far as it can be written.
    pub(crate) async fn written(&self) {
        let (reply, done) = oneshot::channel();
        self.order(Order::Write { record: Vec::new(), new: None, reply: Some(reply) });
        let _ = tokio::time::timeout(PATIENCE, done).await;
    }

    /// What became of it. Nobody has to wait for this.
    pub(crate) fn end(&self, id: Id, end: End) {
        let keys = {
            let mut state = self.state();
            let keys = state.get(id).map(|(_, entry)| entry.keys).unwrap_or_default();
            state.end(id, end.clone());
            keys
        };
        self.order(Order::Ended { record: Record::Ended { id, end }.framed(), keys });
        self.shared.wake_all();
    }

    /// Something has happened that nobody asked for before.
    pub(crate) fn tell(&self, draft: Draft, pending: u64) {
        let outcome = Outcome::default();
        let new = self.new_of(&draft, pending, Stage::Told(outcome.clone()));
        let to = self.state().names_of(pending);
        let end = Some(End::Told(outcome));
        let record = Record::Whole { event: Box::new(draft), ask: None, to, dead: Vec::new(), end }.framed();
        self.order(Order::Write { record, new: Some(new), reply: None });
    }

    /// Somebody has it, or need not have it.
    pub(crate) fn settle(&self, id: Id, lane: usize) {
        let to = {
            let mut state = self.state();
            state.settle(id, lane);
            state.names_of(1 << lane).concat()
        };
        self.order(Order::Write { record: Record::Settled { id, to }.framed(), new: None, reply: None });
        self.wake(lane);
    }

    /// It can't be delivered to somebody.
    pub(crate) fn bury(&self, id: Id, lane: usize, cause: &str) {
        let to = {
            let mut state = self.state();
            state.bury(id, lane, cause);
            state.names_of(1 << lane).concat()
        };
        let record = Record::Dead { id, to, cause: cause.to_owned() }.framed();
        self.order(Order::Write { record, new: None, reply: None });
        self.wake(lane);
    }

    /// What waits for somebody for longer than this, and might go, can't be delivered either. Says how much there was.
    pub(crate) fn bury_old(&self, lane: usize, age: Duration, cause: &str) -> usize {
        let limit = now().saturating_sub(u64::try_from(age.as_micros()).unwrap_or(u64::MAX));
        let old: Vec<_> = {
            let state = self.state();
            let waits =
                |entry: &&Entry| entry.pending >> lane & 1 == 1 && matches!(entry.stage, Stage::Told(_));
            let old = state.events.values().filter(waits).filter(|entry| entry.since <= limit);
            old.map(|entry| entry.id).collect()
        };
        old.iter().for_each(|id| self.bury(*id, lane, cause));
        old.len()
    }

    /// What was kept for longer than this for receivers that only other servers had is dropped. Says how much there was.
    pub(crate) fn drop_of_strangers(&self, age: Duration) -> usize {
        let limit = now().saturating_sub(u64::try_from(age.as_micros()).unwrap_or(u64::MAX));
        let old = self.state().of_strangers_before(limit);
        old.iter().for_each(|(id, lane)| self.settle(*id, *lane));
        old.len()
    }

    /// What could not be delivered is tried again.
    pub(crate) fn revive(&self, id: Id, lane: usize) {
        let to = {
            let mut state = self.state();
            state.revive(id, lane);
            state.names_of(1 << lane).concat()
        };
        self.order(Order::Write { record: Record::Again { id, to }.framed(), new: None, reply: None });
        self.wake(lane);
    }

    pub(crate) fn wake(&self, lane: usize) {
        self.shared.wake(lane);
    }

    /// An event, as it was written down; `None` if nobody needs it any more.
    ///
    /// # Errors
    /// Those of the disk or the store.
    pub(crate) async fn read(&self, id: Id) -> io::Result<Option<(Draft, Option<Question>)>> {
        // While it is read, it may be moved.
        for _ in 0..3 {
            let (held, at) = {
                let state = self.state();
                let Some((number, entry)) = state.get(id) else { return Ok(None) };
                (state.held(number).map(<[u8]>::to_vec), entry.at)
            };
            let bytes = match held {
                Some(bytes) => bytes,
                None => {
                    let reads = Arc::clone(&self.reads);
                    let read = tokio::task::spawn_blocking(move || reads.read(at)).await;
                    match read.map_err(io::Error::other)? {
                        Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                        read => read?,
                    }
                }
            };
            let (event, ask) = shared::event_of(&bytes)?;
            return Ok(Some((*event, ask)));
        }
        Err(io::ErrorKind::NotFound.into())
    }

    fn order(&self, order: Order) {
        match &self.orders {
            Orders::Thread(writing) => writing.order(order),
            // Whoever writes ends with this.
            Orders::Task(sender) => drop(sender.send(order)),
        }
    }

    /// Ends when all is written.
    pub(crate) async fn close(&self) {
        self.order(Order::Stop);
        let end =
            std::mem::replace(&mut *self.end.lock().unwrap_or_else(PoisonError::into_inner), Ending::Over);
        let ended = async {
            match end {
                // A disk may never answer.
                Ending::Thread(thread) => {
                    while !thread.is_finished() {
                        tokio::time::sleep(LOOK).await;
                    }
                }
                Ending::Task(begun) => begun.ended().await,
                Ending::Over => {}
            }
        };
        if tokio::time::timeout(END, ended).await.is_err() {
            tracing::warn!("the spool of events could not be written to its end in time");
        }
    }
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
