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

/// A limit on memory, in bytes, that many transfers share.
///
/// Each takes what it needs while it needs it: a client that is slow holds only what it has sent. That alone could end in a
/// standstill, where all hold a little and none gets enough to send a part of its file to the store and let go. So a half of
/// the memory is for *lanes*: the right of one transfer to grow until its part is complete, given in the order in which they
/// ask, as long as there is room for all of that part. A lane is taken back when its holder is slow and others wait. What it
/// has by then it keeps, and as there was room for the rest of it, there still is when it asks again: so there is always
/// one who can go on. If all who can are clients that have stalled, the others wait until these are given up.
pub struct Buffers {
    limit: u64,
    spill: Option<PathBuf>,
    state: Mutex<State>,
}

/// How long a lane may be held while others wait.
const LEASE: Duration = Duration::from_secs(2);

#[derive(Default)]
struct State {
    used: u64,
    /// What the holders of lanes may still take.
    promised: u64,
    lanes: HashMap<u64, Lane>,
    next_lane: u64,
    waiting: VecDeque<Ticket>,
}

struct Lane {
    room: u64,
    since: Instant,
}

/// Somebody who waits.
struct Ticket {
    bytes: u64,
    /// What is missing until all can be let go.
    need: u64,
    grant: oneshot::Sender<Share>,
}

impl Buffers {
    /// The least limit, in bytes: it has room for a part of the smallest size, and for as much of others.
    pub const LEAST: u64 = 32 << 20;

    /// Buffers of at most `limit` bytes, or of [`LEAST`](Self::LEAST) if that is more. What finds no room waits, or goes to
    /// files without a name in the directory `spill`.
    pub fn new(limit: u64, spill: Option<PathBuf>) -> Arc<Self> {
        Arc::new(Self { limit: limit.max(Self::LEAST), spill, state: Mutex::default() })
    }

    /// The most bytes that are used at a time.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The bytes that are used now.
    pub fn used(&self) -> u64 {
        self.state().used
    }

    /// The most that one part may have, in bytes: a lane has to hold it, and others need lanes, too.
    pub fn largest_part(&self) -> u64 {
        self.limit / 4
    }

    /// The directory for what finds no room in memory.
    pub fn spill_directory(&self) -> Option<&Path> {
        self.spill.as_deref()
    }

    /// A file without a name for what finds no room in memory.
    ///
    /// # Errors
    /// Those of the file system; `None` if no directory is set.
    pub(crate) fn spill_file(&self) -> Option<io::Result<File>> {
        self.spill.as_deref().map(tempfile::tempfile_in)
    }

    /// Whether so little is left that everyone should take little.
    pub(crate) fn is_tight(&self) -> bool {
        let state = self.state();
        state.used + state.promised > self.limit / 8 * 3
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
        state.used + state.promised + bytes <= self.limit / 2
    }

    /// Gives what there is to those who wait.
    fn serve(self: &Arc<Self>) {
        let mut unwanted = Vec::new();
        let mut state = self.state();
        let mut place = 0;
        while place < state.waiting.len() {
            let (bytes, need) = (state.waiting[place].bytes, state.waiting[place].need);
            if state.waiting[place].grant.is_closed() {
                state.waiting.remove(place);
                continue;
            }
            let lane = if self.has_common_room(&state, bytes) {
                None
            } else if state.used + state.promised + need <= self.limit {
                let lane = state.next_lane;
                state.next_lane += 1;
                state.lanes.insert(lane, Lane { room: need - bytes, since: Instant::now() });
                state.promised += need - bytes;
                Some(lane)
            } else {
                // One behind may need less.
                place += 1;
                continue;
            };
            state.used += bytes;
            let Some(ticket) = state.waiting.remove(place) else { break };
            // Who has gone meanwhile gives it back below, when nothing is locked.
            if let Err(share) = ticket.grant.send(Share { buffers: Arc::clone(self), lane, bytes }) {
                unwanted.push(share);
            }
        }
        drop(state);
        drop(unwanted);
    }

    /// Takes lanes back from those who are slow.
    fn revoke(self: &Arc<Self>) {
        let mut state = self.state();
        let State { lanes, promised, .. } = &mut *state;
        lanes.retain(|_, lane| {
            let expired = lane.since.elapsed() >= LEASE;
            if expired {
                *promised -= lane.room;
            }
            !expired
        });
        drop(state);
        self.serve();
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
}

impl Share {
    pub(crate) fn new(buffers: Arc<Buffers>) -> Self {
        Self { buffers, lane: None, bytes: 0 }
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
    /// share can be let go. It is at most half of the limit.
    pub(crate) async fn grow(&mut self, bytes: u64, need: u64) {
        if self.try_grow(bytes) {
            return;
        }
        self.leave_lane();
        let need = need.max(bytes).min(self.buffers.limit / 2);
        let (grant, mut granted) = oneshot::channel();
        self.buffers.state().waiting.push_back(Ticket { bytes: bytes.min(need), need, grant });
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

    fn leave_lane(&mut self) {
        let Some(lane) = self.lane.take() else { return };
        let mut state = self.buffers.state();
        if let Some(lane) = state.lanes.remove(&lane) {
            state.promised -= lane.room;
        }
    }

    /// Takes all that is in it. The rest of a lane goes to others.
    pub(crate) fn take(&mut self) -> Self {
        self.leave_lane();
        self.buffers.serve();
        Self { buffers: Arc::clone(&self.buffers), lane: None, bytes: std::mem::take(&mut self.bytes) }
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
