use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::contract::{contents, names_in, put};
use crate::local::{LocalOptions, LocalStorage};
use crate::{CreateMode, ErrorKind, Storage, StoragePath};

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

/// `a` and `d/b` and `c` are one file.
async fn linked() -> (tempfile::TempDir, LocalStorage) {
    let root = tempfile::tempdir().unwrap();
    let storage = LocalStorage::open(root.path(), LocalOptions::default()).unwrap();
    put(&storage, "/a", b"content", CreateMode::New).await.unwrap();
    fs::create_dir(root.path().join("d")).unwrap();
    for name in ["d/b", "c"] {
        fs::hard_link(root.path().join("a"), root.path().join(name)).unwrap();
    }
    (root, storage)
}

#[tokio::test]
async fn a_hard_link_of_the_same_file_is_replaced() {
    let (root, storage) = linked().await;
    let inode = fs::metadata(root.path().join("a")).unwrap().ino();
    storage.rename(&path("/a"), &path("/d/b"), true).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, ["c", "d"]);
    storage.rename(&path("/c"), &path("/d/c"), false).await.unwrap();
    storage.rename(&path("/d/c"), &path("/d/b"), true).await.unwrap();
    assert_eq!(names_in(&storage, "/d").await, ["b"]);
    assert_eq!(contents(&storage, "/d/b").await, b"content");
    assert_eq!(fs::metadata(root.path().join("d/b")).unwrap().ino(), inode);
}

#[tokio::test]
async fn a_hard_link_is_a_file_that_may_not_be_replaced() {
    let (_root, storage) = linked().await;
    for target in ["/d/b", "/c"] {
        let error = storage.rename(&path("/a"), &path(target), false).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    }
    assert_eq!(names_in(&storage, "/").await, ["a", "c", "d"]);
}

/// Names that differ in nothing but their case are two files here, of which one may have hard links.
#[tokio::test]
async fn case_is_no_reason_to_take_two_files_for_one() {
    let root = tempfile::tempdir().unwrap();
    let storage = LocalStorage::open(root.path(), LocalOptions::default()).unwrap();
    put(&storage, "/scan", b"one", CreateMode::New).await.unwrap();
    put(&storage, "/SCAN", b"two", CreateMode::New).await.unwrap();
    let error = storage.rename(&path("/scan"), &path("/SCAN"), false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    storage.rename(&path("/scan"), &path("/SCAN"), true).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, ["SCAN"]);
    assert_eq!(contents(&storage, "/SCAN").await, b"one");
    fs::hard_link(root.path().join("SCAN"), root.path().join("scan")).unwrap();
    storage.rename(&path("/SCAN"), &path("/scan"), true).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, ["scan"]);
    assert_eq!(contents(&storage, "/scan").await, b"one");
    fs::create_dir(root.path().join("Dir")).unwrap();
    fs::create_dir(root.path().join("dir")).unwrap();
    let error = storage.rename(&path("/Dir"), &path("/dir"), true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}
