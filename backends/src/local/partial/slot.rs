//! The files that hold an upload which stays: its bytes, and a record that says whose they are.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;
use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, RenameFlags, flock, openat, renameat, renameat_with, unlinkat,
};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::super::append::FileId;
use super::super::reserved::PARTIAL_PREFIX;
use super::super::temporary::{self, HiddenName};
use super::super::{disk, open_root::OpenRoot};
use crate::partial::{Keeping, Partial, place};
use crate::{Error, ErrorKind, Result, StoragePath};

/// The end of the name of a record.
const RECORD: &str = ".json";

/// The rights of a record.
const PRIVATE: u32 = 0o600;

/// How long a file may lack its other one: they are made one after the other.
const ALONE: Duration = Duration::from_secs(60 * 60);

/// An upload to which nothing was added for so long may be one whose line is lost: it is listed. What has come is in the file after a
/// second.
const SILENT: Duration = Duration::from_secs(5);

/// How often, and after which pause, a name is looked at again that has just gone: whoever has taken it for their own, and finds that it
/// is not, puts it back at once.
const LOOKS: usize = 3;
const PAUSE: Duration = Duration::from_millis(10);

/// What is written beside the bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    owner: String,
    path: String,
    /// In seconds.
    keep_for: u64,
    /// So many bytes are on the disk also if the machine has failed since.
    pub(super) synced: u64,
}

impl Record {
    pub(super) fn new(path: &StoragePath, keeping: &Keeping, synced: u64) -> Self {
        let Keeping { owner, keep_for } = keeping;
        let (owner, path) = (owner.clone(), path.as_str().to_owned());
        Self { owner, path, keep_for: keep_for.as_secs(), synced }
    }

    fn keeping(&self) -> Keeping {
        Keeping { owner: self.owner.clone(), keep_for: Duration::from_secs(self.keep_for) }
    }

    /// How many bytes of a file can be relied on. A disk may know the length of a file before it has its bytes: what was written
    /// before the machine last started counts as far as it was synced.
    pub(super) fn arrived(&self, length: u64, modified: SystemTime) -> u64 {
        if modified >= machine_started() { length } else { length.min(self.synced) }
    }

    fn partial(&self, length: u64, modified: SystemTime) -> Option<Partial> {
        let path = StoragePath::parse(&self.path).ok()?;
        Partial::of(self.keeping(), path, self.arrived(length, modified), modified, SystemTime::now())
    }
}

fn machine_started() -> SystemTime {
    let up = clock_gettime(ClockId::Boottime);
    let up = Duration::from_secs(u64::try_from(up.tv_sec).unwrap_or(0));
    SystemTime::now().checked_sub(up).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The names of the files of one upload.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) folder: Dir,
    pub(super) data: String,
}

impl Slot {
    /// The files for a path in a directory; `None` if there can be none, because there is no folder for them. One is made if that
    /// is wanted.
    pub(super) fn of(
        root: &OpenRoot,
        directory: &Dir,
        owner: &str,
        path: &StoragePath,
        makes: bool,
    ) -> io::Result<Option<Self>> {
        let Some(folder) = temporary::folder_of(root, directory, makes)? else { return Ok(None) };
        let (owner, directory, name) = place(owner, path);
        Ok(Some(Self { folder, data: format!("{PARTIAL_PREFIX}{owner}{directory}-{name}") }))
    }

    fn record_name(&self) -> String {
        format!("{}{RECORD}", self.data)
    }

