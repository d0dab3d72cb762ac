//! Where file systems are mounted.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, StatxAttributes, StatxFlags, statx};

use crate::{Error, ErrorKind, StoragePath};

/// A file system as it is mounted at one place.
pub(super) struct MountPoint {
    /// The number that `statx(2)` reports for files on it.
    pub(super) id: u64,
    pub(super) path: PathBuf,
}

/// All mounts that this process sees, in the order in which they were mounted.
pub(super) fn all() -> io::Result<Vec<MountPoint>> {
    let table = fs::read("/proc/self/mountinfo")?;
    Ok(table.split(|byte| *byte == b'\n').filter_map(parse).collect())
}

/// Where the mount of this number is.
pub(super) fn of(id: u64) -> Option<PathBuf> {
    let mounts = all().ok()?;
    mounts.into_iter().find(|mount| mount.id == id).map(|mount| mount.path)
}

/// The mount points below `directory`, relative to it.
pub(super) fn below(directory: &Path) -> Vec<PathBuf> {
    let mounts = all().unwrap_or_default().into_iter();
    let relative = mounts.filter_map(|mount| mount.path.strip_prefix(directory).map(Path::to_owned).ok());
    relative.filter(|path| !path.as_os_str().is_empty()).collect()
}

/// Whether something is mounted at a name: a disk, or a single file that is bound into a container. The system lets
/// nobody rename, replace or remove a mount point. A name that can't be looked at does not count; operations on it fail
/// anyway.
pub(super) fn is_at(directory: &Dir, name: &str) -> bool {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let stat = statx(directory, name, flags, StatxFlags::MNT_ID);
    stat.is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// The refusal to rename, replace or remove a mount point.
pub(super) fn refusal(path: &StoragePath) -> Error {
    Error::with_source(ErrorKind::PermissionDenied, path, "a mount point")
        .advising("something is mounted there, so it can be neither replaced nor renamed nor removed")
}

/// The error for a call that failed at this name: at a mount point, EBUSY is not temporary.
pub(super) fn failure(error: io::Error, directory: &Dir, name: &str, path: &StoragePath) -> Error {
    match error.kind() {
        io::ErrorKind::ResourceBusy if is_at(directory, name) => refusal(path),
        _ => Error::from_io(path, error),
    }
}

/// A line of proc_pid_mountinfo(5): `36 35 98:0 /mnt1 /mnt2 rw,noatime …`.
fn parse(line: &[u8]) -> Option<MountPoint> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let path = unescape(fields.nth(3)?);
    Some(MountPoint { id, path: PathBuf::from(OsString::from_vec(path)) })
}

/// Blanks, line ends and backslashes are written as three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        let digits = behind.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *byte == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(escaped) => {
                plain.push(escaped);
                rest = &behind[3..];
            }
            None => {
                plain.push(*byte);
                rest = behind;
            }
        }
    }
    plain
}

#[cfg(test)]
#[path = "mountpoints_tests.rs"]
mod tests;
