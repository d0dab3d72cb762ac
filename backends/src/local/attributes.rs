//! Times and modes of files.

use std::time::{Duration, SystemTime};

use cap_std::fs::{Permissions, PermissionsExt};

use super::located::{located, refuse_link};
use super::open_read;
use super::open_root::OpenRoot;
use crate::{Error, ErrorKind, Result, StoragePath};

/// The bits that users can set. The bits that run a file with the rights of its owner are not among them.
const MODE: u32 = 0o777;

/// The resolution of times on the coarsest file systems (FAT).
const GRANULARITY: Duration = Duration::from_secs(2);

/// Sets the time of the last change, if the file system can hold it: many silently take the nearest possible time (ext4
/// with small inodes ends in 2038, and begins in 1901), so the result is checked.
pub(super) fn set_modified(root: &OpenRoot, path: &StoragePath, modified: SystemTime) -> Result<()> {
    let io = |error| Error::from_io(path, error);
    let file = open_read(root, path)?;
    let before = file.metadata().and_then(|metadata| metadata.modified()).map_err(io)?;
    let set = file.set_modified(modified);
    let now = file.metadata().and_then(|metadata| metadata.modified()).map_err(io)?;
    let off = now.duration_since(modified).unwrap_or_else(|error| error.duration());
    match set {
        Ok(()) if off < GRANULARITY => Ok(()),
        Ok(()) => {
            file.set_modified(before).map_err(io)?;
            Err(Error::new(ErrorKind::InvalidTime, path))
        }
        // The system has no representation of this time.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
            Err(Error::with_source(ErrorKind::InvalidTime, path, error))
        }
        Err(error) => Err(io(error)),
    }
}

/// Sets the bits of a mode. A directory keeps its setgid bit, as with `chmod`.
pub(super) fn set_mode(root: &OpenRoot, path: &StoragePath, mode: u32) -> Result<()> {
    let io = |error| Error::from_io(path, error);
    let (base, rest) = located(root, path)?;
    // A link that replaces the file now leads to no other user's file: the handle is on this user's directory.
    refuse_link(root, &base, rest).map_err(io)?;
    let metadata = base.metadata(rest).map_err(io)?;
    let kept = if metadata.is_dir() { metadata.permissions().mode() & 0o7000 } else { 0 };
    base.set_permissions(rest, Permissions::from_mode(mode & MODE | kept)).map_err(io)
}
