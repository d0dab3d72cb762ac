//! Renames that never replace a directory.

use cap_std::fs::{Dir, Metadata};
use rustix::fs::{AtFlags, RenameFlags, renameat, renameat_with, statat};
use rustix::io::Errno;

use super::disk::{self, Weakness};
use super::links::{Last, followed, following};
use super::names::Names;
use super::one_file::{self, Name, Relation};
use super::open_root::OpenRoot;
use super::reserved::is_reserved;
use super::{mountpoints, parent_of, standing_at, sync_directory};
use crate::threads::confirm_wanted;
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
        return Err(Error::into_itself(to));
    }
    let (to_directory, to_name) = parent_of(root, to)?;
    if is_reserved(to_name) {
        return Err(Error::new(ErrorKind::InvalidName, to));
    }
    // To clients, a link to a directory is a directory. Replacing it would hide its target just as well. A link with an
    // unknown target replaces nothing either.
    let may_replace = replace && followed(root, from, &source).is_ok_and(|metadata| !metadata.is_directory());
    let io = |error| Error::from_io(to, error);
    let mut relation = Relation::Other;
    if let Some(target) = standing_at(&to_directory, to_name).map_err(io)? {
        let source = Name { directory: &from_directory, name: from_name, metadata: &source };
        let target = Name { directory: &to_directory, name: to_name, metadata: &target };
        relation = one_file::relation(&source, &target).map_err(io)?;
        confirm_wanted()?;
        match relation {
            Relation::Listed => return Ok(()),
            // This replaces nothing.
            Relation::Spellings => one_file::respell(&to_directory, from_name, to_name).map_err(io)?,
            _ if !may_replace || !is_file(root, to, target.metadata)? => {
                return Err(Error::new(ErrorKind::AlreadyExists, to));
            }
            Relation::HardLinks => one_file::remove_hard_link(&source, &target).map_err(io)?,
            Relation::Other => {}
        }
    }
    if relation == Relation::Other {
        let (source, target) = ((&from_directory, from_name), (&to_directory, to_name));
        confirm_wanted()?;
        match rename_entry(source, target, may_replace) {
            Err(Errno::BUSY) if mountpoints::is_at(&from_directory, from_name) => {
                return Err(mountpoints::refusal(from));
            }
            Err(Errno::BUSY) if mountpoints::is_at(&to_directory, to_name) => {
                return Err(mountpoints::refusal(to));
            }
            renamed => renamed.map_err(|error| failure(error, to))?,
        }
    }
    if sync {
        sync_directory(&to_directory, to)?;
        sync_directory(&from_directory, from)?;
    }
    Ok(())
}

/// Whether a rename may replace the existing entry.
fn is_file(root: &OpenRoot, path: &StoragePath, metadata: &Metadata) -> Result<bool> {
    match metadata.is_symlink() {
        // A link that is dangling or leads out of the root does not count as a file.
        true => Ok(followed(root, path, metadata)?.kind == EntryKind::File),
        false => Ok(!metadata.is_dir()),
    }
}

type Entry<'a> = (&'a Dir, &'a str);

fn rename_entry(from: Entry<'_>, to: Entry<'_>, may_replace: bool) -> rustix::io::Result<()> {
    if may_replace {
        return renameat(from.0, from.1, to.0, to.1);
    }
    match renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE) {
        Err(error @ (Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM)) => {
            // Not every file system can do it in one step: the target is looked up before.
            let names = Names::of(to.0).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
            let _alone = names.alone();
            match statat(to.0, to.1, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => {}
                looked => return Err(looked.err().unwrap_or(Errno::EXIST)),
            }
            renameat(from.0, from.1, to.0, to.1)?;
            disk::weaker(to.0, Weakness::Names, &error);
            Ok(())
        }
        renamed => renamed,
    }
}

fn failure(error: Errno, to: &StoragePath) -> Error {
    match error {
        Errno::EXIST | Errno::ISDIR | Errno::NOTEMPTY => Error::new(ErrorKind::AlreadyExists, to),
        Errno::XDEV => {
            let reason = "source and target are on different file systems";
            Error::with_source(ErrorKind::Unsupported, to, reason)
        }
        error => Error::from_io(to, error.into()),
    }
}

#[cfg(test)]
#[path = "rename_tests.rs"]
mod tests;
