//! From a file to a connection over TLS, to which the kernel can't send it by itself.
//!
//! The plan. Handing a read to another thread takes longer than reading bytes that the kernel has in memory, so these
//! are read on this thread, with a call that fails if it would have to wait for the disk. Many file systems do not know
//! that call: tmpfs, overlayfs and FUSE, among others. There, and where the bytes are not in memory, a thread of the disk
//! reads the next piece while the last one is encrypted and sent.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tokio::sync::{Semaphore, SemaphorePermit};
use wharf_backends::threads::{Job, OfDisk, Operation};
use wharf_backends::{Error, ErrorKind, FileSlice, StoragePath};

use super::TransferError;

/// The size of a read, in bytes: it stays in the processor's cache until it is encrypted.
const PIECE: usize = 128 * 1024;

/// The size of a read by another thread: changing threads takes as long as reading a part of it.
const PIECE_AHEAD: usize = 256 * 1024;

/// How many pieces are read ahead after one that was not in memory, before the memory is tried again.
const AHEAD: u32 = 16;

/// A client that takes longer for a piece is slow: for it, the next piece is not read before it is needed.
const QUICK: Duration = Duration::from_millis(100);

/// How many transfers may read ahead at once, each with two pieces in memory: whoever was quick may become slow.
static READERS_AHEAD: Semaphore = Semaphore::const_new(256);

/// Reads a part of a file, piece by piece.
pub(super) struct FromFile {
    file: Arc<OfDisk<File>>,
    /// Where the next piece begins that is not yet handed out.
    offset: u64,
    left: u64,
    /// The piece that was handed out last.
    buffer: Vec<u8>,
    way: Way,
    /// The next piece, if a thread reads it.
    ahead: Option<Job<Piece>>,
    place: Option<SemaphorePermit<'static>>,
    /// When the last piece was handed out, and how long a quick client takes for it.
    handed: Instant,
    quick: Duration,
}

/// How the next piece is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By a thread of the disk: the kernel may record on the disk that the file was read, and waits for that.
    First,
    /// On this thread, if the kernel has it in memory.
    Cached,
    /// The next pieces by a thread of the disk, then again from memory.
    Ahead(u32),
    /// All by a thread of the disk.
    AlwaysAhead,
}

/// What a thread of the disk has read.
struct Piece {
    buffer: Vec<u8>,
    count: io::Result<usize>,
}

impl FromFile {
    pub(super) fn new(slice: FileSlice) -> Self {
        let FileSlice { file, offset, length } = slice;
        let file = Arc::new(file);
        Self {
            file,
            offset,
            left: length,
            buffer: Vec::new(),
            way: Way::First,
            ahead: None,
            place: None,
            handed: Instant::now(),
            quick: QUICK,
        }
    }

    /// The next bytes; none at the end.
    pub(super) async fn next(&mut self) -> Result<&[u8], TransferError> {
        if self.left == 0 {
            return Ok(&[]);
        }
        if self.handed.elapsed() > self.quick {
            self.place = None;
        } else if matches!(self.way, Way::Ahead(_) | Way::AlwaysAhead) && self.place.is_none() {
            self.place = READERS_AHEAD.try_acquire().ok();
        }
        let count = match self.read_here() {
            Some(count) => count,
            None => self.read_there().await?,
        };
        if count == 0 {
            // Another program cut the file short: the reader must not take that for the end.
            let reason = "the file became shorter while it was read";
            return Err(Error::with_source(ErrorKind::Conflict, &StoragePath::root(), reason).into());
        }
        self.handed = Instant::now();
        Ok(&self.buffer[..count])
    }

    /// Reads the next piece on this thread; `None` if that is not the way, or would have to wait for the disk.
    fn read_here(&mut self) -> Option<usize> {
        if self.way != Way::Cached {
            return None;
        }
        let wanted = at_most(self.left, PIECE);
        self.buffer.resize(wanted.max(self.buffer.len()), 0);
        match read_cached(&self.file, self.offset, &mut self.buffer[..wanted]) {
            Cached::Read(count) => {
                self.pass(count);
                return Some(count);
            }
            Cached::Elsewhere => self.way = Way::Ahead(AHEAD),
            Cached::Unsupported => self.way = Way::AlwaysAhead,
        }
        None
    }

    /// Waits for a thread of the disk that reads the next piece, and lets it go on with the one behind.
    async fn read_there(&mut self) -> Result<usize, TransferError> {
        let reading = match self.ahead.take() {
            Some(reading) => reading,
            None => {
                let buffer = std::mem::take(&mut self.buffer);
                self.begin_read(buffer)
            }
        };
        let piece = reading.await?;
        let spare = std::mem::replace(&mut self.buffer, piece.buffer);
        let count = piece.count.map_err(|error| Error::from_io(&StoragePath::root(), error))?;
        self.pass(count);
        self.way = match self.way {
            Way::First | Way::Ahead(0) => Way::Cached,
            Way::Ahead(left) => Way::Ahead(left - 1),
            way => way,
        };
        if matches!(self.way, Way::Cached) {
            self.place = None;
        }
        if self.place.is_some() && count > 0 && self.left > 0 {
            self.ahead = Some(self.begin_read(spare));
        }
        Ok(count)
    }

    /// Lets a thread of the disk read the next piece.
    fn begin_read(&self, mut buffer: Vec<u8>) -> Job<Piece> {
        let most = if self.place.is_some() { PIECE_AHEAD } else { PIECE };
        buffer.truncate(most);
        buffer.shrink_to(most);
        let wanted = at_most(self.left, most);
        let (file, offset) = (Arc::clone(&self.file), self.offset);
        self.file.threads().begin(Operation::Read, move || {
            buffer.resize(wanted.max(buffer.len()), 0);
            let count = read(&file, offset, &mut buffer[..wanted]);
            Piece { buffer, count }
        })
    }

    fn pass(&mut self, count: usize) {
        self.offset += count as u64;
        self.left -= count as u64;
    }
}

fn at_most(left: u64, most: usize) -> usize {
    usize::try_from(left).unwrap_or(most).min(most)
}

/// The result of a read that must not wait for the disk.
#[derive(Debug, PartialEq, Eq)]
enum Cached {
    Read(usize),
    /// The bytes are not in memory, or the read fails.
    Elsewhere,
    /// The kernel can't tell for this file.
    Unsupported,
}

fn read_cached(file: &File, offset: u64, buffer: &mut [u8]) -> Cached {
    loop {
        match preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT) {
            // Some kernels return this if the read would have to wait (preadv2(2), bugs).
            Ok(0) => return Cached::Elsewhere,
            Ok(count) => return Cached::Read(count),
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM) => return Cached::Unsupported,
            Err(_) => return Cached::Elsewhere,
        }
    }
}

fn read(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

#[cfg(test)]
#[path = "from_file_tests.rs"]
mod tests;
