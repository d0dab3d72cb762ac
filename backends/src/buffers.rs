//! The memory that all transfers of a server share for content on its way to or from stores.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::local::LocalOptions;
use crate::threads::{DiskThreads, OfDisk, Operation};
use crate::{Error, Result, StoragePath};

/// A limit on memory, in bytes, that many transfers share.
///
/// The plan. A transfer takes memory as it needs it: a slow client holds only the bytes that it has sent. This alone
/// could end in a standstill: every transfer holds a little, and none gets enough to send a part of its file to the
/// store and let go. So most of the memory is given out as *lanes*. A lane is the right of one transfer to grow until
/// its part is complete. Lanes are given in the order of requests, if there is room for the whole rest of the part.
///
/// - A transfer that took long for a part is slow. All slow transfers together have at most half of the lanes, so that
///   the quick ones are not slowed down to their pace. A slow transfer keeps its lane, because without it, its bytes
///   would only take up memory.
/// - A transfer that has stalled loses its lane when others wait, and keeps its bytes. There is room for the rest when
///   it asks again, so some transfer can always go on. If only stalled clients can go on, the others wait until these
///   are given up.
///
/// Content takes more memory than its bytes: connections carry copies, and content of different sizes leaves gaps that
/// the system's allocator can't give back. An eighth of the limit is reserved for this.
pub struct Buffers {
    limit: u64,
    /// The bytes of content that there is room for.
    room: u64,
    spill: Option<Spill>,
    state: Mutex<State>,
    /// How many downloads read ahead.
    ahead: AtomicUsize,
}

/// A transfer that takes longer than this for a part is slow. A lane that has not grown for this long is taken back
/// when others wait.
const LEASE: Duration = Duration::from_secs(2);

/// The directory for files with content that finds no room in memory.
struct Spill {
    directory: PathBuf,
    threads: DiskThreads,
}

#[derive(Default)]
struct State {
    used: u64,
    /// The bytes that the holders of lanes may still take.
    promised: u64,
    /// The sizes of all lanes of slow transfers.
    slow_total: u64,
    lanes: HashMap<u64, Lane>,
    next_lane: u64,
    waiting: VecDeque<Ticket>,
}

struct Lane {
    room: u64,
    /// The bytes that it had room for at first.
    size: u64,
    slow: bool,
    since: Instant,
    grown: Instant,
}

/// A transfer that waits for memory.
struct Ticket {
    bytes: u64,
    /// The bytes missing until the transfer can send its part and let go of everything.
    need: u64,
    slow: bool,
    grant: oneshot::Sender<Share>,
}

impl Buffers {
    /// The least limit, in bytes: it has room for a part of the smallest size, and for as many bytes of others.
    pub const LEAST: u64 = 32 << 20;

    /// Buffers of at most `limit` bytes, or of [`LEAST`](Self::LEAST) if that is more. Content that finds no room
    /// waits, or goes to files without a name in the directory `spill`.
    pub fn new(limit: u64, spill: Option<PathBuf>) -> Arc<Self> {
        let limit = limit.max(Self::LEAST);
        let spill = spill.map(|directory| Spill {
            directory,
            threads: DiskThreads::new("the spill directory", LocalOptions::TIMEOUT),
        });
        let room = limit - limit / 8;
        Arc::new(Self { limit, room, spill, state: Mutex::default(), ahead: AtomicUsize::new(0) })
    }

    /// The most bytes that are used at a time, including the memory beside the content.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The bytes that are used now, including the memory beside the content.
    pub fn used(&self) -> u64 {
        let content = self.state().used;
        content + content / 7
    }

    /// The largest size of one part, in bytes: a lane has to hold it, and others need lanes, too.
    pub fn largest_part(&self) -> u64 {
        self.limit / 4
    }

    /// The directory for content that finds no room in memory.
    pub fn spill_directory(&self) -> Option<&Path> {
        self.spill.as_ref().map(|spill| spill.directory.as_path())
    }

    /// The threads of the disk with this directory.
    pub fn spill_disk(&self) -> Option<&DiskThreads> {
        self.spill.as_ref().map(|spill| &spill.threads)
    }

    /// A file without a name for content that finds no room in memory.
    ///
    /// # Errors
    /// The errors of the file system. `None` if no directory is set.
    pub(crate) async fn spill_file(&self) -> Option<Result<OfDisk<File>>> {
        let Spill { directory, threads } = self.spill.as_ref()?;
        let (directory, own) = (directory.clone(), threads.clone());
        let open = move || Ok(OfDisk::new(tempfile::tempfile_in(directory)?, &own));
        let opened = threads.run(Operation::Begin, open).await;
        Some(opened.and_then(|opened: io::Result<_>| {
            opened.map_err(|error| Error::from_io(&StoragePath::root(), error))
        }))
    }

    /// Whether so little is left that every transfer should take little.
    pub(crate) fn is_tight(&self) -> bool {
        let state = self.state();
        state.used + state.promised > self.tight()
    }

