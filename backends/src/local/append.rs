//! Adds the bytes of an append to the end of its file.
//!
//! The plan. The cost of an append depends on its bytes, so the file is not copied: arriving bytes are kept in a file
//! of their own, and at the end of the upload they are added to the end of the target file. Three things keep the laws
//! meanwhile:
//!
//! - **Turns.** Appends to one file wait for each other, by its inode, so that each finds the end of the one before.
//! - **A record.** Before the first byte a record is written, in the folder for hidden names: which file, how long it
//!   was, and how long it will be. The record is removed after the last byte. A record without an owner shows an append
//!   that was cut off; the file then gets its old length back, at the start of a server and before the next append. The
//!   owner locks the record, which also makes other processes wait for their turn.
//! - **The end of the file as the system knows it.** The file is opened with O_APPEND, so that programs which write to
//!   it beside the server lose nothing either.
//!
//! Short appends take a shorter way if nothing has to survive a crash of the machine: see [`Destination::put_at_once`].
//!
//! A program that reads the file at that moment may see a part of the new bytes; a download that began earlier does
//! not.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cap_std::fs::{Dir, Metadata as OwnMetadata, OpenOptions, OpenOptionsExt};
use rustix::fs::{Access, AtFlags, FlockOperation, OFlags, accessat, flock, statat};
use rustix::io::Errno;

use super::append_record::{Owner, PAUSE, Record, name_of_record, undo};
use super::disk;
use super::located::{located, open_flags, refuse_link};
use super::metadata_of;
use super::open_root::OpenRoot;
use super::reserved::FOLDER;
use super::temporary;
use crate::threads::step;
use crate::turns::{Turn, Turns};
use crate::{CHUNK_SIZE, Error, ErrorKind, Metadata, Result, StoragePath};

/// Identifies a file among all files of this machine.
pub(super) type FileId = (u64, u64);

/// The turns of this process.
static TURNS: LazyLock<Turns<FileId>> = LazyLock::new(Turns::default);

/// The longest wait for the append of another process.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest wait for a program that has locked the file itself. Other servers hold the lock for a moment, and no
/// other program is known to keep it.
const MOMENT: Duration = Duration::from_secs(5);

/// The smallest page of memory that Linux has, in bytes.
const PAGE: u64 = 4096;

/// Waits until no other task of this process changes the file.
pub(super) async fn turn(file: FileId) -> Turn {
    TURNS.take(file).await
}

/// The same without waiting.
pub(super) fn turn_now(file: FileId) -> Option<Turn> {
    TURNS.try_take(file)
}

/// Opens a file to append to it. Links are followed if they stay inside the root.
pub(super) fn open(root: &OpenRoot, path: &StoragePath) -> Result<(File, FileId)> {
    let (base, rest) = located(root, path)?;
    // Opening a named pipe would wait for a reader, possibly for ever.
    let flags = open_flags(root, OFlags::NONBLOCK | OFlags::NOCTTY);
    refuse_link(root, &base, rest).map_err(|error| Error::from_io(path, error))?;
    open_in(&base, rest, flags, path)
}

/// The same through a handle; `name` may lead through directories.
pub(super) fn open_in(base: &Dir, name: &str, flags: i32, path: &StoragePath) -> Result<(File, FileId)> {
    let mut options = OpenOptions::new();
    options.append(true).custom_flags(flags);
    let file = base.open_with(name, &options).map_err(|error| Error::from_io(path, error))?;
    let file = file.into_std();
    let metadata = file.metadata().map_err(|error| Error::from_io(path, error))?;
    if !metadata.is_file() {
        return Err(Error::with_source(ErrorKind::PermissionDenied, path, "not a regular file"));
    }
    Ok((file, (metadata.dev(), metadata.ino())))
}

