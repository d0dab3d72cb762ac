//! A directory that was opened as the root of a storage.

use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use super::mountpoints;
use crate::{Error, ErrorKind, Result, StoragePath};

/// Distinguishes directories under the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: (u32, u32),
    inode: u64,
    /// The mount that shows it; 0 if the kernel (before 5.8) doesn't report it.
    mount: u64,
}

impl Identity {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::read(statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS | StatxFlags::MNT_ID)?))
    }

    fn of_handle(directory: &Dir) -> io::Result<Self> {
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        Ok(Self::read(statx(directory, "", AtFlags::EMPTY_PATH, wanted)?))
    }

    fn read(stat: rustix::fs::Statx) -> Self {
        Self { device: (stat.stx_dev_major, stat.stx_dev_minor), inode: stat.stx_ino, mount: stat.stx_mnt_id }
    }
}

/// A directory that was opened as the root.
#[derive(Debug)]
pub(super) struct OpenRoot {
    directory: Dir,
    /// The configured path; absolute.
    path: PathBuf,
    /// The same without symbolic links.
    real_path: PathBuf,
    pub(super) identity: Identity,
    /// The mount point of its file system, if known.
    mounted_at: Option<PathBuf>,
    follow_links: bool,
}

impl Deref for OpenRoot {
    type Target = Dir;

    fn deref(&self) -> &Dir {
        &self.directory
    }
}

impl OpenRoot {
    pub(super) fn open(path: &Path, follow_links: bool) -> io::Result<Self> {
        let directory = Dir::open_ambient_dir(path, cap_std::ambient_authority())?;
        let identity = Identity::of_handle(&directory)?;
        let mounted_at = mountpoints::of(identity.mount);
        let real_path = path.canonicalize()?;
        Ok(Self { directory, path: path.to_owned(), real_path, identity, mounted_at, follow_links })
    }

    /// Whether symbolic links below the root are followed, if they stay inside the confinement of a path.
    pub(super) fn follows_links(&self) -> bool {
        self.follow_links
    }

    /// The rest of an absolute path that leads into the root.
    pub(super) fn strip<'a>(&self, target: &'a Path) -> Option<&'a Path> {
        [&self.real_path, &self.path].into_iter().find_map(|root| target.strip_prefix(root).ok())
    }

    /// The mount points below the root, relative to it.
    pub(super) fn mounts_below(&self) -> Vec<PathBuf> {
        mountpoints::below(&self.real_path)
    }

    /// Fails if the path of the root no longer leads here. Blocks.
    pub(super) fn confirm(&self) -> Result<()> {
        match Identity::of(&self.path) {
            Ok(current) if current == self.identity => Ok(()),
            Ok(_) => Err(unavailable("the root is another directory now")),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Whether the file system that held this directory is gone, and `current` is the directory below its mount point.
    pub(super) fn was_unmounted(&self, current: Identity) -> bool {
        if self.identity.mount == current.mount {
            return false;
        }
        let (Some(old), Ok(mounts)) = (&self.mounted_at, mountpoints::all()) else { return false };
        // The path was changed to lead elsewhere, and the file system is still there.
        if mounts.iter().any(|mount| mount.id == self.identity.mount) {
            return false;
        }
        let new = mounts.iter().find(|mount| mount.id == current.mount);
        new.is_some_and(|new| *old != new.path && old.starts_with(&new.path))
    }
}

pub(super) fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::with_source(ErrorKind::Unavailable, &StoragePath::root(), cause)
}