    fn tight(&self) -> u64 {
        self.room / 16 * 3
    }

    /// Counts a download as one that reads ahead.
    pub(crate) fn read_ahead(self: &Arc<Self>) -> ReadsAhead {
        self.ahead.fetch_add(1, Ordering::Relaxed);
        ReadsAhead(Arc::clone(self))
    }

    /// How many bytes a download may have ahead, whether or not there is room for them now: all that do so have the same, and
    /// together no more than uploads don't notice. One that does not yet is one more.
    pub(crate) fn room_ahead(&self, counted: Option<&ReadsAhead>) -> u64 {
        let others = self.ahead.load(Ordering::Relaxed).saturating_sub(usize::from(counted.is_some()));
        self.tight() / (others as u64 + 1)
    }

    /// Takes some bytes, if there is room at once.
    pub(crate) fn try_take(self: &Arc<Self>, bytes: u64) -> Option<Share> {
        let mut share = Share::new(Arc::clone(self));
        share.try_grow(bytes).then_some(share)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there are so many bytes that need no lane.
    fn has_common_room(&self, state: &State, bytes: u64) -> bool {
        state.used + state.promised + bytes <= self.room / 4
    }

    /// Gives free memory to the transfers that wait.
    fn serve(self: &Arc<Self>) {
        let mut unwanted = Vec::new();
        let mut state = self.state();
        let mut index = 0;
        while index < state.waiting.len() {
            let Ticket { bytes, need, slow, .. } = state.waiting[index];
            if state.waiting[index].grant.is_closed() {
                state.waiting.remove(index);
                continue;
            }
            let lane = if self.has_common_room(&state, bytes) {
                None
            } else if state.used + state.promised + need <= self.room
                && !(slow && state.slow_total + need > self.slow_limit())
            {
                Some(state.open_lane(bytes, need, slow))
            } else {
                // A later ticket may need less.
                index += 1;
                continue;
            };
            state.used += bytes;
            let Some(ticket) = state.waiting.remove(index) else { break };
            // If the transfer has gone meanwhile, its share is given back below, when nothing is locked.
            let share = Share { buffers: Arc::clone(self), lane, bytes, slow };
            if let Err(share) = ticket.grant.send(share) {
                unwanted.push(share);
            }
        }
        drop(state);
        drop(unwanted);
    }

    /// The most bytes that lanes of slow transfers may have: enough for one of the largest lanes while an earlier one
    /// is not yet empty.
    fn slow_limit(&self) -> u64 {
        self.room / 8 * 3
    }

    /// Takes back the lanes of stalled transfers.
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
    /// Opens a lane of `need` bytes, of which `taken` are taken at once.
    fn open_lane(&mut self, taken: u64, need: u64, slow: bool) -> u64 {
        let (id, now) = (self.next_lane, Instant::now());
        self.next_lane += 1;
        self.lanes.insert(id, Lane { room: need - taken, size: need, slow, since: now, grown: now });
        self.promised += need - taken;
        if slow {
            self.slow_total += need;
        }
        id
    }

    /// Closes a lane, if it is still open, and returns how long it was.
    fn close_lane(&mut self, id: u64) -> Option<Duration> {
        let lane = self.lanes.remove(&id)?;
        self.promised -= lane.room;
        if lane.slow {
            self.slow_total -= lane.size;
        }
        Some(lane.since.elapsed())
    }
}

impl PartialEq for Buffers {
    /// Whether both are the same memory.
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

/// A download that reads ahead, as long as it does.
pub(crate) struct ReadsAhead(Arc<Buffers>);

impl Drop for ReadsAhead {
    fn drop(&mut self) {
        self.0.ahead.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The memory that one transfer uses of the [`Buffers`]. Dropping it gives the memory back.
pub(crate) struct Share {
    buffers: Arc<Buffers>,
    lane: Option<u64>,
    bytes: u64,
    /// Whether the last part took long.
    slow: bool,
}

impl Share {
    pub(crate) fn new(buffers: Arc<Buffers>) -> Self {
        Self { buffers, lane: None, bytes: 0, slow: false }
    }

    /// Its size in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes more bytes, if there is room at once.
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

    /// Takes more bytes, and waits until there is room. `need` is the number of bytes, including these, until the whole
    /// share can be let go. It counts for at most half of all room.
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
                    // Never happens: a ticket is removed only to be granted.
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

    /// Takes over the bytes of another share.
    pub(crate) fn add(&mut self, mut other: Self) {
        other.leave_lane();
        self.bytes += std::mem::take(&mut other.bytes);
    }

    fn leave_lane(&mut self) {
        let Some(lane) = self.lane.take() else { return };
        // If the lane was taken back, the transfer is slow, too.
        let open = self.buffers.state().close_lane(lane);
        self.slow = open.is_none_or(|open| open >= LEASE);
    }

    /// Takes all bytes out of the share. The rest of its lane goes to others.
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
