use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::contract::{contents, names_in, put};

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

/// A directory `/real` with a file, and links to both.
async fn linked() -> (tempfile::TempDir, LocalStorage) {
    let root = tempfile::tempdir().unwrap();
    let storage = LocalStorage::open(root.path(), LocalOptions::default()).unwrap();
    storage.create_directory(&path("/real")).await.unwrap();
    put(&storage, "/real/f", b"content", CreateMode::New).await.unwrap();
    symlink(root.path().join("real"), root.path().join("directory")).unwrap();
    symlink(root.path().join("real/f"), root.path().join("file")).unwrap();
    symlink("nowhere", root.path().join("dangling")).unwrap();
    symlink("/etc/passwd", root.path().join("outward")).unwrap();
    (root, storage)
}

#[tokio::test]
async fn absolute_ones_are_followed_inside() {
    let (root, storage) = linked().await;
    assert_eq!(contents(&storage, "/file").await, b"content");
    assert_eq!(contents(&storage, "/directory/f").await, b"content");
    assert_eq!(names_in(&storage, "/directory").await, ["f"]);
    let found = storage.stat(&path("/directory")).await.unwrap();
    assert!(found.is_directory() && found.is_link);
    assert_eq!(found.link_target.as_deref(), Some("/real"));
    storage.enter(&path("/directory")).await.unwrap();
    // Relative ones lead on to absolute ones.
    symlink("directory/../directory", root.path().join("on")).unwrap();
    assert_eq!(contents(&storage, "/on/f").await, b"content");
    storage.create_directory(&path("/on/new")).await.unwrap();
    storage.rename(&path("/on/new"), &path("/directory/renamed"), false).await.unwrap();
    storage.remove_directory(&path("/on/renamed")).await.unwrap();
    storage.set_modified(&path("/file"), SystemTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(storage.stat(&path("/real/f")).await.unwrap().modified, Some(SystemTime::UNIX_EPOCH));
    // What looks like the root and goes on upwards, and what only begins as its name does.
    let beside = format!("{}-beside", root.path().display());
    for target in [format!("{}/../../etc", root.path().display()), beside] {
        let _ = fs::remove_file(root.path().join("on"));
        symlink(&target, root.path().join("on")).unwrap();
        let found = storage.stat(&path("/on")).await.unwrap();
        assert_eq!((found.kind, found.link_target), (EntryKind::Other, None), "{target}");
        assert!(storage.list(&path("/on")).await.is_err(), "{target}");
    }
    symlink(root.path().join("round"), root.path().join("round")).unwrap();
    assert!(storage.open(&path("/round"), ByteRange::ALL).await.is_err());
}

#[tokio::test]
async fn appended_bytes_go_to_the_file_behind() {
    let (root, storage) = linked().await;
    symlink("real/f", root.path().join("relative")).unwrap();
    put(&storage, "/file", b"+1", CreateMode::Append).await.unwrap();
    put(&storage, "/relative", b"+2", CreateMode::Append).await.unwrap();
    assert_eq!(contents(&storage, "/real/f").await, b"content+1+2");
    put(&storage, "/relative", b"!", CreateMode::Resume(7)).await.unwrap();
    assert_eq!(contents(&storage, "/real/f").await, b"content!");
    for name in ["file", "relative"] {
        assert!(fs::symlink_metadata(root.path().join(name)).unwrap().is_symlink(), "{name}");
    }
    let error = put(&storage, "/outward", b"x", CreateMode::Append).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    put(&storage, "/dangling", b"new", CreateMode::Append).await.unwrap();
    assert_eq!(contents(&storage, "/dangling").await, b"new");
}

/// Law 6, as clients see it: a link to a directory is one.
#[tokio::test]
async fn renames_replace_none_but_those_to_files() {
    let (root, storage) = linked().await;
    put(&storage, "/new", b"new", CreateMode::New).await.unwrap();
    for target in ["/directory", "/dangling", "/outward"] {
        let error = storage.rename(&path("/new"), &path(target), true).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{target}");
    }
    let error = storage.rename(&path("/directory"), &path("/new"), true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    storage.rename(&path("/new"), &path("/file"), true).await.unwrap();
    assert_eq!(contents(&storage, "/file").await, b"new");
    assert_eq!(contents(&storage, "/real/f").await, b"content");
    storage.rename(&path("/directory"), &path("/moved"), true).await.unwrap();
    assert!(fs::symlink_metadata(root.path().join("moved")).unwrap().is_symlink());
    assert_eq!(contents(&storage, "/moved/f").await, b"content");
}

#[tokio::test]
async fn they_are_removed_alone() {
    let (root, storage) = linked().await;
    for name in ["/directory", "/dangling", "/outward"] {
        storage.remove_directory(&path(name)).await.unwrap();
    }
    let error = storage.remove_directory(&path("/file")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADirectory);
    symlink("real", root.path().join("again")).unwrap();
    storage.remove_file(&path("/again")).await.unwrap();
    storage.remove_file(&path("/file")).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, ["real"]);
    assert_eq!(contents(&storage, "/real/f").await, b"content");
}

#[tokio::test]
async fn targets_that_break_a_line_are_not_told() {
    let (root, storage) = linked().await;
    symlink("real\r\n250 done", root.path().join("odd")).unwrap();
    let found = storage.stat(&path("/odd")).await.unwrap();
    assert!(found.is_link && found.link_target.is_none());
}

#[tokio::test]
async fn a_time_that_the_disk_can_not_keep_changes_nothing() {
    let (_root, storage) = linked().await;
    let day = Duration::from_secs(24 * 60 * 60);
    let f = path("/real/f");
    for modified in [SystemTime::UNIX_EPOCH - 50_000 * day, SystemTime::UNIX_EPOCH + 300_000 * day] {
        let before = storage.stat(&f).await.unwrap().modified;
        match storage.set_modified(&f, modified).await {
            Ok(()) => assert_eq!(storage.stat(&f).await.unwrap().modified, Some(modified)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidTime, "{error}");
                assert_eq!(storage.stat(&f).await.unwrap().modified, before);
            }
        }
    }
}

#[tokio::test]
async fn listings_are_sorted_up_to_a_bound_and_complete_beyond() {
    use futures_util::TryStreamExt;
    let root = tempfile::tempdir().unwrap();
    for (directory, count) in [("few", 600), ("many", 10_300)] {
        fs::create_dir(root.path().join(directory)).unwrap();
        for number in 0..count {
            fs::write(root.path().join(format!("{directory}/{number:05}")), "").unwrap();
        }
    }
    let storage = LocalStorage::open(root.path(), LocalOptions::default()).unwrap();
    let few: Vec<_> = storage.list(&path("/few")).await.unwrap().try_collect().await.unwrap();
    let names: Vec<_> = few.into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, (0..600).map(|number| format!("{number:05}")).collect::<Vec<_>>());
    assert_eq!(names_in(&storage, "/many").await.len(), 10_300);
}
