//! The place of uploads until they are finished.
//!
//! If the file system can (`O_TMPFILE`), an upload is a file without a name, which the kernel frees however the process
//! ends. Otherwise, and for the moment in which it replaces another file, it has a hidden name in a reserved folder at
//! the root, or, on another file system that is mounted below the root, at the top of that one. If such a folder can't
//! be made, the hidden name is put beside the target. A lock on the file distinguishes a living upload from a leftover.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, MetadataExt};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, linkat, openat, unlinkat};
use rustix::io::Errno;

use super::disk::{self, Mount};
use super::reserved::{FOLDER, PREFIX};

/// The properties of a file for arriving bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewFile {
    /// Without a name, if the file system supports it.
    pub(super) unnamed: bool,
    /// Its permission bits, before the umask.
    pub(super) mode: u32,
}

/// A hidden name. It is removed when this is dropped, unless the file has been renamed by then.
pub(super) struct HiddenName {
    pub(super) directory: Dir,
    pub(super) name: String,
    pub(super) renamed: bool,
    /// The file, opened for reading, which holds the lock: so the writing handle can be closed before the file gets its
    /// name. Otherwise programs that wait for the end of a write would see it twice.
    reader: Option<File>,
}

impl HiddenName {
    /// Another handle on the file, only for reading, if there is one that holds the lock.
    pub(super) fn reader(&self) -> Option<File> {
        self.reader.as_ref()?.try_clone().ok()
    }
}

impl HiddenName {
    /// The name of a file that stays whatever becomes of its upload.
    pub(super) fn staying(directory: Dir, name: String, reader: Option<File>) -> Self {
        Self { directory, name, renamed: true, reader }
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

pub(super) fn next_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{:x}-{now:x}-{count:x}", std::process::id())
}

/// A directory on the file system of `target` for hidden names.
fn place(root: &Dir, target: &Dir) -> io::Result<Dir> {
    place_in(root, target, folder)
}

/// The same with another way to get the folder in a directory.
pub(super) fn place_in(
    root: &Dir,
    target: &Dir,
    folder: impl Fn(&Dir) -> io::Result<Dir>,
) -> io::Result<Dir> {
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
    // Nobody else may read unfinished files.
    match directory.create_dir_with(FOLDER, DirBuilder::new().mode(0o700)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => directory.open_dir(FOLDER).and_then(usable),
    }
}

/// The folder for hidden names on the file system of `target`; `None` if there is none, and none is made.
pub(super) fn folder_of(root: &Dir, target: &Dir, makes: bool) -> io::Result<Option<Dir>> {
    let mount = Mount::of(target)?;
    let above = if Mount::of(root)? == mount { root.try_clone()? } else { top_of(target)? };
    let found = if makes { folder(&above) } else { above.open_dir(FOLDER) };
    match found {
        Ok(folder) if Mount::of(&folder)? == mount => Ok(Some(folder)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The topmost directory of the mount that contains `directory`; not for the root's own mount, so the way up ends below
/// it.
fn top_of(directory: &Dir) -> io::Result<Dir> {
    let mount = Mount::of(directory)?;
    if mount.id == 0 {
        // Two mounts of one file system can't be distinguished.
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

/// Opens a file without a name on the file system of `directory`; `None` if the file system can't.
pub(super) fn unnamed(directory: &Dir, mode: u32) -> io::Result<Option<File>> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match openat(directory, ".", flags, Mode::from_raw_mode(mode)) {
        Ok(file) => Ok(Some(File::from(file))),
        // A directory that may not be written refuses more than this.
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
    // The file gets its name there at the end: better to fail now.
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
        // Not every file system has locks; then a sweep leaves the file alone, too. On SMB only the handle that holds
        // the lock can write, so the lock belongs to the writing handle.
        let locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        // Before it was locked, a sweep may have taken it for a leftover.
        if locked.is_ok() && std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) == 0 {
            continue;
        }
        return Ok((file, HiddenName { directory, name, renamed: false, reader }));
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
    // The lock comes before the name, so that a sweep never finds the file unlocked.
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
    let mut beside = false;
    loop {
        let name = next_name();
        match link(file, &directory, &name) {
            Ok(()) => return Ok(HiddenName { directory, name, renamed: false, reader: None }),
            Err(Errno::EXIST) => {}
            // A file that is encrypted by directory, or counted for a project, can't have a name elsewhere.
            Err(Errno::XDEV) if !beside => {
                directory = target.try_clone()?;
                beside = true;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
