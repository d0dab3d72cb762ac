//! Renames that never replace a directory.

use rustix::fs::{RenameFlags, renameat, renameat_with};
use rustix::io::Errno;

use super::links::{Last, followed, following};
use super::root::OpenRoot;
use super::temporary::is_reserved;
use super::{parent_of, standing_at, sync_directory};
use crate::{EntryKind, Error, ErrorKind, Result, StoragePath};

pub(super) fn rename(
    root: &OpenRoot,
    from: &StoragePath,
    to: &StoragePath,
    replace: bool,
    sync: bool,
) -> Result<()> {
    // An error about the source has to name it, whatever links have led there.
    following(root, from, Last::Keep, |source| {
        following(root, to, Last::Keep, |target| {
            rename_resolved(root, source, target, replace, sync).map_err(|error| {
                let about_source = error.path() == Some(source);
                error.at(if about_source { from } else { to })
            })
        })
        .map_err(|error| if error.path() == Some(from) { error.at(source) } else { error })
    })
}

fn rename_resolved(
    root: &OpenRoot,
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
    // A link to a directory is one to clients. To replace it would hide what it leads to as well as a replaced directory.
    // Nor is one replaced by a link of which nobody knows what it leads to.
    let may_replace = replace && followed(root, from, &source).is_ok_and(|found| !found.is_directory());
    if let Some(target) = standing_at(&to_directory, to_name).map_err(|error| Error::from_io(to, error))? {
        let is_file = match target.is_symlink() {
            // Nor can a link that leads nowhere or out of the root be taken for a file.
            true => followed(root, to, &target)?.kind == EntryKind::File,
            false => !target.is_dir(),
        };
        if !may_replace || !is_file {
            return Err(Error::new(ErrorKind::AlreadyExists, to));
        }
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
