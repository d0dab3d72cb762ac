//! The memory that all transfers of a server share for what is on its way to or from stores.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A limit on memory, in bytes, that many transfers share.
///
/// Each takes what it needs while it needs it: a client that is slow holds only what it has sent. That alone could end in
/// a standstill, where all hold a little and none gets enough to send a part of its file to the store and let go. So a half
/// of the memory, the *lanes*, is given to some transfers at a time, in the order in which they asked, and each of these
/// gets enough for a whole part. Who waits for a lane goes on without one as soon as the other half has room.
pub struct Buffers {
    limit: u64,
    /// A permit a byte.
    common: Arc<Semaphore>,
    /// A permit for [`UNIT`] bytes.
    lanes: Arc<Semaphore>,
    used: AtomicU64,
    spill: Option<PathBuf>,
}

/// What lanes are counted in, in bytes.
const UNIT: u64 = 64 * 1024;

impl Buffers {
    /// The least limit, in bytes: it has room for two of the smallest parts in lanes.
    pub const LEAST: u64 = 32 << 20;

    /// Buffers of at most `limit` bytes, or of [`LEAST`](Self::LEAST) if that is more. What finds no room waits, or goes to
    /// files without a name in the directory `spill`.
    pub fn new(limit: u64, spill: Option<PathBuf>) -> Arc<Self> {
        let limit = limit.max(Self::LEAST);
        let lanes = limit / 2;
        let permits = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            limit,
            common: Arc::new(Semaphore::new(permits(limit - lanes))),
            lanes: Arc::new(Semaphore::new(permits(lanes / UNIT))),
            used: AtomicU64::new(0),
            spill,
        })
    }

    /// The most bytes that are used at a time.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The bytes that are used now.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
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
        (self.common.available_permits() as u64) < self.limit / 8
    }

    /// Some bytes, if there is room at once.
    pub(crate) fn try_take(self: &Arc<Self>, bytes: u64) -> Option<Share> {
        let mut share = Share::new(Arc::clone(self));
        share.try_grow(bytes).then_some(share)
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
    common: Option<OwnedSemaphorePermit>,
    lane: Option<Lane>,
    bytes: u64,
}

struct Lane {
    _permit: OwnedSemaphorePermit,
    room: u64,
    since: Instant,
}

impl Share {
    pub(crate) fn new(buffers: Arc<Buffers>) -> Self {
        Self { buffers, common: None, lane: None, bytes: 0 }
    }

    /// The bytes in it.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How long it has had a lane.
    pub(crate) fn in_lane_since(&self) -> Option<Instant> {
        self.lane.as_ref().map(|lane| lane.since)
    }

    /// Takes more, if there is room at once.
    pub(crate) fn try_grow(&mut self, bytes: u64) -> bool {
        if let Some(lane) = &mut self.lane
            && lane.room >= bytes
        {
            lane.room -= bytes;
            self.count(bytes);
            return true;
        }
        let Ok(count) = u32::try_from(bytes) else { return false };
        match Arc::clone(&self.buffers.common).try_acquire_many_owned(count) {
            Ok(permit) => {
                self.add(permit, bytes);
                true
            }
            Err(_) => false,
        }
    }

    /// Takes more, and waits until there is room; `lane` is what the transfer needs in all until it can let go.
    pub(crate) async fn grow(&mut self, bytes: u64, lane: u64) {
        if self.try_grow(bytes) {
            return;
        }
        let lane = lane.max(bytes);
        let units = u32::try_from(lane.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let all = u32::try_from(self.buffers.limit / 2 / UNIT).unwrap_or(u32::MAX);
        let count = u32::try_from(bytes).unwrap_or(u32::MAX);
        tokio::select! {
            biased;
            Ok(permit) = Arc::clone(&self.buffers.common).acquire_many_owned(count) => self.add(permit, bytes),
            Ok(permit) = Arc::clone(&self.buffers.lanes).acquire_many_owned(units.min(all)) => {
                self.lane = Some(Lane { _permit: permit, room: lane - bytes, since: Instant::now() });
                self.count(bytes);
            }
            // The semaphores are never closed.
            else => {}
        }
    }

    fn add(&mut self, permit: OwnedSemaphorePermit, bytes: u64) {
        match &mut self.common {
            Some(all) => all.merge(permit),
            none => *none = Some(permit),
        }
        self.count(bytes);
    }

    fn count(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.buffers.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes all that is in it.
    pub(crate) fn take(&mut self) -> Self {
        let empty = Self::new(Arc::clone(&self.buffers));
        std::mem::replace(self, empty)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.buffers.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[path = "buffers_tests.rs"]
mod tests;
