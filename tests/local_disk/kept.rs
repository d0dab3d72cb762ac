//! What a file keeps whose content is replaced: who may read it must not change with that.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{XattrFlags, getxattr, setxattr};

use crate::support::{Engine, Setup, skipped};

const ACL: &str = "system.posix_acl_access";
const GROUP: u32 = 12_345;

/// `user::rw-`, `user:4711:r--`, the group's rights, `mask::rw-` and `other::---`.
pub fn list(group: u16) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, id) in
        [(1, 6, u32::MAX), (2, 4, 4711), (4, group, u32::MAX), (0x10, 6, u32::MAX), (0x20, 0, u32::MAX)]
    {
        bytes.extend(u16::to_le_bytes(tag));
        bytes.extend(u16::to_le_bytes(rights));
        bytes.extend(u32::to_le_bytes(id));
    }
    bytes
}

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 8192];
    let length = getxattr(path, name, &mut buffer).ok()?;
    buffer.truncate(length);
    Some(buffer)
}

/// Whether the machine lets a test set it.
#[track_caller]
fn set(path: &Path, name: &str, value: &[u8]) -> bool {
    match setxattr(path, name, value, XattrFlags::empty()) {
        Ok(()) => true,
        Err(error) => {
            skipped(format!("{name} can't be set here: {error}"));
            false
        }
    }
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skipped("nobody but root gives a file to another group");
    }
    is_root
}

/// Replaces a file in each way that there is.
fn replace(setup: &Setup) {
    let server = setup.start();
    let mut client = server.login();
    assert_eq!(client.try_store("STOR file", b"1234567890").code, 226);
    if Engine::current() == Engine::Native {
        client.expect("REST 5", 350);
        assert_eq!(client.try_store("STOR file", b"again").code, 226);
        assert_eq!(fs::read(setup.files().join("file")).unwrap(), b"12345again");
    }
}

fn with_file(mode: u32) -> Setup {
    let setup = Setup::local();
    fs::write(setup.files().join("file"), "12345").unwrap();
    fs::set_permissions(setup.files().join("file"), PermissionsExt::from_mode(mode)).unwrap();
    setup
}

#[test]
fn the_group_and_its_rights_are() {
    if !is_root() {
        return;
    }
    let setup = with_file(0o640);
    let file = setup.files().join("file");
    std::os::unix::fs::chown(&file, None, Some(GROUP)).unwrap();
    replace(&setup);
    let found = fs::metadata(&file).unwrap();
    assert_eq!((found.gid(), found.mode() & 0o777), (GROUP, 0o640));
}

/// A server that is no member of the group.
#[test]
fn rights_of_a_group_are_not_given_to_another_one() {
    if !is_root() {
        return;
    }
    for (mode, expected) in [(0o640, 0o600), (0o664, 0o644), (0o604, 0o644), (0o666, 0o666)] {
        let setup = with_file(mode).wrapped_in(&["setpriv", "--bounding-set=-chown", "--inh-caps=-all"]);
        let file = setup.files().join("file");
        std::os::unix::fs::chown(&file, None, Some(GROUP)).unwrap();
        replace(&setup);
        let found = fs::metadata(&file).unwrap();
        assert_eq!((found.gid(), found.mode() & 0o777), (0, expected), "{mode:o}");
    }
    let setup = with_file(0o640).wrapped_in(&["setpriv", "--bounding-set=-chown", "--inh-caps=-all"]);
    let file = setup.files().join("file");
    if set(&file, ACL, &list(6)) {
        std::os::unix::fs::chown(&file, None, Some(GROUP)).unwrap();
        replace(&setup);
        assert_eq!(attribute(&file, ACL), Some(list(0)));
    }
}

#[test]
fn lists_and_attributes_are() {
    let setup = with_file(0o640);
    let file = setup.files().join("file");
    if !set(&file, ACL, &list(4)) || !set(&file, "user.origin", b"scanner 7") {
        return;
    }
    replace(&setup);
    assert_eq!(attribute(&file, ACL), Some(list(4)));
    assert_eq!(attribute(&file, "user.origin").unwrap(), b"scanner 7");
}

/// The server may store in the directory, and not read the file: the bits that its group shows are those of everybody who is named.
#[test]
fn the_list_of_a_file_that_may_not_be_read_is() {
    let mut setup = with_file(0o240);
    if is_root() {
        setup = setup.wrapped_in(&[
            "setpriv",
            "--bounding-set=-dac_override,-dac_read_search",
            "--inh-caps=-all",
        ]);
    }
    let file = setup.files().join("file");
    let mut unreadable = list(4);
    unreadable[6] = 2;
    if !set(&file, ACL, &unreadable) {
        return;
    }
    let server = setup.start();
    assert_eq!(server.login().try_store("STOR file", b"1234567890").code, 226);
    assert_eq!(attribute(&file, ACL), Some(unreadable));
}

/// Of a file that its owner may not write to, either.
#[test]
fn attributes_of_a_file_that_is_read_only_are() {
    let mut setup = with_file(0o440);
    if is_root() {
        setup = setup.wrapped_in(&["setpriv", "--bounding-set=-dac_override", "--inh-caps=-all"]);
    }
    let file = setup.files().join("file");
    if !set(&file, "user.origin", b"scanner 7") {
        return;
    }
    let server = setup.start();
    assert_eq!(server.login().try_store("STOR file", b"1234567890").code, 226);
    assert_eq!(attribute(&file, "user.origin").unwrap(), b"scanner 7");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o440);
}

/// What a directory gives to new files is for new files.
#[test]
fn what_the_directory_gives_is_for_new_files() {
    let setup = with_file(0o640);
    if !set(&setup.files(), "system.posix_acl_default", &list(6)) {
        return;
    }
    replace(&setup);
    let file = setup.files().join("file");
    assert_eq!(attribute(&file, ACL), None);
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
    let server = setup.start();
    assert_eq!(server.login().try_store("STOR new", b"12345").code, 226);
    assert!(attribute(&setup.files().join("new"), ACL).is_some());
}

/// Where a disk keeps none of it, files are stored all the same.
#[test]
fn nothing_is_a_reason_to_fail() {
    for calls in [&["fsetxattr=EPERM"][..], &["fsetxattr=EOPNOTSUPP", "fchmod=EPERM"], &["fchown=EPERM"]] {
        let setup = with_file(0o640);
        let file = setup.files().join("file");
        if !set(&file, ACL, &list(4)) {
            return;
        }
        let Some(setup) = super::odd::refusing(setup, calls) else { return };
        replace(&setup);
        if calls[0].starts_with("fsetxattr") && calls.len() == 1 {
            // The bits that the list gave to the group itself.
            assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
        }
    }
}
