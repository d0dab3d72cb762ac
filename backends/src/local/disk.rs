//! The abilities of the file system behind a mount.
//!
//! If a disk can do less than others, a way is chosen that works, and the log reports once which promise is weaker there.

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;
use std::io;
use std::os::fd::AsFd;
use std::sync::{LazyLock, Mutex, PoisonError};

use cap_std::fs::Dir;
use rustix::fs::{
    Access, AtFlags, Mode, OFlags, StatxFlags, accessat, fdatasync, fstat, fstatfs, fsync, openat, statx,
};
use rustix::io::Errno;

use super::mountpoints;
use crate::threads::{step, step_of};

/// The common property of two directories that allow a rename between them: the file system, and the mount that shows
/// it, since a bind mount has the same device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Mount {
    pub(super) device: (u32, u32),
    /// 0 if the kernel (before 5.8) doesn't report it.
    pub(super) id: u64,
}

impl Mount {
    pub(super) fn of(file: impl AsFd) -> io::Result<Self> {
        let stat = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
        Ok(Self { device: (stat.stx_dev_major, stat.stx_dev_minor), id: stat.stx_mnt_id })
    }
}

/// Whether a call failed because the file system, a filter of system calls, or a missing /proc does not support it, and
/// not because of its arguments.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    errno.is_some_and(|errno| {
        matches!(
            errno,
            Errno::PERM
                | Errno::ACCESS
                | Errno::OPNOTSUPP
                | Errno::NOSYS
                | Errno::INVAL
                | Errno::NOENT
                | Errno::MLINK
                | Errno::XDEV
        )
    })
}

/// Whether names can be made in a directory, as far as its rights go.
///
/// # Errors
/// The error of the system if not.
pub(super) fn may_write(directory: &Dir) -> io::Result<()> {
    match accessat(directory, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
        // Not known: the later operation will show it.
        Err(Errno::NOSYS | Errno::INVAL) => Ok(()),
        checked => Ok(checked?),
    }
}

/// Syncs the names in a directory to the disk.
pub(super) fn sync_names(directory: &Dir) -> io::Result<()> {
    // A handle opened with `O_PATH`, such as a `Dir`, can't be synced.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat(directory, ".", flags, Mode::empty()) {
        Ok(opened) => sync(opened),
        // Names may be made in it, but not read.
        Err(error @ Errno::ACCESS) => {
            weaker(directory, Weakness::Sync, &error);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Syncs a file with its metadata to the disk.
pub(super) fn sync(file: impl AsFd) -> io::Result<()> {
    let_it_take_long(&file);
    confirmed(&file, fsync(&file))
}

/// Syncs the bytes of a file to the disk.
pub(super) fn sync_data(file: impl AsFd) -> io::Result<()> {
    let_it_take_long(&file);
    confirmed(&file, fdatasync(&file))
}

/// The whole file may still have to be written, in one step without progress.
fn let_it_take_long(file: impl AsFd) {
    let length = fstat(file).map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0));
    step_of(length);
}

fn confirmed(file: impl AsFd, synced: Result<(), Errno>) -> io::Result<()> {
    step();
    match synced {
        // Some network and FUSE file systems don't support this: they promise nothing.
        Err(error @ (Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS)) => {
            weaker(file, Weakness::Sync, &error);
            Ok(())
        }
        synced => Ok(synced?),
    }
}

/// Whether the failure of a write may be reported only on request, and not by the write: network file systems and those
/// of other programs (FUSE) send the bytes later, when their quota or network may refuse them. A file system that is
/// not known to be local is treated as such.
pub(super) fn reports_late(file: impl AsFd) -> bool {
    /// By the numbers of `statfs(2)`: ext2 to ext4, XFS, Btrfs, tmpfs, ramfs, overlayfs, F2FS, ZFS, bcachefs, exFAT, FAT, NTFS.
    const OF_THIS_MACHINE: [u32; 13] = [
        0xef53,
        0x5846_5342,
        0x9123_683e,
        0x0102_1994,
        0x8584_58f6,
        0x794c_7630,
        0xf2f5_2010,
        0x2fc1_2fc1,
        0xca45_1a4e,
        0x2011_bab0,
        0x4d44,
        0x7366_746e,
        0x5346_544e,
    ];
    // If the file system is unknown, it is synced.
    fstatfs(file).map_or(true, |file_system| !OF_THIS_MACHINE.contains(&(file_system.f_type as u32)))
}

/// A promise that a disk can't keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Weakness {
    Names,
    Sync,
    Modes,
    Groups,
    Attributes,
}

impl Weakness {
    fn sentence(self) -> &'static str {
        match self {
            Self::Names => {
                "this disk can't refuse a name that is taken: it is looked at just before a new file gets its \
                 name, and what another program stores under that name in between is replaced"
            }
            Self::Sync => {
                "this disk doesn't confirm what it stores (fsync): a power failure can take what was stored \
                 last, whatever `sync` says"
            }
            Self::Modes => {
                "this disk refuses to set permission bits: a file that replaces another has those of a new one"
            }
            Self::Groups => {
                "a file that replaces another can't have its group, as the server's user is no member of that: \
                 its own group may do what everybody may"
            }
            Self::Attributes => {
                "a file that replaces another can't have its access control list or its attributes (user.*) here"
            }
        }
    }
}

/// Logs once for each mount that a promise is weaker there.
pub(super) fn weaker(file: impl AsFd, weakness: Weakness, cause: &dyn Display) {
    static SAID: LazyLock<Mutex<HashSet<(Mount, Weakness)>>> = LazyLock::new(Mutex::default);
    let Ok(mount) = Mount::of(file) else { return };
    if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert((mount, weakness)) {
        let at = mountpoints::of(mount.id).unwrap_or_default();
        tracing::warn!(mount = %at.display(), %cause, "{}", weakness.sentence());
    }
}
