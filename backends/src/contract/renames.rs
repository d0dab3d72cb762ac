//! Law 6: a rename never loses the source, and never replaces a directory.

use super::Fixture;
use super::support::{contents, directory, missing, names_in, ok, path, pattern, refused, stored};
use crate::ErrorKind;

pub async fn a_file_gets_another_name(fixture: Fixture) {
    let storage = &*fixture.storage;
    let content = pattern(300_000, 1);
    directory(storage, "/d").await;
    stored(storage, "/a", &content).await;
    ok(storage.rename(&path("/a"), &path("/b"), false).await);
    missing(storage, "/a").await;
    ok(storage.rename(&path("/b"), &path("/d/c"), true).await);
    missing(storage, "/b").await;
    assert!(contents(storage, "/d/c").await == content);
    ok(storage.rename(&path("/d/c"), &path("/d/c"), true).await);
    assert!(contents(storage, "/d/c").await == content, "a rename to itself keeps the file");
    assert_eq!(names_in(storage, "/d").await, ["c"]);
}

pub async fn a_rename_replaces_a_file_if_it_may(fixture: Fixture) {
    let storage = &*fixture.storage;
    stored(storage, "/a", b"source").await;
    stored(storage, "/b", b"target").await;
    refused(storage.rename(&path("/a"), &path("/b"), false).await, ErrorKind::AlreadyExists);
    assert_eq!(contents(storage, "/a").await, b"source");
    assert_eq!(contents(storage, "/b").await, b"target");
    ok(storage.rename(&path("/a"), &path("/b"), true).await);
    missing(storage, "/a").await;
    assert_eq!(contents(storage, "/b").await, b"source");
}

pub async fn a_rename_never_replaces_a_directory(fixture: Fixture) {
    let storage = &*fixture.storage;
    stored(storage, "/file", b"content").await;
    directory(storage, "/empty").await;
    directory(storage, "/full").await;
    stored(storage, "/full/f", b"inner").await;
    for target in ["/empty", "/full"] {
        refused(storage.rename(&path("/file"), &path(target), true).await, ErrorKind::AlreadyExists);
    }
    refused(storage.rename(&path("/full"), &path("/empty"), true).await, ErrorKind::AlreadyExists);
    refused(storage.rename(&path("/full"), &path("/file"), true).await, ErrorKind::AlreadyExists);
    assert_eq!(contents(storage, "/file").await, b"content");
    assert_eq!(contents(storage, "/full/f").await, b"inner");
    assert_eq!(names_in(storage, "/empty").await, [""; 0]);
}

pub async fn a_directory_moves_with_all_below(fixture: Fixture) {
    let storage = &*fixture.storage;
    directory(storage, "/d").await;
    directory(storage, "/d/empty").await;
    directory(storage, "/d/e").await;
    directory(storage, "/other").await;
    stored(storage, "/d/f", b"one").await;
    stored(storage, "/d/e/g", b"two").await;
    stored(storage, "/dd", b"not below").await;
    let renamed = storage.rename(&path("/d"), &path("/other/new"), true).await;
    if !storage.capabilities().rename_directories {
        refused(renamed, ErrorKind::Unsupported);
        assert_eq!(contents(storage, "/d/f").await, b"one");
        return;
    }
    ok(renamed);
    missing(storage, "/d").await;
    missing(storage, "/d/e/g").await;
    assert_eq!(names_in(storage, "/other/new").await, ["e", "empty", "f"]);
    assert_eq!(names_in(storage, "/other/new/empty").await, [""; 0]);
    assert_eq!(contents(storage, "/other/new/f").await, b"one");
    assert_eq!(contents(storage, "/other/new/e/g").await, b"two");
    assert_eq!(contents(storage, "/dd").await, b"not below");
}

pub async fn a_directory_never_moves_into_itself(fixture: Fixture) {
    let storage = &*fixture.storage;
    directory(storage, "/d").await;
    directory(storage, "/d/e").await;
    stored(storage, "/d/f", b"content").await;
    for target in ["/d/x", "/d/e/x"] {
        let error = refused(storage.rename(&path("/d"), &path(target), true).await, ErrorKind::InvalidName);
        assert!(error.advice().is_some_and(|advice| advice.contains("into itself")), "{error}");
    }
    assert_eq!(contents(storage, "/d/f").await, b"content");
    assert_eq!(names_in(storage, "/d").await, ["e", "f"]);
}

pub async fn a_failed_rename_leaves_the_source(fixture: Fixture) {
    let storage = &*fixture.storage;
    stored(storage, "/f", b"content").await;
    stored(storage, "/g", b"other").await;
    refused(storage.rename(&path("/f"), &path("/g/below"), true).await, ErrorKind::NotADirectory);
    refused(storage.rename(&path("/none"), &path("/g"), true).await, ErrorKind::NotFound);
    if !storage.capabilities().implicit_directories {
        refused(storage.rename(&path("/f"), &path("/none/f"), true).await, ErrorKind::NotFound);
    }
    assert_eq!(contents(storage, "/f").await, b"content");
    assert_eq!(contents(storage, "/g").await, b"other");
}
