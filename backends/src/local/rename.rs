//! Renames that never replace a directory.

use cap_std::fs::Dir;
use rustix::fs::{RenameFlags, renameat, renameat_with};
use rustix::io::Errno;

use super::temporary::is_reserved;
use super::{parent_of, sync_directory};
use crate::{Error, ErrorKind, Result, StoragePath};

pub(super) fn rename(
    root: &Dir,
    from: &StoragePath,
    to: &StoragePath,
    replace: bool,
    sync: bool,
) -> Result<()> {
    let (from_directory, from_name) = parent_of(root, from)?;
    if is_reserved(from_name) {
        return Err(Error::new(ErrorKind::NotFound, from));
    }
    let source = from_directory.symlink_metadata(from_name).map_err(|error| Error::from_io(from, error))?;
    if from == to {
        return Ok(());
    }
    if source.is_dir() && to.starts_with(from) {
        let reason = "a directory can't move into itself";
        return Err(Error::with_source(ErrorKind::InvalidName, to, reason));
    }
    let (to_directory, to_name) = parent_of(root, to)?;
    if is_reserved(to_name) {
        return Err(Error::new(ErrorKind::InvalidName, to));
    }
    let may_replace = replace && !source.is_dir();
    let target = to_directory.symlink_metadata(to_name);
    if target.is_ok_and(|target| target.is_dir() || !may_replace) {
        return Err(Error::new(ErrorKind::AlreadyExists, to));
    }
    let renamed = if may_replace {
        renameat(&from_directory, from_name, &to_directory, to_name)
    } else {
        match renameat_with(&from_directory, from_name, &to_directory, to_name, RenameFlags::NOREPLACE) {
            // Not every file system can do it in one step; what stood there was looked at just above.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                renameat(&from_directory, from_name, &to_directory, to_name)
            }
            other => other,
        }
    };
    match renamed {
        Ok(()) => {}
        Err(Errno::EXIST | Errno::ISDIR | Errno::NOTEMPTY) => {
            return Err(Error::new(ErrorKind::AlreadyExists, to));
        }
        Err(Errno::XDEV) => {
            let reason = "source and target are on different file systems";
            return Err(Error::with_source(ErrorKind::Unsupported, to, reason));
        }
        Err(error) => return Err(Error::from_io(to, error.into())),
    }
    if sync {
        sync_directory(&to_directory, to)?;
        sync_directory(&from_directory, from)?;
    }
    Ok(())
}
