//! Where uploads live until they are finished.
//!
//! Where the file system can (`O_TMPFILE`), an upload is a file without a name, which the kernel frees however
//! the process ends. Else, and for the moment in which it replaces another file, it has a hidden name
//! in a folder kept for that at the root, or, for another file system that is mounted below the root, at the top of that
//! one. Where such a folder can't be made, the hidden name stands beside its target. A lock on the file tells a living
//! upload from a leftover.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, MetadataExt};
use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, RenameFlags, flock, linkat, openat, renameat_with, unlinkat,
};
use rustix::io::Errno;

use super::append_record;
use super::disk::{self, Mount, Taking};
use super::root::OpenRoot;
use crate::threads::step;

/// The folder for hidden names, at the top of a file system.
pub(super) const FOLDER: &str = ".wharf-uploads";
/// What hidden names begin with.
const PREFIX: &str = ".wharf-upload-";
/// What the names of records of appends begin with.
pub(super) const RECORD_PREFIX: &str = ".wharf-upload-append-";

/// What a file is made as that takes what arrives.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewFile {
    /// Without a name, where the file system has that.
    pub(super) unnamed: bool,
    /// Its permission bits, of which the umask takes some away.
    pub(super) mode: u32,
}

/// The mode of files that show what a disk can do.
const TRIED: u32 = 0o600;

/// Whether a name is kept for uploads: it is never listed and can't be used.
pub(super) fn is_reserved(name: &str) -> bool {
    name == FOLDER || name.starts_with(PREFIX)
}

/// A hidden name. It is removed when this is dropped, unless the file has been renamed by then.
pub(super) struct HiddenName {
    pub(super) directory: Dir,
    pub(super) name: String,
    pub(super) renamed: bool,
    /// The file, opened to read, which holds the lock: so the file can be closed as one that was written to before it gets its
    /// name. Programs that wait for the end of a write would else hear of it twice.
    reader: Option<File>,
}

impl HiddenName {
    /// Another handle on the file, to read it only, if there is one that holds the lock.
    pub(super) fn reader(&self) -> Option<File> {
        self.reader.as_ref()?.try_clone().ok()
    }
}

impl Drop for HiddenName {
    fn drop(&mut self) {
        if !self.renamed
            && let Err(error) = unlinkat(&self.directory, &self.name, AtFlags::empty())
        {
            tracing::warn!(name = self.name, %error, "can't remove a temporary file");
        }
    }
}

fn next_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{:x}-{now:x}-{count:x}", std::process::id())
}

/// A directory on the file system of `target` where hidden names can be made.
fn place(root: &Dir, target: &Dir) -> io::Result<Dir> {
    place_in(root, target, folder)
}

/// The same with another way to come by the folder in a directory.
fn place_in(root: &Dir, target: &Dir, folder: impl Fn(&Dir) -> io::Result<Dir>) -> io::Result<Dir> {
    let mount = Mount::of(target)?;
    let folder = match Mount::of(root)? == mount {
        true => folder(root),
        false => top_of(target).and_then(|top| folder(&top)),
    };
    match folder {
        Ok(folder) if Mount::of(&folder)? == mount => Ok(folder),
        _ => target.try_clone(),
    }
}

/// The folder for hidden names in a directory.
pub(super) fn folder(directory: &Dir) -> io::Result<Dir> {
    let usable = |folder: Dir| disk::may_write(&folder).map(|()| folder);
    match directory.open_dir(FOLDER) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // Another user's server may have made it.
        opened => return opened.and_then(usable),
    }
    // What is not finished is nobody's to read.
    match directory.create_dir_with(FOLDER, DirBuilder::new().mode(0o700)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => directory.open_dir(FOLDER).and_then(usable),
    }
}

