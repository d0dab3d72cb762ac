//! The place from which a path is resolved: the directory that confines it. No link leads out of it.

use std::fs::File;
use std::io;
use std::ops::Deref;

use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags, openat};

use super::open_root::OpenRoot;
use super::reserved::is_reserved;
use crate::{Error, ErrorKind, Result, StoragePath};

/// A handle for resolving a path: no link leads out of its directory.
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

/// The directory that confines a path, and the path relative to its handle. If links are not followed, it is the
/// directory that contains the path, and a name. A name that is reserved for temporary files doesn't exist.
pub(super) fn located<'a>(root: &'a OpenRoot, path: &'a StoragePath) -> Result<(Handle<'a>, &'a str)> {
    if path.segments().any(is_reserved) {
        return Err(Error::new(ErrorKind::NotFound, path));
    }
    let mut steps = path.steps();
    let (mut base, mut rest) = (Handle::Root(root), steps.next().unwrap_or_default());
    for step in steps {
        let opened = enter(root, &base, rest).map_err(|error| Error::from_io(path, error))?;
        (base, rest) = (Handle::Confined(opened), step);
    }
    if !root.follows_links()
        && let Some((above, name)) = rest.rsplit_once('/')
    {
        let opened = enter(root, &base, above).map_err(|error| Error::from_io(path, error))?;
        (base, rest) = (Handle::Confined(opened), name);
    }
    Ok((base, if rest.is_empty() { "." } else { rest }))
}

/// Opens the directory that a path leads to.
pub(super) fn open_directory(root: &OpenRoot, path: &StoragePath) -> Result<Dir> {
    let (base, rest) = located(root, path)?;
    enter(root, &base, rest).map_err(|error| Error::from_io(path, error))
}

/// Opens a directory below another.
fn enter(root: &OpenRoot, base: &Dir, rest: &str) -> io::Result<Dir> {
    if root.follows_links() {
        return base.open_dir(if rest.is_empty() { "." } else { rest });
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut directory = base.try_clone()?;
    for name in rest.split('/').filter(|name| !matches!(*name, "" | ".")) {
        directory = match openat(&directory, name, flags, Mode::empty()) {
            Ok(opened) => Dir::from_std_file(File::from(opened)),
            Err(_) if is_link(&directory, name) => return Err(not_followed()),
            Err(error) => return Err(error.into()),
        };
    }
    Ok(directory)
}

/// The flags for opening a file; they refuse links if these are not followed.
pub(super) fn open_flags(root: &OpenRoot, flags: OFlags) -> i32 {
    let flags = if root.follows_links() { flags } else { flags | OFlags::NOFOLLOW };
    flags.bits() as i32
}

/// # Errors
/// The name is a link, and links are not followed.
pub(super) fn refuse_link(root: &OpenRoot, base: &Dir, name: &str) -> io::Result<()> {
    if !root.follows_links() && is_link(base, name) { Err(not_followed()) } else { Ok(()) }
}

fn is_link(directory: &Dir, name: &str) -> bool {
    directory.symlink_metadata(name).is_ok_and(|metadata| metadata.is_symlink())
}

fn not_followed() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "a symbolic link, and links are not followed")
}

/// The directory that contains `path`, opened, and the name in it. Not for the root.
pub(super) fn parent_of<'a>(root: &OpenRoot, path: &'a StoragePath) -> Result<(Dir, &'a str)> {
    match (path.parent(), path.name()) {
        (Some(parent), Some(name)) => {
            Ok((open_directory(root, &parent).map_err(|error| error.at(path))?, name))
        }
        _ => Err(Error::new(ErrorKind::PermissionDenied, path)),
    }
}

/// The entry under a name, not its target; `None` only if it is known that there is none.
pub(super) fn standing_at(directory: &Dir, name: &str) -> io::Result<Option<cap_std::fs::Metadata>> {
    match directory.symlink_metadata(name) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