    pub(super) fn record(&self) -> io::Result<Option<Record>> {
        let mut text = String::new();
        match open(&self.folder, &self.record_name(), OFlags::RDONLY) {
            Ok(mut file) => file.read_to_string(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // Nothing can be made of a record that a crash has left half-way.
        Ok(serde_json::from_str(&text).ok())
    }

    /// A record is whole or not there.
    pub(super) fn write(&self, record: &Record) -> io::Result<()> {
        let name = temporary::next_name();
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mut file = File::from(openat(&self.folder, &name, flags, Mode::from_raw_mode(PRIVATE))?);
        // Locked, so that no sweep takes it away before it has its name.
        let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
        let written = file
            .write_all(&serde_json::to_vec(record)?)
            .and_then(|()| disk::sync(&file))
            .and_then(|()| Ok(renameat(&self.folder, &name, &self.folder, self.record_name())?));
        if written.is_err() {
            let _ = unlinkat(&self.folder, &name, AtFlags::empty());
        }
        written
    }

    /// The bytes, for reading and writing.
    pub(super) fn open(&self) -> io::Result<Option<File>> {
        match open(&self.folder, &self.data, OFlags::RDWR) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the name still stands for this file: a newer upload of the same name takes it.
    pub(super) fn is_of(&self, file: FileId) -> bool {
        use cap_std::fs::MetadataExt;
        let now = self.folder.symlink_metadata(&self.data);
        now.is_ok_and(|now| (now.dev(), now.ino()) == file)
    }

    /// The name of the bytes as that of an upload, which does not take it away when it ends.
    pub(super) fn hidden(&self) -> io::Result<HiddenName> {
        let reader = open(&self.folder, &self.data, OFlags::RDONLY).ok();
        Ok(HiddenName::staying(self.folder.try_clone()?, self.data.clone(), reader))
    }

    /// Gives the bytes a name that nobody else knows, if the upload is still the one that counts.
    pub(super) fn take(&self, file: FileId, path: &StoragePath) -> Result<String> {
        let taken = self.take_away(file).map_err(|error| Error::from_io(path, error))?;
        taken.ok_or_else(|| {
            Error::with_source(ErrorKind::Conflict, path, "a newer upload has taken its place")
        })
    }

    /// Moves this very file to a name that nobody else knows, and tells which; `None` if the name stands for another one.
    fn take_away(&self, file: FileId) -> io::Result<Option<String>> {
        for look in 0..=LOOKS {
            if !self.is_of(file) {
                if look == LOOKS || self.length()?.is_some() {
                    break;
                }
                std::thread::sleep(PAUSE);
                continue;
            }
            let name = temporary::next_name();
            match renameat(&self.folder, &self.data, &self.folder, &name) {
                Ok(()) => {}
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            }
            let taken = Self { folder: self.folder.try_clone()?, data: name };
            if taken.is_of(file) {
                return Ok(Some(taken.data));
            }
            // A newer upload was faster than the look at its file.
            self.put_back(&taken.data)?;
        }
        Ok(None)
    }

    /// Gives a file its name again, unless a newer one has it by now.
    pub(super) fn put_back(&self, taken: &str) -> io::Result<()> {
        match renameat_with(&self.folder, taken, &self.folder, &self.data, RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => Ok(unlinkat(&self.folder, taken, AtFlags::empty())?),
            // Not every file system can.
            Err(Errno::INVAL | Errno::NOSYS) => Ok(renameat(&self.folder, taken, &self.folder, &self.data)?),
            done => Ok(done?),
        }
    }

    /// What is kept, if it is.
    pub(super) fn partial(&self) -> io::Result<Option<Partial>> {
        let Some(record) = self.record()? else { return Ok(None) };
        let Some((length, modified)) = self.length()? else { return Ok(None) };
        let Some(partial) = record.partial(length, modified) else { return Ok(None) };
        Ok(Some(Partial { under_way: self.is_held(modified)?, ..partial }))
    }

    /// Whether an upload holds the bytes. One that goes on with them waits for a look like this one. Where a file system has no locks,
    /// only silence tells.
    fn is_held(&self, modified: SystemTime) -> io::Result<bool> {
        match open(&self.folder, &self.data, OFlags::RDONLY) {
            Ok(file) => Ok(match flock(&file, FlockOperation::NonBlockingLockShared) {
                Ok(()) => false,
                Err(Errno::WOULDBLOCK) => true,
                Err(_) => !is_silent(modified),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn length(&self) -> io::Result<Option<(u64, SystemTime)>> {
        match self.folder.symlink_metadata(&self.data) {
            Ok(found) => Ok(Some((found.len(), found.modified()?.into_std()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes both files, if they are those of this upload. Says whether they were.
    pub(super) fn remove_own(&self, file: FileId) -> io::Result<bool> {
        let Some(taken) = self.take_away(file)? else { return Ok(false) };
        unlinkat(&self.folder, &taken, AtFlags::empty())?;
        self.remove_lone_record()?;
        Ok(true)
    }

    /// Removes the record, unless a newer upload has the name by now.
    pub(super) fn remove_lone_record(&self) -> io::Result<()> {
        if self.length()?.is_none() {
            self.remove_record();
        }
        Ok(())
    }

    /// Removes both files. Says whether there were bytes.
    pub(super) fn remove(&self) -> io::Result<bool> {
        let removed = match unlinkat(&self.folder, &self.data, AtFlags::empty()) {
            Ok(()) => true,
            Err(Errno::NOENT) => false,
            Err(error) => return Err(error.into()),
        };
        self.remove_record();
        Ok(removed)
    }

    pub(super) fn remove_record(&self) {
        if let Err(error) = unlinkat(&self.folder, self.record_name(), AtFlags::empty())
            && error != Errno::NOENT
        {
            tracing::warn!(name = self.data, %error, "can't remove the record of an upload");
        }
    }
}

fn open(folder: &Dir, name: &str, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    Ok(File::from(openat(folder, name, flags, Mode::empty())?))
}

fn is_silent(modified: SystemTime) -> bool {
    modified.elapsed().is_ok_and(|silence| silence >= SILENT)
}

/// The uploads whose records are in a folder, of those whose names begin so, without those that are under way and not silent.
pub(super) fn all_in(folder: &Dir, prefix: &str, found: &mut Vec<Partial>) -> io::Result<()> {
    for entry in folder.entries()? {
        crate::threads::step();
        let name = entry?.file_name();
        let Some(data) = name.to_str().and_then(|name| name.strip_suffix(RECORD)) else { continue };
        if data.starts_with(prefix) {
            let slot = Slot { folder: folder.try_clone()?, data: data.to_owned() };
            found.extend(slot.partial()?.filter(|partial| !partial.under_way || is_silent(partial.modified)));
        }
    }
    Ok(())
}

/// The beginning of the names of all uploads of an owner in the directory of a path.
pub(super) fn prefix_of(owner: &str, path: &StoragePath) -> String {
    let (owner, directory, _) = place(owner, path);
    format!("{PARTIAL_PREFIX}{owner}{directory}-")
}

/// Removes what nobody has come back for in its time; says whether it did. What an upload has under way stays.
pub(in super::super) fn sweep(folder: &Dir, name: &str) -> io::Result<bool> {
    let is_old = |modified: SystemTime, age: Duration| modified.elapsed().is_ok_and(|elapsed| elapsed >= age);
    if let Some(data) = name.strip_suffix(RECORD) {
        let slot = Slot { folder: folder.try_clone()?, data: data.to_owned() };
        let written = folder.symlink_metadata(name)?.modified()?.into_std();
        if slot.length()?.is_none() && is_old(written, ALONE) {
            slot.remove_record();
        }
        return Ok(false);
    }
    let slot = Slot { folder: folder.try_clone()?, data: name.to_owned() };
    let Some(file) = slot.open()? else { return Ok(false) };
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(false);
    }
    let metadata = file.metadata()?;
    let kept = slot.record()?.map_or(ALONE, |record| record.keeping().keep_for);
    Ok(is_old(metadata.modified()?, kept) && slot.remove_own((metadata.dev(), metadata.ino()))?)
}
