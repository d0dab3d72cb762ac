//! The properties that a new file takes over from the file that it replaces: the group, the permission bits, the access
//! control list (POSIX), and the attributes that users gave it (`user.*`).
//!
//! A user who replaces the content of a file doesn't expect to change who may read it. So everything is kept that the
//! kernel allows, and a failure to keep something never refuses an upload. The rights of a group are never given to
//! another group: if the group can't be kept, its members get the rights of everybody.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use cap_std::fs::Dir;
use rustix::fs::{Gid, Uid, XattrFlags, fchown, fgetxattr, flistxattr, fremovexattr, fsetxattr, lgetxattr};
use rustix::io::Errno;

use super::disk::{Weakness, weaker};

const ACL: &str = "system.posix_acl_access";
const OF_USERS: &str = "user.";

/// The largest value, and the largest list of names, that Linux allows.
const MOST: usize = 64 * 1024;

/// The properties of every file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rights {
    pub(super) mode: u32,
    pub(super) group: u32,
    pub(super) owner: u32,
}

/// The access control list of a file that may not be opened.
pub(super) fn list_of(directory: &Dir, name: &str) -> Option<Vec<u8>> {
    let path = format!("/proc/self/fd/{}/{name}", directory.as_raw_fd());
    read_growing(|buffer| lgetxattr(&path, ACL, buffer)).ok()
}

/// Gives `new`, which has no name yet, the properties of the old file. `readable` is the old file, if it can be read;
/// otherwise `list` is its access control list.
pub(super) fn keep(old: Rights, readable: Option<&File>, list: Option<Vec<u8>>, new: &File) {
    let names = readable.map(names_of).unwrap_or_default();
    let attributes = names.iter().filter(|name| name.starts_with(OF_USERS));
    // The rights come last: they may forbid to set anything.
    for (name, old) in attributes.filter_map(|name| Some((name, readable?))) {
        let kept =
            value_of(old, name).and_then(|value| fsetxattr(new, name.as_str(), &value, XattrFlags::empty()));
        match kept {
            // Another program has removed it meanwhile.
            Ok(()) | Err(Errno::NODATA) => {}
            Err(error) => weaker(new, Weakness::Attributes, &error),
        }
    }
    let with_list = readable.filter(|_| names.iter().any(|name| name == ACL));
    let list = with_list.and_then(|old| value_of(old, ACL).ok()).or(list);
    if let Err(error) = keep_rights(old, list.and_then(AccessList::parse), new) {
        weaker(new, Weakness::Modes, &error);
    }
}

fn keep_rights(old: Rights, list: Option<AccessList>, new: &File) -> io::Result<()> {
    let metadata = new.metadata()?;
    // A server that runs as root can give the file back to its owner; for others it stays their own.
    let is_given = metadata.uid() != old.owner
        && fchown(new, Some(Uid::from_raw(old.owner)), Some(Gid::from_raw(old.group))).is_ok();
    let group_kept = is_given
        || metadata.gid() == old.group
        || match fchown(new, None, Some(Gid::from_raw(old.group))) {
            Ok(()) => true,
            Err(error) => {
                weaker(new, Weakness::Groups, &error);
                false
            }
        };
    let mut mode = old.mode & 0o777;
    if let Some(mut list) = list {
        if !group_kept {
            list.give_group_what_all_have();
        }
        match fsetxattr(new, ACL, &list.0, XattrFlags::empty()) {
            Ok(()) => return Ok(()),
            Err(error) => weaker(new, Weakness::Attributes, &error),
        }
        // With a list, the mode's group bits are its mask; without a list, they are the group's own.
        mode = list.mode();
    } else if names_of(new).iter().any(|name| name == ACL) {
        // The old file did not have what the directory gives to new files (`default:` of its own list).
        if let Err(error) = fremovexattr(new, ACL) {
            weaker(new, Weakness::Attributes, &error);
        }
    }
    if !group_kept {
        mode = mode & !0o070 | (mode & 0o007) << 3;
    }
    if new.metadata()?.mode() & 0o777 == mode {
        return Ok(());
    }
    new.set_permissions(std::fs::Permissions::from_mode(mode))
}

/// The names of the extended attributes of a file; none if there can't be any.
fn names_of(file: &File) -> Vec<String> {
    let read = read_growing(|buffer| flistxattr(file, buffer));
    let names = read.unwrap_or_default();
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.filter_map(|name| String::from_utf8(name.to_vec()).ok()).collect()
}

fn value_of(file: &File, name: &str) -> rustix::io::Result<Vec<u8>> {
    read_growing(|buffer| fgetxattr(file, name, buffer))
}

/// Most values are short.
fn read_growing(read: impl Fn(&mut [u8]) -> rustix::io::Result<usize>) -> rustix::io::Result<Vec<u8>> {
    let mut buffer = vec![0; 512];
    loop {
        match read(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Err(Errno::RANGE) if buffer.len() < MOST => buffer = vec![0; MOST],
            Err(error) => return Err(error),
        }
    }
}

/// An access control list in the kernel's format: a version, and for each entry a tag, rights and an ID.
struct AccessList(Vec<u8>);

const HEAD: usize = 4;
const ENTRY: usize = 8;
const OWNER: u16 = 0x01;
const GROUP: u16 = 0x04;
const MASK: u16 = 0x10;
const OTHERS: u16 = 0x20;

impl AccessList {
    fn parse(bytes: Vec<u8>) -> Option<Self> {
        let is_known = bytes.starts_with(&2_u32.to_le_bytes()) && bytes.len() % ENTRY == HEAD;
        is_known.then_some(Self(bytes))
    }

    fn rights(&self, tag: u16) -> Option<u16> {
        let entry = self.0[HEAD..].chunks(ENTRY).find(|entry| entry[..2] == tag.to_le_bytes())?;
        Some(u16::from_le_bytes([entry[2], entry[3]]))
    }

    fn give_group_what_all_have(&mut self) {
        let rights = self.rights(OTHERS).unwrap_or_default().to_le_bytes();
        let entries = self.0[HEAD..].chunks_mut(ENTRY);
        for entry in entries.filter(|entry| entry[..2] == GROUP.to_le_bytes()) {
            entry[2..4].copy_from_slice(&rights);
        }
    }

    /// The list reduced to nine bits.
    fn mode(&self) -> u32 {
        let rights = |tag| u32::from(self.rights(tag).unwrap_or_default() & 7);
        let group = rights(GROUP) & self.rights(MASK).map_or(7, u32::from);
        rights(OWNER) << 6 | group << 3 | rights(OTHERS)
    }
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
