use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::contract::{Fixture, contents, names_in, pattern, put};

fn fixture_with(unnamed: bool, sync: bool) -> Fixture {
    let root = tempfile::tempdir().unwrap();
    let options = LocalOptions { sync, ..LocalOptions::default() };
    let mut storage = LocalStorage::open(root.path(), options).unwrap();
    storage.unnamed = unnamed;
    let mut second = LocalStorage::open(root.path(), options).unwrap();
    second.unnamed = unnamed;
    Fixture { guard: Box::new(root), ..Fixture::new(storage).with_second(second) }
}

mod contract {
    async fn fixture() -> super::Fixture {
        super::fixture_with(true, true)
    }

    crate::contract_tests!(fixture);
}

/// As on a file system that has no files without a name.
mod contract_with_hidden_names {
    async fn fixture() -> super::Fixture {
        super::fixture_with(false, false)
    }

    crate::contract_tests!(fixture);
}

fn open_in(root: &Path) -> LocalStorage {
    LocalStorage::open(root, LocalOptions::default()).unwrap()
}

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

#[tokio::test]
async fn links_never_lead_out_of_the_root() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    let root = tempfile::tempdir().unwrap();
    symlink(outside.path(), root.path().join("out")).unwrap();
    symlink(outside.path().join("secret"), root.path().join("file")).unwrap();
    symlink("../../../../etc/passwd", root.path().join("dots")).unwrap();
    symlink("/proc/self/cwd", root.path().join("proc")).unwrap();
    let storage = open_in(root.path());
    for name in ["/file", "/dots", "/out/secret", "/proc/Cargo.toml"] {
        let error = storage.open(&path(name), ByteRange::ALL).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound), "{name}: {error}");
    }
    for name in ["/out", "/proc"] {
        assert!(storage.list(&path(name)).await.is_err(), "{name}");
    }
    assert!(put(&storage, "/out/new", b"x", CreateMode::Replace).await.is_err());
    assert!(storage.create_directory(&path("/out/new")).await.is_err());
    assert!(storage.rename(&path("/dots"), &path("/out/new"), true).await.is_err());
    assert!(storage.remove_file(&path("/out/secret")).await.is_err());
    put(&storage, "/file", b"mine", CreateMode::Replace).await.unwrap();
    assert_eq!(fs::read(outside.path().join("secret")).unwrap(), b"secret", "the link was followed");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    // They are seen, and can be removed.
    assert_eq!(names_in(&storage, "/").await, ["dots", "file", "out", "proc"]);
    assert_eq!(storage.stat(&path("/out")).await.unwrap().kind, EntryKind::Other);
    for name in ["/dots", "/out", "/proc"] {
        storage.remove_file(&path(name)).await.unwrap();
    }
}

#[tokio::test]
async fn links_inside_the_root_are_followed() {
    let root = tempfile::tempdir().unwrap();
    let storage = open_in(root.path());
    storage.create_directory(&path("/real")).await.unwrap();
    put(&storage, "/real/f", b"content", CreateMode::New).await.unwrap();
    symlink("real", root.path().join("link")).unwrap();
    symlink("real/f", root.path().join("file-link")).unwrap();
    symlink("nowhere", root.path().join("dangling")).unwrap();
    assert_eq!(contents(&storage, "/link/f").await, b"content");
    assert_eq!(contents(&storage, "/file-link").await, b"content");
    assert!(storage.stat(&path("/link")).await.unwrap().is_directory());
    assert_eq!(storage.stat(&path("/dangling")).await.unwrap().kind, EntryKind::Other);
    let over_link = put(&storage, "/link", b"x", CreateMode::Replace).await.unwrap_err();
    assert_eq!(over_link.kind(), ErrorKind::IsADirectory);
    let loops = root.path().join("loop");
    symlink("loop", &loops).unwrap();
    assert!(storage.open(&path("/loop"), ByteRange::ALL).await.is_err());
}

#[tokio::test]
async fn foreign_names_never_break_a_listing() {
    use std::os::unix::ffi::OsStrExt;
    let root = tempfile::tempdir().unwrap();
    for name in [&b"good"[..], b"\xff\xfe", b"line\nbreak", b"cr\r"] {
        fs::write(root.path().join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
    }
    let pipe = root.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    let storage = open_in(root.path());
    assert_eq!(names_in(&storage, "/").await, ["good", "pipe"]);
    let error = storage.open(&path("/pipe"), ByteRange::ALL).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "a pipe would block its reader for ever");
}

#[tokio::test]
async fn names_of_temporaries_are_out_of_reach() {
    let root = tempfile::tempdir().unwrap();
    let mut storage = open_in(root.path());
    storage.unnamed = false;
    let mut upload = storage.create(&path("/f"), CreateMode::Replace).await.unwrap();
    upload.write(pattern(1_000_000, 1).into()).await.unwrap();
    assert_eq!(fs::read_dir(root.path().join(".wharf-uploads")).unwrap().count(), 1);
    assert_eq!(names_in(&storage, "/").await, [""; 0]);
    for name in ["/.wharf-uploads", "/.wharf-upload-x", "/.wharf-uploads/x"] {
        let name = &path(name);
        assert_eq!(storage.stat(name).await.unwrap_err().kind(), ErrorKind::NotFound, "{name}");
        assert!(storage.create(name, CreateMode::Replace).await.is_err(), "{name}");
        assert!(storage.create_directory(name).await.is_err(), "{name}");
        assert!(storage.rename(&path("/f"), name, true).await.is_err(), "{name}");
    }
    upload.finish().await.unwrap();
    assert_eq!(fs::read_dir(root.path().join(".wharf-uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn leftovers_are_swept_and_living_uploads_are_not() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join(".wharf-uploads");
    let mut storage = open_in(root.path());
    storage.unnamed = false;
    let mut upload = storage.create(&path("/f"), CreateMode::Replace).await.unwrap();
    upload.write(pattern(1_000_000, 1).into()).await.unwrap();
    // What a killed process leaves: a file that nobody has locked.
    fs::write(folder.join(".wharf-upload-1-2-3"), "leftover").unwrap();
    let _second = open_in(root.path());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "just the leftover goes");
    upload.finish().await.unwrap();
    assert_eq!(contents(&storage, "/f").await, pattern(1_000_000, 1));
}

#[tokio::test]
async fn replacing_keeps_the_mode() {
    let root = tempfile::tempdir().unwrap();
    let storage = open_in(root.path());
    put(&storage, "/f", b"one", CreateMode::New).await.unwrap();
    fs::set_permissions(root.path().join("f"), fs::Permissions::from_mode(0o600)).unwrap();
    put(&storage, "/f", b"two", CreateMode::Replace).await.unwrap();
    let mode = fs::metadata(root.path().join("f")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_root_must_be_a_directory() {
    let root = tempfile::tempdir().unwrap();
    let missing = root.path().join("a/b");
    assert!(LocalStorage::open(&missing, LocalOptions::default()).is_err());
    let options = LocalOptions { create_root: true, ..LocalOptions::default() };
    LocalStorage::open(&missing, options).unwrap();
    fs::write(root.path().join("file"), "").unwrap();
    assert!(LocalStorage::open(&root.path().join("file"), options).is_err());
}
