//! The bytes of a file in chunks, and their charges to the capacity.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::stream;

use crate::{Error, ErrorKind, Result, StoragePath};

/// The cost of a name of any length: the longest name and the tree's own overhead, rounded up. So a rename costs
/// nothing.
const NAME_COST: u64 = 512;

/// A capacity in bytes, and the used part of it.
#[derive(Debug)]
pub(super) struct Budget {
    capacity: u64,
    used: AtomicU64,
}

/// A part of the budget; dropping it gives the part back.
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

    /// Takes over the bytes of another charge to the same budget.
    pub(super) fn absorb(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

fn next_edition() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Up to this size, a tail and the last chunk before it become one chunk, so that many small appends don't make many
/// small chunks.
const CRUMB: usize = 4 * 1024;

/// Bytes of a file, which never change, and their charge. Several contents may share them.
#[derive(Debug, Clone)]
struct Chunk {
    /// The offset of its first byte in the file.
    offset: u64,
    bytes: Bytes,
    charge: Arc<Charge>,
}

/// The content of a finished file. Readers share it; while there are readers, it doesn't change.
#[derive(Debug)]
pub(super) struct Content {
    chunks: Vec<Chunk>,
    length: u64,
    /// The charge for its name.
    name: Arc<Charge>,
    /// Unique among all contents, and changed with every change of this one.
    edition: u64,
}

impl Content {
    /// Chunks with one charge, of a file whose name has another.
    pub(super) fn new(chunks: Vec<Bytes>, charge: Charge, name: Charge) -> Self {
        let mut content =
            Self { chunks: Vec::new(), length: 0, name: Arc::new(name), edition: next_edition() };
        content.push_all(chunks, Arc::new(charge));
        content
    }

    /// The first bytes of this content, followed by `chunks`. The bytes are shared, not copied.
    pub(super) fn with_tail(&self, kept: u64, chunks: Vec<Bytes>, charge: Charge) -> Self {
        let mut beginning =
            Self { chunks: Vec::new(), length: 0, name: Arc::clone(&self.name), edition: next_edition() };
        for chunk in self.chunks.iter().take_while(|chunk| chunk.offset < kept) {
            let length = usize::try_from(kept - chunk.offset).unwrap_or(usize::MAX).min(chunk.bytes.len());
            beginning.length += length as u64;
            beginning.chunks.push(Chunk { bytes: chunk.bytes.slice(..length), ..chunk.clone() });
        }
        beginning.push_all(chunks, Arc::new(charge));
        beginning
    }

    /// Adds bytes to the end.
    pub(super) fn append(&mut self, chunks: Vec<Bytes>, charge: Charge) {
        self.edition = next_edition();
        let added: usize = chunks.iter().map(Bytes::len).sum();
        if let Some(last) = self.chunks.last_mut()
            && last.bytes.len() + added <= CRUMB
            // Otherwise its charge is shared with other contents.
            && let Some(counted) = Arc::get_mut(&mut last.charge)
        {
            let mut joined = BytesMut::with_capacity(last.bytes.len() + added);
            joined.extend_from_slice(&last.bytes);
            chunks.iter().for_each(|chunk| joined.extend_from_slice(chunk));
            last.bytes = joined.freeze();
            counted.absorb(charge);
            self.length += added as u64;
        } else {
            self.push_all(chunks, Arc::new(charge));
        }
    }

    fn push_all(&mut self, chunks: Vec<Bytes>, charge: Arc<Charge>) {
        for bytes in chunks {
            let offset = self.length;
            self.length += bytes.len() as u64;
            self.chunks.push(Chunk { offset, bytes, charge: Arc::clone(&charge) });
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.length
    }

    pub(super) fn edition(&self) -> u64 {
        self.edition
    }

    /// The chunks of a part, which has to lie inside the file.
    pub(super) fn stream(
        self: Arc<Self>,
        offset: u64,
        length: u64,
    ) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
        let end = offset + length;
        let first = self.chunks.partition_point(|chunk| chunk.offset + chunk.bytes.len() as u64 <= offset);
        let parts = (first..self.chunks.len()).map_while(move |index| {
            let Chunk { offset: start, bytes, .. } = &self.chunks[index];
            let from = offset.saturating_sub(*start).min(bytes.len() as u64) as usize;
            let to = end.saturating_sub(*start).min(bytes.len() as u64) as usize;
            (from < to).then(|| Ok(bytes.slice(from..to)))
        });
        stream::iter(parts)
    }
}
