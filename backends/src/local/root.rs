//! The directory of a storage, and whether its path still leads there.
//!
//! The handle that was opened at the start stays valid whatever happens to the path: it leads to a directory that was
//! removed and made again, or to one below a disk that was mounted later. Files that are stored there are lost to
//! everybody who looks at the path. So each operation compares the path's directory with the handle's. If they differ,
//! the directory is opened again. But if the path is gone, or if the file system that held the directory was unmounted
//! and only its mount point is left, every operation fails until it is back: an empty listing would be a lie.

use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use rustix::io::Errno;

use super::{LocalOptions, mountpoints, temporary};
use crate::{Error, ErrorKind, Result, StoragePath};

/// Distinguishes directories under the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: (u32, u32),
    inode: u64,
    /// The mount that shows it; 0 if the kernel (before 5.8) doesn't report it.
    mount: u64,
}

impl Identity {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::read(statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS | StatxFlags::MNT_ID)?))
    }

    fn of_handle(directory: &Dir) -> io::Result<Self> {
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        Ok(Self::read(statx(directory, "", AtFlags::EMPTY_PATH, wanted)?))
    }

    fn read(found: rustix::fs::Statx) -> Self {
        Self {
            device: (found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
            mount: found.stx_mnt_id,
        }
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
    identity: Identity,
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
    fn open(path: &Path, follow_links: bool) -> io::Result<Self> {
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
            Ok(found) if found == self.identity => Ok(()),
            Ok(_) => Err(unavailable("the root is another directory now")),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Whether the file system that held this directory is gone, and `found` is the directory below its mount point.
    fn was_unmounted(&self, found: Identity) -> bool {
        if self.identity.mount == found.mount {
            return false;
        }
        let (Some(old), Ok(mounts)) = (&self.mounted_at, mountpoints::all()) else { return false };
        // The path was changed to lead elsewhere, and the file system is still there.
        if mounts.iter().any(|mount| mount.id == self.identity.mount) {
            return false;
        }
        let new = mounts.iter().find(|mount| mount.id == found.mount);
        new.is_some_and(|new| *old != new.path && old.starts_with(&new.path))
    }
}

fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::with_source(ErrorKind::Unavailable, &StoragePath::root(), cause)
}

#[derive(Debug)]
struct State {
    opened: Arc<OpenRoot>,
    /// Why operations fail, as it was logged.
    trouble: Option<String>,
}

/// The root of a storage.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    follow_links: bool,
    fixed: bool,
    state: RwLock<State>,
}

impl Root {
    pub(super) fn open(path: &Path, options: LocalOptions) -> io::Result<Self> {
        let LocalOptions { follow_links, fixed_root: fixed, .. } = options;
        let path = std::path::absolute(path)?;
        let opened = Arc::new(OpenRoot::open(&path, follow_links)?);
        Ok(Self { path, follow_links, fixed, state: RwLock::new(State { opened, trouble: None }) })
    }

    /// The directory that the path leads to. Blocks.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if it is gone.
    pub(super) fn current(&self) -> Result<Arc<OpenRoot>> {
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if state.trouble.is_none()
                && Identity::of(&self.path).is_ok_and(|found| found == state.opened.identity)
            {
                return Ok(Arc::clone(&state.opened));
            }
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        self.look_again(&mut state)
    }

    fn look_again(&self, state: &mut State) -> Result<Arc<OpenRoot>> {
        let path = self.path.display();
        let opened = match Identity::of(&self.path) {
            Ok(found) if found == state.opened.identity => Arc::clone(&state.opened),
            Ok(found) if state.opened.was_unmounted(found) => {
                return Err(self.lost(state, "the file system that it is on was unmounted".to_owned()));
            }
            Ok(_) if self.fixed => {
                let cause = "it is another directory now, and the sandbox ends at the one from the start: restart the server";
                return Err(self.lost(state, cause.to_owned()));
            }
            Ok(_) => match OpenRoot::open(&self.path, self.follow_links) {
                Ok(opened) => {
                    tracing::warn!(%path, "the root of a storage is another directory now; opened it again");
                    temporary::sweep_and_log(&opened);
                    Arc::new(opened)
                }
                Err(error) => return Err(self.lost(state, error.to_string())),
            },
            // The process has run out of resources for the moment; the opened directory is still valid as far as is
            // known.
            Err(error) if is_shortage(&error) => return Err(Error::from_io(&StoragePath::root(), error)),
            Err(error) => {
                self.lost(state, error.to_string());
                // A caller that asks whether the disk is there may want to know the cause.
                return Err(unavailable(error));
            }
        };
        if state.trouble.take().is_some() {
            tracing::info!(%path, "the root of a storage is back");
        }
        state.opened = Arc::clone(&opened);
        Ok(opened)
    }

    /// Logs the loss once.
    fn lost(&self, state: &mut State, cause: String) -> Error {
        if state.trouble.as_ref() != Some(&cause) {
            let path = self.path.display();
            tracing::warn!(%path, cause, "the root of a storage is gone; everything is refused until it is back");
            state.trouble = Some(cause.clone());
        }
        unavailable(cause)
    }
}

fn is_shortage(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::NOMEM | Errno::INTR))
}