/// Whether a file can be appended to, without opening it for writing: programs that watch the file would take its
/// closing for the end of the append. `own` is the entry under the name of `path`, in `directory`.
pub(super) fn check(root: &OpenRoot, path: &StoragePath, directory: &Dir, own: &OwnMetadata) -> Result<()> {
    if own.is_symlink() {
        // A link that leads to a place inside was followed before. If this one is dangling, a new file takes its place.
        return match open(root, path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let name = path.name().unwrap_or_default();
    if !own.is_file() {
        return Err(Error::with_source(ErrorKind::PermissionDenied, path, "not a regular file"));
    }
    match accessat(directory, name, Access::WRITE_OK, AtFlags::EACCESS | AtFlags::SYMLINK_NOFOLLOW) {
        // The file is gone, and a new one is made; or the system can't answer, and opening the file will.
        Ok(()) | Err(Errno::NOENT | Errno::NOSYS | Errno::INVAL) => Ok(()),
        Err(error) => Err(Error::from_io(path, error.into())),
    }
}

/// The file that an append to `path` goes to.
pub(super) fn find(root: &OpenRoot, path: &StoragePath) -> Result<FileId> {
    let (base, rest) = located(root, path)?;
    refuse_link(root, &base, rest).map_err(|error| Error::from_io(path, error))?;
    let metadata = base.metadata(rest).map_err(|error| Error::from_io(path, error))?;
    Ok((cap_std::fs::MetadataExt::dev(&metadata), cap_std::fs::MetadataExt::ino(&metadata)))
}

/// The bytes to add to the end of a file.
#[derive(Clone, Copy)]
pub(super) enum Tail<'a> {
    /// The whole content of this file.
    File(&'a File),
    /// Bytes that needed no file.
    Held(&'a [Bytes]),
}

impl Tail<'_> {
    fn len(self) -> io::Result<u64> {
        match self {
            Self::File(file) => Ok(file.metadata()?.len()),
            Self::Held(chunks) => Ok(chunks.iter().map(|bytes| bytes.len() as u64).sum()),
        }
    }

    fn copy_to(self, mut file: &File) -> io::Result<()> {
        match self {
            Self::File(tail) => copy(tail, file),
            Self::Held(chunks) => chunks.iter().try_for_each(|bytes| file.write_all(bytes)),
        }
    }
}

/// The file whose end is extended.
pub(super) struct Destination<'a> {
    pub(super) root: &'a Dir,
    pub(super) directory: &'a Dir,
    pub(super) path: &'a StoragePath,
    /// Whether the append has to be durable when it is done.
    pub(super) sync: bool,
}

impl Destination<'_> {
    /// Adds `tail` to the end of `file`, whose turn the caller has. If `version` is given, the file must still have
    /// this version. Blocks.
    pub(super) fn put_behind(&self, file: &File, tail: Tail<'_>, version: Option<u64>) -> Result<Metadata> {
        let io = |error| Error::from_io(self.path, error);
        if let (Tail::Held(chunks), false) = (tail, self.sync)
            && let Some(metadata) = self.put_at_once(file, chunks, version)?
        {
            return Ok(metadata);
        }
        let (folder, owner) = self.record(file)?;
        lock(file, MOMENT);
        let record = match self.begin(file, tail, version, &folder, &owner) {
            Ok(Some(record)) => record,
            nothing => {
                owner.remove();
                return nothing.and_then(|_| self.metadata(file));
            }
        };
        if let Err(error) = tail.copy_to(file).and_then(|()| self.confirm(file)) {
            owner.settle(&undo(file, &record));
            return Err(io(error));
        }
        owner.remove();
        // The record must not come back after a crash: the bytes would be taken for half an append.
        if self.sync {
            super::sync_directory(&folder, self.path)?;
        }
        self.metadata(file)
    }

    /// Writes the record of an append; `None` if there is nothing to append.
    fn begin(
        &self,
        file: &File,
        tail: Tail<'_>,
        version: Option<u64>,
        folder: &Dir,
        owner: &Owner,
    ) -> Result<Option<Record>> {
        let io = |error| Error::from_io(self.path, error);
        let old = file.metadata().map_err(io)?;
        if version.is_some_and(|version| version_of(&old) != Some(version)) {
            return Err(Error::new(ErrorKind::Conflict, self.path));
        }
        let added = tail.len().map_err(io)?;
        if added == 0 {
            return Ok(None);
        }
        let record = Record::of(file, old.len(), old.len() + added, self.path).map_err(io)?;
        owner.write(&record, self.sync).map_err(io)?;
        if self.sync {
            super::sync_directory(folder, self.path)?;
        }
        Ok(Some(record))
    }

    /// Syncs the written bytes, if the disk would otherwise report a failure too late.
    fn confirm(&self, file: &File) -> io::Result<()> {
        if self.sync || disk::reports_late(file) { disk::sync_data(file) } else { Ok(()) }
    }

    fn metadata(&self, file: &File) -> Result<Metadata> {
        let metadata = file.metadata().map_err(|error| Error::from_io(self.path, error))?;
        Ok(metadata_of(&cap_std::fs::Metadata::from_just_metadata(metadata)))
    }

    /// Writes all bytes at once, if they fit into one page of the file: the end of the process does not cut such a
    /// write off, so no record is needed. Making and removing a file for each append would cost more than everything
    /// else, because some file systems search long for a free inode number. `None` if it is not possible, or if another
    /// process is appending.
    fn put_at_once(&self, file: &File, chunks: &[Bytes], version: Option<u64>) -> Result<Option<Metadata>> {
        let io = |error| Error::from_io(self.path, error);
        let metadata = file.metadata().map_err(io)?;
        // If a write may fail later, so may its undoing.
        if disk::reports_late(file) || !lock(file, Duration::ZERO) || self.has_record(&metadata) {
            return Ok(None);
        }
        // The file may have grown before the lock.
        let metadata = file.metadata().map_err(io)?;
        if version.is_some_and(|version| version_of(&metadata) != Some(version)) {
            return Err(Error::new(ErrorKind::Conflict, self.path));
        }
        let (old, bytes) = (metadata.len(), chunks.concat());
        if bytes.is_empty() {
            return self.metadata(file).map(Some);
        }
        let last = old + bytes.len() as u64 - 1;
        if old / PAGE != last / PAGE {
            return Ok(None);
        }
        let mut end = file;
        match end.write(&bytes) {
            Ok(length) if length == bytes.len() => self.metadata(file).map(Some),
            // Bytes that another program has appended meanwhile stay.
            Ok(length) => match file.metadata().map_err(io)?.len() == old + length as u64 {
                true => file.set_len(old).map(|()| None).map_err(io),
                false => Err(Error::with_source(ErrorKind::Conflict, self.path, "a part of it was written")),
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(io(error)),
        }
    }

    /// Whether there is a record of an append to the file, running or cut off.
    fn has_record(&self, metadata: &std::fs::Metadata) -> bool {
        let name = name_of_record(metadata);
        let is_there = |directory: &Dir, name: &str| {
            !matches!(statat(directory, name, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT | Errno::NOTDIR))
        };
        is_there(self.root, &format!("{FOLDER}/{name}")) || is_there(self.directory, &name)
    }

    /// Takes over the record of a file, and undoes its append, if there is one.
    fn record(&self, file: &File) -> Result<(Dir, Owner)> {
        let io = |error| Error::from_io(self.path, error);
        let folder = match temporary::folder(self.root) {
            Ok(folder) => folder,
            // The root may be read-only while this directory is writable.
            Err(_) => self.directory.try_clone().map_err(io)?,
        };
        let metadata = file.metadata().map_err(io)?;
        let owner = Owner::take(&folder, name_of_record(&metadata), PATIENCE).map_err(io)?;
        let Some(owner) = owner else {
            let reason = "another process is appending to the file";
            return Err(Error::with_source(ErrorKind::Unavailable, self.path, reason));
        };
        if let Some(record) = owner.read().map_err(io)? {
            owner.report(&undo(file, &record).map_err(io)?, &record);
        }
        Ok((folder, owner))
    }
}

/// Locks a file until it is closed, and returns whether that was possible: other programs may have locked it, or the
/// file system may have no locks.
fn lock(file: &File, patience: Duration) -> bool {
    let began = Instant::now();
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return true,
            Err(Errno::WOULDBLOCK) if began.elapsed() < patience => {
                std::thread::sleep(PAUSE);
                // This does not wait for a disk.
                step();
            }
            Err(_) => return false,
        }
    }
}

/// The version of an open file, as in [`Metadata`].
fn version_of(metadata: &std::fs::Metadata) -> Option<u64> {
    metadata_of(&cap_std::fs::Metadata::from_just_metadata(metadata.clone())).version
}

fn copy(tail: &File, mut file: &File) -> io::Result<()> {
    let length = tail.metadata()?.len();
    let mut block = vec![0; CHUNK_SIZE.min(usize::try_from(length).unwrap_or(CHUNK_SIZE))];
    let mut offset = 0;
    loop {
        match tail.read_at(&mut block, offset) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                file.write_all(&block[..length])?;
                step();
                offset += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
#[path = "append_tests.rs"]
mod tests;
