//! From a file to whatever the kernel can't send it to by itself: TLS.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::sync::Arc;

use rustix::io::{Errno, ReadWriteFlags, preadv2};
use wharf_backends::threads::{OfDisk, Operation};
use wharf_backends::{Error, ErrorKind, FileSlice, StoragePath};

use super::TransferError;

/// What is read at once, in bytes: it stays in the cache of the processor until it is encrypted.
const PIECE: usize = 128 * 1024;

/// Reads a part of a file, piece by piece into one buffer.
///
/// What the kernel has in memory is read right here, since to have another thread do it takes longer than the reading.
/// A thread of the disk is asked for what has to come from there, and for the first piece: the kernel may note on the disk
/// that the file was read, and waits for that.
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
            // Somebody else cut the file short: its reader must not take that for the end.
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
            // Some kernels say so where it would have to wait (preadv2(2), bugs).
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
