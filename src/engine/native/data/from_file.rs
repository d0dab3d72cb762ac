//! From a file to a connection over TLS, to which the kernel can't send it by itself.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::sync::Arc;

use rustix::io::{Errno, ReadWriteFlags, preadv2};
use wharf_backends::threads::{OfDisk, Operation};
use wharf_backends::{Error, ErrorKind, FileSlice, StoragePath};

use super::TransferError;

/// The size of a read, in bytes: it stays in the processor's cache until it is encrypted.
const PIECE: usize = 128 * 1024;

/// Reads a part of a file, piece by piece into one buffer.
///
/// Pieces that the kernel has in memory are read on this thread, because handing the read to another thread takes
/// longer than the read. A thread of the disk reads the pieces that have to come from the disk, and the first one: the
/// kernel may record on the disk that the file was read, and waits for that.
pub(super) struct FromFile {
    file: Arc<OfDisk<File>>,
    offset: u64,
    left: u64,
    buffer: Vec<u8>,
    is_first: bool,
}

impl FromFile {
    pub(super) fn new(slice: FileSlice) -> Self {
        let FileSlice { file, offset, length } = slice;
        Self { file: Arc::new(file), offset, left: length, buffer: Vec::new(), is_first: true }
    }

    /// The next bytes; none at the end.
    pub(super) async fn next(&mut self) -> Result<&[u8], TransferError> {
        let wanted = usize::try_from(self.left).unwrap_or(PIECE).min(PIECE);
        if wanted == 0 {
            return Ok(&[]);
        }
        self.buffer.resize(wanted.max(self.buffer.len()), 0);
        let cached = match std::mem::take(&mut self.is_first) {
            true => None,
            false => read_cached(&self.file, self.offset, &mut self.buffer[..wanted]),
        };
        let count = match cached {
            Some(count) => count,
            None => {
                let (file, offset, mut buffer) =
                    (Arc::clone(&self.file), self.offset, std::mem::take(&mut self.buffer));
                let threads = file.threads().clone();
                let reading = move || {
                    let count = read(&file, offset, &mut buffer[..wanted]);
                    (buffer, count)
                };
                let (buffer, count) = threads.run(Operation::Read, reading).await?;
                self.buffer = buffer;
                count.map_err(|error| Error::from_io(&StoragePath::root(), error))?
            }
        };
        if count == 0 {
            // Another program cut the file short: the reader must not take that for the end.
            let reason = "the file became shorter while it was read";
            return Err(Error::with_source(ErrorKind::Conflict, &StoragePath::root(), reason).into());
        }
        self.offset += count as u64;
        self.left -= count as u64;
        Ok(&self.buffer[..count])
    }
}

/// Reads without waiting for the disk; `None` if that is not possible now, or not with this file, or fails.
fn read_cached(file: &File, offset: u64, buffer: &mut [u8]) -> Option<usize> {
    loop {
        match preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT) {
            // Some kernels return this if the read would have to wait (preadv2(2), bugs).
            Ok(0) => return None,
            Ok(count) => return Some(count),
            Err(Errno::INTR) => {}
            Err(_) => return None,
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
