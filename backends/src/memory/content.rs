//! The bytes of a file in chunks, and the account of what they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream;

use crate::{Error, ErrorKind, Result, StoragePath};

/// The longest name in bytes, as on most disks.
pub(super) const MAX_NAME: usize = 255;

/// What a name of whatever length is counted with: the longest name and the tree's own overhead, rounded up. So a rename
/// costs nothing.
const NAME_COST: u64 = 512;

/// A capacity in bytes and how much of it is taken.
#[derive(Debug)]
pub(super) struct Budget {
    capacity: u64,
    used: AtomicU64,
}

/// A part of the budget; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    /// How many bytes are left.
    pub(super) fn available(&self) -> u64 {
        self.capacity.saturating_sub(self.used.load(Ordering::Relaxed))
    }

    pub(super) fn new(capacity: u64) -> Self {
        Self { capacity, used: AtomicU64::new(0) }
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64, path: &StoragePath) -> Result<()> {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|used| *used <= self.capacity)
            })
            .map(drop)
            .map_err(|_| {
                let capacity = self.capacity;
                Error::with_source(ErrorKind::NoSpace, path, format!("the capacity is {capacity} bytes"))
            })
    }

    pub(super) fn charge(self: &Arc<Self>, bytes: u64, path: &StoragePath) -> Result<Charge> {
        self.take(bytes, path)?;
        Ok(Charge { budget: Arc::clone(self), bytes })
    }

    pub(super) fn charge_name(self: &Arc<Self>, path: &StoragePath) -> Result<Charge> {
        self.charge(NAME_COST, path)
    }
}

impl Charge {
    pub(super) fn grow(&mut self, bytes: u64, path: &StoragePath) -> Result<()> {
        self.budget.take(bytes, path)?;
        self.bytes += bytes;
        Ok(())
    }

    pub(super) fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes -= bytes;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

/// The content of a finished file. Readers share it; it can't change.
#[derive(Debug)]
pub(super) struct Content {
    /// Each with the offset of its first byte.
    chunks: Vec<(u64, Bytes)>,
    length: u64,
    _charge: Charge,
}

impl Content {
    pub(super) fn new(chunks: Vec<Bytes>, charge: Charge) -> Self {
        let mut length = 0;
        let chunks = chunks
            .into_iter()
            .map(|chunk| {
                let offset = length;
                length += chunk.len() as u64;
                (offset, chunk)
            })
            .collect();
        Self { chunks, length, _charge: charge }
    }

    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// The chunks of a part; it lies inside the file.
    pub(super) fn stream(
        self: Arc<Self>,
        offset: u64,
        length: u64,
    ) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
        let end = offset + length;
        let first = self.chunks.partition_point(|(start, chunk)| start + chunk.len() as u64 <= offset);
        let parts = (first..self.chunks.len()).map_while(move |index| {
            let (start, chunk) = &self.chunks[index];
            let from = offset.saturating_sub(*start).min(chunk.len() as u64) as usize;
            let to = end.saturating_sub(*start).min(chunk.len() as u64) as usize;
            (from < to).then(|| Ok(chunk.slice(from..to)))
        });
        stream::iter(parts)
    }
}
