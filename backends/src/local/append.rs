//! Putting the tail of an append behind the end of its file.
//!
//! An append costs what is appended, so the file is not copied: what arrives is kept in a file of its own, and at the end it
//! is put behind what is there by then. Three things keep the laws meanwhile:
//!
//! - **Turns.** Appends to one file wait for each other, by its inode, so that each finds the end of the one before.
//! - **A record.** Before the first byte a record is written, in the folder for hidden names: which file, how long it was, and
//!   how long it is to become. It goes when the last byte is there. A record that is found without its owner tells of an
//!   append that was cut off, and the file gets its old length back: at the start of a server, and before the next append.
//!   The owner has locked it, which also makes other processes wait for their turn.
//! - **The end of the file as the system knows it.** It is opened to append, so that programs which write to it beside the
//!   server lose nothing either.
//!
//! What is short goes the short way where nothing has to survive a crash of the machine: see [`Place::put_at_once`].
//!
//! Whoever reads the file at that moment may see a part of the tail; a download that had begun before does not.

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
use super::root::OpenRoot;
use super::temporary::{self, FOLDER};
use crate::threads::step;
use crate::turns::{Turn, Turns};
use crate::{CHUNK_SIZE, Error, ErrorKind, Metadata, Result, StoragePath};

/// What tells a file from all others of this machine.
pub(super) type FileId = (u64, u64);

/// The turns of this process.
static TURNS: LazyLock<Turns<FileId>> = LazyLock::new(Turns::default);

/// How long the append of another process may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long somebody who has locked the file itself is waited for. Other servers have it for a moment, and no other program is
/// known to keep it.
const MOMENT: Duration = Duration::from_secs(5);

/// The smallest page of memory that Linux has, in bytes.
const PAGE: u64 = 4096;

/// Waits until nobody else of this process changes the file.
pub(super) async fn turn(file: FileId) -> Turn {
    TURNS.take(file).await
}

/// The same without waiting.
pub(super) fn turn_now(file: FileId) -> Option<Turn> {
    TURNS.try_take(file)
}

/// Opens a file to append to it. Links are followed while they stay inside the root.
pub(super) fn open(root: &OpenRoot, path: &StoragePath) -> Result<(File, FileId)> {
    let (base, rest) = located(root, path)?;
    // Opening a named pipe would wait for a reader, maybe for ever.
    let flags = open_flags(root, OFlags::NONBLOCK | OFlags::NOCTTY);
    refuse_link(root, &base, rest).map_err(|error| Error::from_io(path, error))?;
    open_in(&base, rest, flags, path)
}

/// The same by a handle; `name` may lead through directories.
pub(super) fn open_in(base: &Dir, name: &str, flags: i32, path: &StoragePath) -> Result<(File, FileId)> {
    let mut options = OpenOptions::new();
    options.append(true).custom_flags(flags);
    let file = base.open_with(name, &options).map_err(|error| Error::from_io(path, error))?;
    let file = file.into_std();
    let found = file.metadata().map_err(|error| Error::from_io(path, error))?;
    if !found.is_file() {
        return Err(Error::with_source(ErrorKind::PermissionDenied, path, "not a regular file"));
    }
    Ok((file, (found.dev(), found.ino())))
}

/// Whether a file can be appended to, without opening it to write: programs that watch it would take the end of that for the end
/// of the append. `own` stands under the name of `path`, in `directory`.
pub(super) fn check(root: &OpenRoot, path: &StoragePath, directory: &Dir, own: &OwnMetadata) -> Result<()> {
    if own.is_symlink() {
        // One that leads somewhere inside was followed before. Where this one leads nowhere, a new file takes its place.
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
        // It is gone, and a new one is made; or the system can't tell, and it is found out when it is opened.
        Ok(()) | Err(Errno::NOENT | Errno::NOSYS | Errno::INVAL) => Ok(()),
        Err(error) => Err(Error::from_io(path, error.into())),
    }
}

/// The file that an append to `path` goes to.
pub(super) fn find(root: &OpenRoot, path: &StoragePath) -> Result<FileId> {
    let (base, rest) = located(root, path)?;
    refuse_link(root, &base, rest).map_err(|error| Error::from_io(path, error))?;
    let found = base.metadata(rest).map_err(|error| Error::from_io(path, error))?;
    Ok((cap_std::fs::MetadataExt::dev(&found), cap_std::fs::MetadataExt::ino(&found)))
}

