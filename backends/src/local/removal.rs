//! Removing files and directories, and the reasons why that fails.

use std::io;

use super::links::{followed, own_metadata};
use super::located::{located, parent_of};
use super::open_root::OpenRoot;
use super::{mountpoints, sweep};
use crate::threads::confirm_wanted;
use crate::{EntryKind, Error, ErrorKind, Result, StoragePath};

/// Removes a link, never its target.
pub(super) fn remove_directory(root: &OpenRoot, path: &StoragePath) -> Result<()> {
    let own = own_metadata(root, path)?;
    let (base, name) = located(root, path)?;
    if own.is_symlink() && followed(root, path, &own)?.kind != EntryKind::File {
        confirm_wanted()?;
        return base.remove_file(name).map_err(|error| Error::from_io(path, error));
    }
    if !own.is_dir() {
        return Err(Error::new(ErrorKind::NotADirectory, path));
    }
    let failed = |error| not_removed(root, path, error);
    confirm_wanted()?;
    match base.remove_dir(name) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            // Hidden files must not keep the directory for ever.
            let cleared = base.open_dir(name).and_then(|directory| sweep::clear(root, &directory));
            cleared.map_err(|_| Error::from_io(path, error))?;
            confirm_wanted()?;
            base.remove_dir(name).map_err(failed)
        }
        removed => removed.map_err(failed),
    }
}

/// Why a name could not be removed.
pub(super) fn not_removed(root: &OpenRoot, path: &StoragePath, error: io::Error) -> Error {
    match parent_of(root, path) {
        Ok((directory, name)) => mountpoints::failure(error, &directory, name, path),
        Err(_) => Error::from_io(path, error),
    }
}
