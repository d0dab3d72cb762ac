//! The memory that all transfers of a server share for what is on its way to or from stores.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::local::LocalOptions;
use crate::threads::{DiskThreads, OfDisk, Operation};
use crate::{Error, Result, StoragePath};

/// A limit on memory, in bytes, that many transfers share.
///
/// Each takes what it needs while it needs it: a client that is slow holds only what it has sent. That alone could end in a
/// standstill, where all hold a little and none gets enough to send a part of its file to the store and let go. So most of
/// the memory is for *lanes*: the right of one transfer to grow until its part is complete, given in the order in which they
/// ask, as long as there is room for all of that part. Who took long for a part is slow; all the slow together have at most
/// a half of the lanes, so that the quick don't go at their pace. A slow one keeps its lane, since what it has would only
/// take up memory without it. One that has stalled loses it when others wait, and keeps what it has: there is room for the
/// rest when it asks again, so there is always one who can go on. If all who can are clients that have stalled, the others
/// wait until these are given up.
///
/// Content takes more than its bytes: connections carry it, and gaps are left where others of another size have been, which
/// the system's allocator can't give back. An eighth of the limit is for that.
pub struct Buffers {
    limit: u64,
    /// The bytes of content that there is room for.
    room: u64,
    spill: Option<Spill>,
    state: Mutex<State>,
}

/// Who takes longer for a part is slow. A lane that has not grown for so long is taken back when others wait.
const LEASE: Duration = Duration::from_secs(2);

/// Where files go that hold what finds no room.
struct Spill {
    directory: PathBuf,
    threads: DiskThreads,
}

#[derive(Default)]
struct State {
    used: u64,
    /// What the holders of lanes may still take.
    promised: u64,
    /// What the lanes of the slow have room for, in all.
    slow: u64,
    lanes: HashMap<u64, Lane>,
    next_lane: u64,
    waiting: VecDeque<Ticket>,
}

struct Lane {
    room: u64,
    /// What it had room for at first.
    size: u64,
    slow: bool,
    since: Instant,
    grown: Instant,
}

/// Somebody who waits.
struct Ticket {
    bytes: u64,
    /// What is missing until all can be let go.
    need: u64,
    slow: bool,
    grant: oneshot::Sender<Share>,
}

impl Buffers {
    /// The least limit, in bytes: it has room for a part of the smallest size, and for as much of others.
    pub const LEAST: u64 = 32 << 20;

    /// Buffers of at most `limit` bytes, or of [`LEAST`](Self::LEAST) if that is more. What finds no room waits, or goes to
    /// files without a name in the directory `spill`.
    pub fn new(limit: u64, spill: Option<PathBuf>) -> Arc<Self> {
        let limit = limit.max(Self::LEAST);
        let spill = spill.map(|directory| Spill {
            directory,
            threads: DiskThreads::new("the spill directory", LocalOptions::TIMEOUT),
        });
        Arc::new(Self { limit, room: limit - limit / 8, spill, state: Mutex::default() })
    }

    /// The most bytes that are used at a time, those beside the content included.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The bytes that are used now, those beside the content included.
    pub fn used(&self) -> u64 {
        let content = self.state().used;
        content + content / 7
    }

    /// The most that one part may have, in bytes: a lane has to hold it, and others need lanes, too.
    pub fn largest_part(&self) -> u64 {
        self.limit / 4
    }

    /// The directory for what finds no room in memory.
    pub fn spill_directory(&self) -> Option<&Path> {
        self.spill.as_ref().map(|spill| spill.directory.as_path())
    }

    /// The threads of the disk that this directory is on.
    pub fn spill_disk(&self) -> Option<&DiskThreads> {
        self.spill.as_ref().map(|spill| &spill.threads)
    }

    /// A file without a name for what finds no room in memory.
    ///
    /// # Errors
    /// Those of the file system; `None` if no directory is set.
    pub(crate) async fn spill_file(&self) -> Option<Result<OfDisk<File>>> {
        let Spill { directory, threads } = self.spill.as_ref()?;
        let (directory, own) = (directory.clone(), threads.clone());
        let open = move || Ok(OfDisk::new(tempfile::tempfile_in(directory)?, &own));
        let opened = threads.run(Operation::Begin, open).await;
        Some(opened.and_then(|opened: io::Result<_>| {
            opened.map_err(|error| Error::from_io(&StoragePath::root(), error))
        }))
    }

    /// Whether so little is left that everyone should take little.
    pub(crate) fn is_tight(&self) -> bool {
        let state = self.state();
        state.used + state.promised > self.room / 16 * 3
    }

