//! Where a path is resolved from: the directory that it is confined to, and no link leads out of.

use std::io;
use std::ops::Deref;

use cap_std::fs::Dir;

use super::temporary::is_reserved;
use crate::{Error, ErrorKind, Result, StoragePath};

/// A handle by which a path is resolved: no link leads out of that directory.
pub(super) enum Handle<'a> {
    Root(&'a Dir),
    Confined(Dir),
}

impl Deref for Handle<'_> {
    type Target = Dir;

    fn deref(&self) -> &Dir {
        match self {
            Self::Root(root) => root,
            Self::Confined(directory) => directory,
        }
    }
}

/// The directory that a path is confined to, and the path as the handle on that wants it. A name that is kept for temporary
/// files doesn't exist.
pub(super) fn located<'a>(root: &'a Dir, path: &'a StoragePath) -> Result<(Handle<'a>, &'a str)> {
    if path.segments().any(is_reserved) {
        return Err(Error::new(ErrorKind::NotFound, path));
    }
    let mut steps = path.steps();
    let (mut base, mut rest) = (Handle::Root(root), steps.next().unwrap_or_default());
    for step in steps {
        let directory = if rest.is_empty() { "." } else { rest };
        let opened = base.open_dir(directory).map_err(|error| Error::from_io(path, error))?;
        (base, rest) = (Handle::Confined(opened), step);
    }
    Ok((base, if rest.is_empty() { "." } else { rest }))
}

/// Opens the directory that a path leads to.
pub(super) fn open_directory(root: &Dir, path: &StoragePath) -> Result<Dir> {
    let (base, rest) = located(root, path)?;
    base.open_dir(rest).map_err(|error| Error::from_io(path, error))
}

/// The directory that `path` stands in, opened, and the name in it. Not for the root.
pub(super) fn parent_of<'a>(root: &Dir, path: &'a StoragePath) -> Result<(Dir, &'a str)> {
    match (path.parent(), path.name()) {
        (Some(parent), Some(name)) => {
            Ok((open_directory(root, &parent).map_err(|error| error.at(path))?, name))
        }
        _ => Err(Error::new(ErrorKind::PermissionDenied, path)),
    }
}

/// What stands under a name, not what that leads to; `None` only if it is known that nothing does.
pub(super) fn standing_at(directory: &Dir, name: &str) -> io::Result<Option<cap_std::fs::Metadata>> {
    match directory.symlink_metadata(name) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
