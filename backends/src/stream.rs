//! Streams of bytes, and work that may block.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::stream;

use crate::threads::{DiskThreads, Job, OfDisk, Operation, step};
use crate::{Error, ErrorKind, Result, StoragePath};

/// Chunks of a file as they arrive. It ends after the first error.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// The size of blocks for reading and writing files, in bytes. Smaller blocks make a transfer several times slower;
/// larger ones only cost memory.
pub const CHUNK_SIZE: usize = 256 * 1024;

/// Runs a long computation on a thread of the pool for computations. Work that waits for a disk does not belong here:
/// it has [threads of its own](DiskThreads).
///
/// # Errors
/// [`ErrorKind::Other`] if the work panicked: then this one operation fails, not the server.
pub(crate) async fn computing<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::with_source(ErrorKind::Other, &StoragePath::root(), error))
}

/// Whether a task still waits for work on another thread. Nothing can stop a thread from outside, so long work checks
/// this.
#[derive(Debug, Clone)]
pub(crate) struct Wanted(Arc<AtomicBool>);

impl Wanted {
    /// # Errors
    /// If no task waits any more; then no task sees the error either.
    pub(crate) fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(Error::with_source(ErrorKind::Other, &StoragePath::root(), "nobody waits for it any more"))
    }
}

impl Drop for WantedUntilDropped {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

struct WantedUntilDropped(Wanted);

/// Like [`DiskThreads::run`], for long work, which can check whether the future still exists.
pub(crate) async fn while_wanted<T, F>(threads: &DiskThreads, operation: Operation, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&Wanted) -> T + Send + 'static,
{
    let wanted = WantedUntilDropped(Wanted(Arc::new(AtomicBool::new(true))));
    let for_work = wanted.0.clone();
    let done = threads.run(operation, move || work(&for_work)).await;
    drop(wanted);
    done
}

/// A part of an open file.
#[derive(Debug)]
pub struct FileSlice {
    /// Opened for reading; its own position is not used.
    pub file: OfDisk<File>,
    /// The first byte of the part.
    pub offset: u64,
    /// Bytes in the part, at the time it was opened.
    pub length: u64,
}

impl FileSlice {
    /// The bytes as a stream; the next block is read while the caller uses the last one.
    pub fn into_stream(self) -> ByteStream {
        let read_ahead = start_read(self);
        Box::pin(stream::try_unfold(Some(read_ahead), async |pending| {
            let Some(pending) = pending else { return Ok(None) };
            let Some((block, rest)) = pending.await?? else { return Ok(None) };
            let next = (rest.length > 0).then(|| start_read(rest));
            Ok(Some((block, next)))
        }))
    }

    /// Passes all blocks to `use_block`, on this thread, until it fails. Blocks.
    pub(crate) fn for_each_block(self, mut use_block: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut slice = self;
        while let Some((block, rest)) = slice.read_block()? {
            step();
            use_block(&block)?;
            slice = rest;
        }
        Ok(())
    }

    /// All bytes, read on this thread. Blocks. Only for content that is known to be small.
    pub(crate) fn read_all(self) -> Result<Vec<Bytes>> {
        let (mut blocks, mut slice) = (Vec::new(), self);
        while let Some((block, rest)) = slice.read_block()? {
            blocks.push(block);
            slice = rest;
        }
        Ok(blocks)
    }

    /// Reads one block. `None` at the end.
    fn read_block(mut self) -> Result<Option<(Bytes, Self)>> {
        let wanted = usize::try_from(self.length).unwrap_or(CHUNK_SIZE).min(CHUNK_SIZE);
        if wanted == 0 {
            return Ok(None);
        }
        let mut block = BytesMut::zeroed(wanted);
        let mut filled = 0;
        while filled < wanted {
            match self.file.read_at(&mut block[filled..], self.offset + filled as u64) {
                // Somebody else cut the file short: its reader must not take that for the end.
                Ok(0) => {
                    return Err(Error::with_source(
                        ErrorKind::Conflict,
                        &StoragePath::root(),
                        "the file became shorter while it was read",
                    ));
                }
                Ok(n) => filled += n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::from_io(&StoragePath::root(), error)),
            }
        }
        self.offset += filled as u64;
        self.length -= filled as u64;
        Ok(Some((block.freeze(), self)))
    }
}

type Block = Result<Option<(Bytes, FileSlice)>>;

fn start_read(slice: FileSlice) -> Job<Block> {
    let threads = slice.file.threads().clone();
    threads.begin(Operation::Read, move || slice.read_block())
}
