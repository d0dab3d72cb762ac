//! Bytes that an upload has received and not sent yet: in memory, or in a file if memory is short.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use object_store::PutPayload;

use super::parts::Gathered;
use crate::buffers::Share;
use crate::threads::{OfDisk, Operation, step};
use crate::{Buffers, CHUNK_SIZE, Error, Result, StoragePath};

/// The room that is reserved at a time while memory is short.
const SMALL_ROOM: usize = 16 * 1024;

/// The bytes of the next part.
pub(crate) struct Held {
    buffers: Arc<Buffers>,
    gathered: Gathered,
    share: Share,
    /// Bytes that there is room for in `share` and that have not come yet.
    credit: u64,
    spilled: Option<Spilled>,
}

/// A file without a name that ends with its handle.
struct Spilled {
    file: Arc<OfDisk<File>>,
    length: u64,
}

impl Held {
    pub(crate) fn new(buffers: &Arc<Buffers>) -> Self {
        Self {
            buffers: Arc::clone(buffers),
            gathered: Gathered::default(),
            share: Share::new(Arc::clone(buffers)),
            credit: 0,
            spilled: None,
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.gathered.len() + self.spilled.as_ref().map_or(0, |spilled| spilled.length)
    }

    /// Whether some of it is in a file.
    pub(crate) fn is_spilled(&self) -> bool {
        self.spilled.is_some()
    }

    /// Makes room for the next bytes of a part of `part_size` bytes, and says how many.
    pub(crate) async fn reserve(&mut self, path: &StoragePath, part_size: u64) -> Result<usize> {
        if self.spilled.is_some() {
            // Bytes on their way to the file are in memory, too.
            let missing = (CHUNK_SIZE as u64).saturating_sub(self.share.bytes());
            let has_room = !self.buffers.is_tight() && self.share.try_grow(missing);
            return Ok(if has_room { CHUNK_SIZE } else { SMALL_ROOM });
        }
        let wanted = if self.buffers.is_tight() { SMALL_ROOM } else { CHUNK_SIZE };
        if self.credit < wanted as u64 {
            let missing = wanted as u64 - self.credit;
            self.room_for(path, missing, part_size).await?;
        }
        Ok(wanted)
    }

    /// Takes memory, or begins a file.
    async fn room_for(&mut self, path: &StoragePath, bytes: u64, part_size: u64) -> Result<()> {
        if self.share.try_grow(bytes) {
            self.credit += bytes;
            return Ok(());
        }
        if let Some(file) = self.buffers.spill_file().await {
            let file = file.map_err(|error| not_spilled(path, error))?;
            return self.spill(path, file).await;
        }
        // With some room for what is made ready beyond the end of the part.
        let need = (part_size + CHUNK_SIZE as u64).saturating_sub(self.share.bytes());
        self.share.grow(bytes, need).await;
        self.credit += bytes;
        Ok(())
    }

    /// Takes bytes, none of which belong to the part after the next.
    pub(crate) async fn push(&mut self, path: &StoragePath, bytes: Bytes, part_size: u64) -> Result<()> {
        let length = bytes.len() as u64;
        if self.spilled.is_none() && self.credit < length {
            self.room_for(path, length - self.credit, part_size).await?;
        }
        if self.spilled.is_some() {
            return self.append(path, vec![bytes]).await;
        }
        self.credit -= length;
        self.gathered.push(bytes);
        Ok(())
    }

    async fn spill(&mut self, path: &StoragePath, file: OfDisk<File>) -> Result<()> {
        self.spilled = Some(Spilled { file: Arc::new(file), length: 0 });
        let so_far: Vec<Bytes> = self.gathered.take(u64::MAX).into_iter().collect();
        self.append(path, so_far).await?;
        self.credit = 0;
        drop(self.share.take());
        Ok(())
    }

    async fn append(&mut self, path: &StoragePath, chunks: Vec<Bytes>) -> Result<()> {
        let Some(spilled) = &mut self.spilled else { return Ok(()) };
        let (file, start) = (Arc::clone(&spilled.file), spilled.length);
        let length: usize = chunks.iter().map(Bytes::len).sum();
        let threads = file.threads().clone();
        let write = move || {
            let mut position = start;
            for chunk in chunks {
                step();
                file.write_all_at(&chunk, position)?;
                position += chunk.len() as u64;
            }
            Ok(())
        };
        let written = threads.run(Operation::Write, write).await.map_err(|error| not_spilled(path, error))?;
        written.map_err(|error| not_spilled(path, Error::from_io(path, error)))?;
        spilled.length += length as u64;
        drop(self.share.take());
        Ok(())
    }

    /// Takes all there is, with the memory that it takes.
    pub(crate) async fn take(&mut self, path: &StoragePath) -> Result<(PutPayload, Share)> {
        let Some(Spilled { file, length }) = self.spilled.take() else {
            self.credit = 0;
            return Ok((self.gathered.take(u64::MAX), self.share.take()));
        };
        // The bytes are in memory only while they are sent.
        let mut share = Share::new(Arc::clone(&self.buffers));
        share.grow(length, length).await;
        // Allocated on this thread: each of the many threads that may block would keep such memory. All chunks have the size of
        // those that arrive while memory is short: the allocator couldn't use the gaps that these leave for larger ones.
        let mut chunks: Vec<BytesMut> = Vec::new();
        let mut left = usize::try_from(length).unwrap_or(usize::MAX);
        while left > 0 {
            let wanted = left.min(SMALL_ROOM);
            chunks.push(BytesMut::zeroed(wanted));
            left -= wanted;
        }
        let threads = file.threads().clone();
        let read = move || {
            let mut position = 0;
            for chunk in &mut chunks {
                step();
                file.read_exact_at(chunk, position)?;
                position += chunk.len() as u64;
            }
            Ok(chunks.into_iter().map(BytesMut::freeze).collect::<Vec<Bytes>>())
        };
        let chunks = threads.run(Operation::Read, read).await.map_err(|error| not_spilled(path, error))?;
        let chunks = chunks.map_err(|error| not_spilled(path, Error::from_io(path, error)))?;
        Ok((chunks.into_iter().collect(), share))
    }
}

fn not_spilled(path: &StoragePath, error: Error) -> Error {
    Error::with_source(error.kind(), path, format!("in the spill directory: {error}"))
}