/// What is put behind the end of a file.
#[derive(Clone, Copy)]
pub(super) enum Tail<'a> {
    /// All of this file.
    File(&'a File),
    /// What no file was needed for.
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

/// Where something is put behind the end of a file.
pub(super) struct Place<'a> {
    pub(super) root: &'a Dir,
    pub(super) directory: &'a Dir,
    pub(super) path: &'a StoragePath,
    /// To be durable when it is done.
    pub(super) sync: bool,
}

impl Place<'_> {
    /// Puts `tail` behind the end of `file`, whose turn the caller has. If `version` is given, the file must still be that.
    /// Blocks.
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

    /// Has the disk say what became of the bytes that were written, where it would say it too late.
    fn confirm(&self, file: &File) -> io::Result<()> {
        if self.sync || disk::tells_late(file) { disk::sync_data(file) } else { Ok(()) }
    }

    fn metadata(&self, file: &File) -> Result<Metadata> {
        let found = file.metadata().map_err(|error| Error::from_io(self.path, error))?;
        Ok(metadata_of(&cap_std::fs::Metadata::from_just_metadata(found)))
    }

    /// Writes all at once, where it goes into one page of the file: the end of the process does not cut that off, so there is
    /// no half of it that a record would have to tell of. A file that is made and removed for each append would cost more than
    /// all else, as some file systems look long for a number that was not used lately. `None` if it can't be done so, or
    /// another process is appending.
    fn put_at_once(&self, file: &File, chunks: &[Bytes], version: Option<u64>) -> Result<Option<Metadata>> {
        let io = |error| Error::from_io(self.path, error);
        let found = file.metadata().map_err(io)?;
        // Where a write may fail later, so may what takes it back.
        if disk::tells_late(file) || !lock(file, Duration::ZERO) || self.has_record(&found) {
            return Ok(None);
        }
        // It may have grown before the lock.
        let found = file.metadata().map_err(io)?;
        if version.is_some_and(|version| version_of(&found) != Some(version)) {
            return Err(Error::new(ErrorKind::Conflict, self.path));
        }
        let (old, bytes) = (found.len(), chunks.concat());
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
            // What somebody else has appended meanwhile stays.
            Ok(length) => match file.metadata().map_err(io)?.len() == old + length as u64 {
                true => file.set_len(old).map(|()| None).map_err(io),
                false => Err(Error::with_source(ErrorKind::Conflict, self.path, "a part of it was written")),
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(io(error)),
        }
    }

    /// Whether a record tells of an append to the file, under way or cut off.
    fn has_record(&self, found: &std::fs::Metadata) -> bool {
        let name = name_of_record(found);
        let is_there = |directory: &Dir, name: &str| {
            !matches!(statat(directory, name, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT | Errno::NOTDIR))
        };
        is_there(self.root, &format!("{FOLDER}/{name}")) || is_there(self.directory, &name)
    }

    /// Takes the record of a file, and undoes the append that it tells of, if any.
    fn record(&self, file: &File) -> Result<(Dir, Owner)> {
        let io = |error| Error::from_io(self.path, error);
        let folder = match temporary::folder(self.root) {
            Ok(folder) => folder,
            // The root may only be read, and this directory written to.
            Err(_) => self.directory.try_clone().map_err(io)?,
        };
        let found = file.metadata().map_err(io)?;
        let owner = Owner::take(&folder, name_of_record(&found), PATIENCE).map_err(io)?;
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

/// Locks a file until it is closed, and says whether that was possible: other programs may have locked it, or the file system
/// has no locks.
fn lock(file: &File, patience: Duration) -> bool {
    let began = Instant::now();
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return true,
            Err(Errno::WOULDBLOCK) if began.elapsed() < patience => {
                std::thread::sleep(PAUSE);
                // It is no disk that is waited for.
                step();
            }
            Err(_) => return false,
        }
    }
}

/// The version of an open file, as [`Metadata`] has it.
fn version_of(found: &std::fs::Metadata) -> Option<u64> {
    metadata_of(&cap_std::fs::Metadata::from_just_metadata(found.clone())).version
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