/// The highest directory of the mount that `directory` is in, which is not that of the root: so the way up ends below it.
fn top_of(directory: &Dir) -> io::Result<Dir> {
    let mount = Mount::of(directory)?;
    if mount.id == 0 {
        // Two mounts of one file system can't be told from each other.
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut top = directory.try_clone()?;
    loop {
        let parent = top.open_parent_dir(cap_std::ambient_authority())?;
        if Mount::of(&parent)? != mount || parent.dir_metadata()?.ino() == top.dir_metadata()?.ino() {
            return Ok(top);
        }
        top = parent;
    }
}

/// Opens a file that has no name, in the file system of `directory`; `None` if that can't do it.
pub(super) fn unnamed(directory: &Dir, mode: u32) -> io::Result<Option<File>> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match openat(directory, ".", flags, Mode::from_raw_mode(mode)) {
        Ok(file) => Ok(Some(File::from(file))),
        // Of a directory that nothing may be stored in, more than this is refused.
        Err(error @ (Errno::PERM | Errno::ACCESS)) => match disk::may_write(directory) {
            Ok(()) => Ok(None),
            Err(_) => Err(error.into()),
        },
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT | Errno::NOSYS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Opens a new file with a hidden name and locks it.
pub(super) fn named(root: &Dir, target: &Dir, mode: u32) -> io::Result<(File, HiddenName)> {
    // It gets its name there when all has come: better told now.
    disk::may_write(target)?;
    let directory = place(root, target)?;
    loop {
        let name = next_name();
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = match openat(&directory, &name, flags, Mode::from_raw_mode(mode)) {
            Ok(file) => File::from(file),
            Err(Errno::EXIST) => continue,
            Err(error) => return Err(error.into()),
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let reader = openat(&directory, &name, flags, Mode::empty()).ok().map(File::from);
        // Locks are not to be had on every file system; then a sweep leaves the file alone, too. On SMB nobody else can write to
        // what is locked, so the lock belongs to the handle that writes.
        let locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        // Before it was locked, a sweep may have taken it for a leftover.
        if locked.is_ok() && std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) == 0 {
            continue;
        }
        return Ok((file, HiddenName { directory, name, renamed: false, reader }));
    }
}

/// Tries whether a file without a name can get one.
pub(super) fn try_link(file: &File, root: &Dir, target: &Dir) -> io::Result<()> {
    // No folder is left where nothing but this needed one.
    let directory = place_in(root, target, |directory| {
        directory.open_dir(FOLDER).and_then(|folder| disk::may_write(&folder).map(|()| folder))
    })?;
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
    let name = next_name();
    match link(file, &directory, &name) {
        // As for an upload: this directory can have no names from elsewhere.
        Err(Errno::XDEV) => {
            link(file, target, &name)?;
            Ok(unlinkat(target, &name, AtFlags::empty())?)
        }
        linked => {
            linked?;
            Ok(unlinkat(&directory, &name, AtFlags::empty())?)
        }
    }
}

/// Tries how a hidden name can become one that must be free.
pub(super) fn try_taking(root: &Dir, target: &Dir) -> io::Result<Taking> {
    let (_file, mut hidden) = named(root, target, TRIED)?;
    let (directory, free) = (&hidden.directory, next_name());
    let refused = |error: Errno| match io::Error::from(error) {
        error if disk::is_refusal(&error) => Ok(()),
        error => Err(error),
    };
    match renameat_with(directory, &hidden.name, directory, &free, RenameFlags::NOREPLACE) {
        Ok(()) => {
            hidden.name = free;
            return Ok(Taking::Rename);
        }
        Err(error) => refused(error)?,
    }
    match linkat(directory, &hidden.name, directory, &free, AtFlags::empty()) {
        Ok(()) => {
            unlinkat(directory, &free, AtFlags::empty())?;
            Ok(Taking::Link)
        }
        Err(error) => refused(error).map(|()| Taking::Look),
    }
}

/// Gives a file without a name its final one, which must be free.
pub(super) fn link(file: &File, directory: &Dir, name: &str) -> Result<(), Errno> {
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(rustix::fs::CWD, own, directory, name, AtFlags::SYMLINK_FOLLOW)
}

/// Gives a file without a name a hidden one.
pub(super) fn link_hidden(file: &File, root: &Dir, target: &Dir) -> io::Result<HiddenName> {
    let mut directory = place(root, target)?;
    // The lock comes before the name, so that a sweep never finds it unlocked.
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
    let mut beside = false;
    loop {
        let name = next_name();
        match link(file, &directory, &name) {
            Ok(()) => return Ok(HiddenName { directory, name, renamed: false, reader: None }),
            Err(Errno::EXIST) => {}
            // What is encrypted, or counted for a project, by directory can't have a name elsewhere.
            Err(Errno::XDEV) if !beside => {
                directory = target.try_clone()?;
                beside = true;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Removes what nobody will finish, at the root and on file systems below it; says how many.
pub(super) fn sweep(root: &OpenRoot) -> io::Result<u64> {
    let mut removed = sweep_folder_in(root, root)?;
    for mount in root.mounts_below() {
        // One that can't be entered is none that uploads go to.
        removed += root.open_dir(&mount).and_then(|top| sweep_folder_in(root, &top)).unwrap_or(0);
    }
    Ok(removed)
}

/// The same, told to the operator.
pub(super) fn sweep_and_log(root: &OpenRoot) {
    match sweep(root) {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "removed what interrupted uploads had left behind"),
        // A root that can only be read is fine; uploads will say so themselves.
        Err(error) => tracing::debug!(%error, "can't look for leftovers of interrupted uploads"),
    }
}

fn sweep_folder_in(root: &Dir, directory: &Dir) -> io::Result<u64> {
    match directory.open_dir(FOLDER) {
        Ok(folder) => sweep_files(root, &folder),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Removes the hidden files in a directory that no living upload holds, and undoes the appends that were cut off; says how
/// many.
fn sweep_files(root: &Dir, directory: &Dir) -> io::Result<u64> {
    let mut removed = 0;
    for entry in directory.entries()? {
        step();
        let name = entry?.file_name();
        let Some(known) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        if known.starts_with(RECORD_PREFIX) {
            match append_record::sweep(root, directory, known) {
                Ok(true) => removed += 1,
                Ok(false) => {}
                Err(error) => tracing::error!(name = known, %error, "can't undo an append that was cut off"),
            }
            continue;
        }
        // Some network file systems lock for themselves alone only what may be written to.
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let Ok(file) = openat(directory, &name, flags, Mode::empty()) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
            && unlinkat(directory, &name, AtFlags::empty()).is_ok()
        {
            removed += 1;
        }
    }
    Ok(removed)
}

/// Removes what killed uploads have left in a directory that looks empty, so that the directory can be removed. What
/// living ones hold stays.
pub(super) fn clear(root: &Dir, directory: &Dir) -> io::Result<()> {
    sweep_files(root, directory)?;
    sweep_folder_in(root, directory)?;
    match directory.remove_dir(FOLDER) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
