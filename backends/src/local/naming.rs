//! How uploads get their names on a disk.
//!
//! It is tried at the first upload to a file system, and remembered: a disk that refuses a call after all bytes of an
//! upload have arrived would refuse every upload.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::{LazyLock, PoisonError, RwLock};

use cap_std::fs::Dir;
use rustix::fs::{
    AtFlags, FlockOperation, FsWord, RenameFlags, flock, fstatfs, linkat, renameat_with, unlinkat,
};
use rustix::io::Errno;

use super::disk::{self, Mount, Weakness};
use super::reserved::FOLDER;
use super::temporary::{link, named, next_name, place_in, unnamed};

/// How uploads get their names on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// Uploads are files without a name, which get one by a link.
    Unnamed,
    /// Uploads have hidden names, and are renamed.
    Hidden(Taking),
}

/// How a hidden name becomes one that must be free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taking {
    /// The disk refuses to rename onto a name that is taken.
    Rename,
    /// The disk refuses to link to a name that is taken.
    Link,
    /// The disk refuses neither, so the name is looked up before.
    Look,
}

/// A file system and the way to try it. Numbers of devices and mounts are used again, so the kind of the file system is
/// part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Tried {
    mount: Mount,
    kind: FsWord,
    /// Whether files without a name are tried.
    unnamed: bool,
}

/// The mode of files that try what a disk can do.
const TRIED: u32 = 0o600;

static KNOWN: LazyLock<RwLock<HashMap<Tried, Naming>>> = LazyLock::new(RwLock::default);

/// How uploads to `target` get their names; `unnamed` if files without a name may be tried. Blocks.
pub(super) fn naming(root: &Dir, target: &Dir, unnamed: bool) -> io::Result<Naming> {
    let tried = Tried { mount: Mount::of(target)?, kind: fstatfs(target)?.f_type, unnamed };
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&tried) {
        return Ok(*known);
    }
    let can_link = if unnamed { can_link(root, target)? } else { CanLink::Not };
    let naming = match can_link {
        CanLink::Can => Naming::Unnamed,
        CanLink::Not | CanLink::NotHere => Naming::Hidden(try_taking(root, target)?),
    };
    if naming == Naming::Hidden(Taking::Look) {
        disk::weaker(target, Weakness::Names, &"neither links nor RENAME_NOREPLACE");
    }
    if can_link != CanLink::NotHere {
        KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(tried, naming);
    }
    Ok(naming)
}

/// Whether files without a name exist, and can get one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CanLink {
    Can,
    Not,
    /// They can't, for a reason that may hold only for this directory.
    NotHere,
}

fn can_link(root: &Dir, target: &Dir) -> io::Result<CanLink> {
    let Some(file) = unnamed(target, TRIED)? else { return Ok(CanLink::Not) };
    match try_link(&file, root, target) {
        Ok(()) => Ok(CanLink::Can),
        Err(error) if disk::is_refusal(&error) => {
            let errno = error.raw_os_error().map(Errno::from_raw_os_error);
            Ok(match errno {
                Some(Errno::NOENT | Errno::XDEV | Errno::ACCESS) => CanLink::NotHere,
                _ => CanLink::Not,
            })
        }
        Err(error) => Err(error),
    }
}

/// Tries whether a file without a name can get one.
fn try_link(file: &File, root: &Dir, target: &Dir) -> io::Result<()> {
    // No folder is left behind just for this test.
    let directory = place_in(root, target, |directory| {
        directory.open_dir(FOLDER).and_then(|folder| disk::may_write(&folder).map(|()| folder))
    })?;
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
    let name = next_name();
    match link(file, &directory, &name) {
        // As for an upload: this directory accepts no names from elsewhere.
        Err(Errno::XDEV) => {
            link(file, target, &name)?;
            Ok(unlinkat(target, &name, AtFlags::empty())?)
        }
        linked => {
            linked?;
            Ok(unlinkat(&directory, &name, AtFlags::empty())?)
        }
    }
}

/// Tries how a hidden name can become one that must be free.
fn try_taking(root: &Dir, target: &Dir) -> io::Result<Taking> {
    let (_file, mut hidden) = named(root, target, TRIED)?;
    let (directory, free) = (&hidden.directory, next_name());
    let refused = |error: Errno| match io::Error::from(error) {
        error if disk::is_refusal(&error) => Ok(()),
        error => Err(error),
    };
    match renameat_with(directory, &hidden.name, directory, &free, RenameFlags::NOREPLACE) {
        Ok(()) => {
            hidden.name = free;
            return Ok(Taking::Rename);
        }
        Err(error) => refused(error)?,
    }
    match linkat(directory, &hidden.name, directory, &free, AtFlags::empty()) {
        Ok(()) => {
            unlinkat(directory, &free, AtFlags::empty())?;
            Ok(Taking::Link)
        }
        Err(error) => refused(error).map(|()| Taking::Look),
    }
}
