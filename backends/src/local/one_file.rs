//! Two names of one file: hard links, and spellings on a disk without case (exFAT, NTFS, CIFS, ext4 with `casefold`).
//!
//! If both names lead to one inode, `rename(2)` does nothing and reports success. Inodes alone don't distinguish the
//! two cases: file systems without case may have an inode for each spelling, and a file on such a disk may have hard
//! links, too. The listing of the directory decides: a name that is found and not listed is another spelling of a
//! listed one.

use std::io;

use cap_std::fs::{Dir, Metadata, MetadataExt};
use rustix::fs::{AtFlags, renameat, unlinkat};
use rustix::io::Errno;

use super::names::Names;
use super::standing_at;
use crate::threads::step;

/// A name in an opened directory, and its entry.
pub(super) struct Name<'a> {
    pub(super) directory: &'a Dir,
    pub(super) name: &'a str,
    pub(super) metadata: &'a Metadata,
}

/// The relation between the source and the target of a rename, if both exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// Two files, as far as is known.
    Other,
    /// Two spellings of one entry, and the directory lists the source's or a third one.
    Spellings,
    /// The same, and the directory already lists the target's spelling.
    Listed,
    /// Two entries of one file.
    HardLinks,
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Whether two names are links of one file. Some file systems give one number to many files: a name that is removed as
/// another link must not be the only name of another file.
fn are_links(one: &Metadata, other: &Metadata) -> bool {
    let times = |metadata: &Metadata| {
        (
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
            metadata.len(),
            metadata.nlink(),
        )
    };
    identity(one) == identity(other) && one.nlink() > 1 && times(one) == times(other)
}

/// A name as a disk without case sees it, or nearly so.
fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

pub(super) fn relation(source: &Name<'_>, target: &Name<'_>) -> io::Result<Relation> {
    let one_inode = identity(source.metadata) == identity(target.metadata);
    let links = are_links(source.metadata, target.metadata);
    let alike = folded(source.name) == folded(target.name);
    if !one_inode && !alike {
        return Ok(Relation::Other);
    }
    let directories = (source.directory.dir_metadata()?, target.directory.dir_metadata()?);
    if identity(&directories.0) != identity(&directories.1) {
        return Ok(if links { Relation::HardLinks } else { Relation::Other });
    }
    let listed = Listed::read(source, target)?;
    Ok(match (listed.source, listed.target) {
        (true, true) if links && source.name != target.name => Relation::HardLinks,
        (true, true) => Relation::Other,
        // A file without hard links has only one name, so both have to be that one.
        (_, listed) if alike || source.metadata.nlink() == 1 => {
            if listed {
                Relation::Listed
            } else {
                Relation::Spellings
            }
        }
        _ => Relation::Other,
    })
}

/// Which of the names the directory lists in their spelling.
struct Listed {
    source: bool,
    target: bool,
}

impl Listed {
    fn read(source: &Name<'_>, target: &Name<'_>) -> io::Result<Self> {
        let mut listed = Self { source: false, target: false };
        for entry in source.directory.entries()? {
            step();
            let name = entry?.file_name();
            listed.source |= name == *source.name;
            listed.target |= name == *target.name;
        }
        Ok(listed)
    }
}

/// Removes one of two hard links, as `mv` does, if they still are links of one file.
pub(super) fn remove_hard_link(source: &Name<'_>, target: &Name<'_>) -> io::Result<()> {
    // No upload of this process gets the name of the source meanwhile.
    let names = Names::of(source.directory)?;
    let _alone = names.alone();
    for name in [source, target] {
        let now = standing_at(name.directory, name.name)?;
        if !now.is_some_and(|now| are_links(&now, name.metadata)) {
            return Err(Errno::BUSY.into());
        }
    }
    Ok(unlinkat(source.directory, source.name, AtFlags::empty())?)
}

/// Changes the spelling of an entry.
pub(super) fn respell(directory: &Dir, from: &str, to: &str) -> io::Result<()> {
    // No upload of this process gets either name meanwhile.
    let names = Names::of(directory)?;
    let _alone = names.alone();
    renameat(directory, from, directory, to)?;
    if lists(directory, to)? {
        return Ok(());
    }
    // The kernel took both for one name, and did nothing. If the server is killed between the two steps, the entry
    // keeps the name in between: a visible one, because a hidden name would be removed as a leftover of an upload.
    let between = free_name(directory, to)?;
    renameat(directory, from, directory, &between)?;
    match renameat(directory, &between, directory, to) {
        Ok(()) => Ok(()),
        Err(error) => {
            if let Err(stuck) = renameat(directory, &between, directory, from) {
                tracing::error!(from, to, name = between, %stuck, "a rename got stuck half way: the file has this name");
            }
            Err(error.into())
        }
    }
}

fn lists(directory: &Dir, name: &str) -> io::Result<bool> {
    for entry in directory.entries()? {
        step();
        if entry?.file_name() == *name {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A name that begins with this one, as far as there is room, and that is free.
fn free_name(directory: &Dir, name: &str) -> io::Result<String> {
    const ROOM: usize = 200;
    let end = (0..=name.len().min(ROOM)).rev().find(|end| name.is_char_boundary(*end)).unwrap_or_default();
    loop {
        let free = format!("{}.renaming-{:08x}", &name[..end], fastrand::u32(..));
        if standing_at(directory, &free)?.is_none() {
            return Ok(free);
        }
    }
}