    /// Some bytes, if there is room at once.
    pub(crate) fn try_take(self: &Arc<Self>, bytes: u64) -> Option<Share> {
        let mut share = Share::new(Arc::clone(self));
        share.try_grow(bytes).then_some(share)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anyone may take so much.
    fn has_common_room(&self, state: &State, bytes: u64) -> bool {
        state.used + state.promised + bytes <= self.room / 4
    }

    /// Gives what there is to those who wait.
    fn serve(self: &Arc<Self>) {
        let mut unwanted = Vec::new();
        let mut state = self.state();
        let mut place = 0;
        while place < state.waiting.len() {
            let Ticket { bytes, need, slow, .. } = state.waiting[place];
            if state.waiting[place].grant.is_closed() {
                state.waiting.remove(place);
                continue;
            }
            let lane = if self.has_common_room(&state, bytes) {
                None
            } else if state.used + state.promised + need <= self.room
                && !(slow && state.slow + need > self.most_of_the_slow())
            {
                Some(state.open_lane(bytes, need, slow))
            } else {
                // One behind may need less.
                place += 1;
                continue;
            };
            state.used += bytes;
            let Some(ticket) = state.waiting.remove(place) else { break };
            // Who has gone meanwhile gives it back below, when nothing is locked.
            let share = Share { buffers: Arc::clone(self), lane, bytes, slow };
            if let Err(share) = ticket.grant.send(share) {
                unwanted.push(share);
            }
        }
        drop(state);
        drop(unwanted);
    }

    /// The most that lanes of the slow have room for: at least one of the largest, which need not be empty yet.
    fn most_of_the_slow(&self) -> u64 {
        self.room / 8 * 3
    }

    /// Takes lanes back from those who have stalled.
    fn revoke(self: &Arc<Self>) {
        let mut state = self.state();
        let stalled = |lane: &Lane| lane.grown.elapsed() >= LEASE;
        let stalled: Vec<u64> =
            state.lanes.iter().filter(|(_, lane)| stalled(lane)).map(|(id, _)| *id).collect();
        for id in stalled {
            state.close_lane(id);
        }
        drop(state);
        self.serve();
    }
}

impl State {
    /// Opens a lane for a need, of which so much is taken at once.
    fn open_lane(&mut self, taken: u64, need: u64, slow: bool) -> u64 {
        let (id, now) = (self.next_lane, Instant::now());
        self.next_lane += 1;
        self.lanes.insert(id, Lane { room: need - taken, size: need, slow, since: now, grown: now });
        self.promised += need - taken;
        if slow {
            self.slow += need;
        }
        id
    }

    /// Closes a lane, if it is still there; says how long it was open.
    fn close_lane(&mut self, id: u64) -> Option<Duration> {
        let lane = self.lanes.remove(&id)?;
        self.promised -= lane.room;
        if lane.slow {
            self.slow -= lane.size;
        }
        Some(lane.since.elapsed())
    }
}

impl PartialEq for Buffers {
    /// Whether it is the same memory.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffers")
            .field("limit", &self.limit)
            .field("used", &self.used())
            .finish_non_exhaustive()
    }
}

/// What one transfer uses of the [`Buffers`]. It is given back when this is dropped.
pub(crate) struct Share {
    buffers: Arc<Buffers>,
    lane: Option<u64>,
    bytes: u64,
    /// The last part took long.
    slow: bool,
}

impl Share {
    pub(crate) fn new(buffers: Arc<Buffers>) -> Self {
        Self { buffers, lane: None, bytes: 0, slow: false }
    }

    /// The bytes in it.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes more, if there is room at once.
    pub(crate) fn try_grow(&mut self, bytes: u64) -> bool {
        let mut state = self.buffers.state();
        let State { lanes, promised, .. } = &mut *state;
        let in_lane = self.lane.and_then(|lane| lanes.get_mut(&lane)).is_some_and(|lane| {
            let fits = lane.room >= bytes;
            if fits {
                lane.room -= bytes;
                lane.grown = Instant::now();
                *promised -= bytes;
            }
            fits
        });
        if !in_lane && !self.buffers.has_common_room(&state, bytes) {
            return false;
        }
        state.used += bytes;
        self.bytes += bytes;
        true
    }

    /// Takes more, and waits until there is room; `need` is what is missing, these bytes included, until all that is in the
    /// share can be let go. It is at most half of all room.
    pub(crate) async fn grow(&mut self, bytes: u64, need: u64) {
        if self.try_grow(bytes) {
            return;
        }
        self.leave_lane();
        let need = need.max(bytes).min(self.buffers.room / 2);
        let (grant, mut granted) = oneshot::channel();
        self.buffers.state().waiting.push_back(Ticket {
            bytes: bytes.min(need),
            need,
            slow: self.slow,
            grant,
        });
        self.buffers.serve();
        loop {
            tokio::select! {
                biased;
                share = &mut granted => match share {
                    Ok(share) => return self.merge(share),
                    // It never is.
                    Err(_) => return,
                },
                () = tokio::time::sleep(LEASE / 4) => self.buffers.revoke(),
            }
        }
    }

    fn merge(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
        self.lane = other.lane.take();
    }

    /// Takes over what is in another one.
    pub(crate) fn add(&mut self, mut other: Self) {
        other.leave_lane();
        self.bytes += std::mem::take(&mut other.bytes);
    }

    fn leave_lane(&mut self) {
        let Some(lane) = self.lane.take() else { return };
        // One that was taken back was that of somebody who is slow, too.
        let open = self.buffers.state().close_lane(lane);
        self.slow = open.is_none_or(|open| open >= LEASE);
    }

    /// Takes all that is in it. The rest of a lane goes to others.
    pub(crate) fn take(&mut self) -> Self {
        self.leave_lane();
        self.buffers.serve();
        let bytes = std::mem::take(&mut self.bytes);
        Self { buffers: Arc::clone(&self.buffers), lane: None, bytes, slow: false }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes == 0 && self.lane.is_none() {
            return;
        }
        self.leave_lane();
        self.buffers.state().used -= self.bytes;
        self.buffers.serve();
    }
}

#[cfg(test)]
#[path = "buffers_tests.rs"]
mod tests;
