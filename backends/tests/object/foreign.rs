//! Keys that other tools have written.

use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use wharf_backends::contract::{contents, names_in, put};
use wharf_backends::{CreateMode, ErrorKind, Storage};

use crate::servers::{fresh_prefix, path, raw, s3};

const MOTO: &str = "WHARF_TEST_MOTO";

#[tokio::test]
async fn a_name_that_is_file_and_prefix_is_listed_once() {
    let prefix = fresh_prefix();
    let (store, storage) = (raw(MOTO), s3(MOTO, &prefix));
    for (key, content) in [
        ("empty", ""),
        ("empty/below", "x"),
        ("full", "content"),
        ("full/below", "x"),
        ("full-1", "between the two in the order of keys"),
        ("plain", ""),
    ] {
        let key = Path::parse(format!("{prefix}/{key}")).unwrap();
        store.put(&key, PutPayload::from(content.to_owned())).await.unwrap();
    }
    let mut entries: Vec<_> = storage.list(&path("/")).await.unwrap().map(Result::unwrap).collect().await;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let told: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.metadata.is_directory())).collect();
    assert_eq!(told, [("empty", true), ("full", false), ("full-1", false), ("plain", false)]);
    for (name, is_directory) in told {
        let found = storage.stat(&path(name)).await.unwrap();
        assert_eq!(found.is_directory(), is_directory, "stat tells of {name} what the listing does");
    }
    assert_eq!(names_in(&storage, "/empty").await, ["below"]);
}

#[tokio::test]
async fn keys_that_no_path_can_name_are_left_out_of_listings() {
    let prefix = fresh_prefix();
    let (store, storage) = (raw(MOTO), s3(MOTO, &prefix));
    put(&storage, "/d/good", b"1", CreateMode::New).await.unwrap();
    let odd = Path::parse(format!("{prefix}/d/back\\slash")).unwrap();
    store.put(&odd, PutPayload::from_static(b"2")).await.unwrap();
    assert_eq!(names_in(&storage, "/d").await, ["good"]);
    let error = storage.remove_directory(&path("/d")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotEmpty);
    storage.remove_file(&path("/d/good")).await.unwrap();
    assert_eq!(storage.remove_directory(&path("/d")).await.unwrap_err().kind(), ErrorKind::NotEmpty);
    // A rename takes along what it can't name.
    storage.rename(&path("/d"), &path("/e"), false).await.unwrap();
    let moved = Path::parse(format!("{prefix}/e/back\\slash")).unwrap();
    assert_eq!(store.get(&moved).await.unwrap().bytes().await.unwrap().as_ref(), b"2");
}

#[tokio::test]
async fn markers_of_other_tools_are_directories() {
    let prefix = fresh_prefix();
    let (store, storage) = (raw(MOTO), s3(MOTO, &prefix));
    let marker = Path::parse(format!("{prefix}/theirs")).unwrap().join("");
    store.put(&marker, PutPayload::new()).await.unwrap();
    assert!(storage.stat(&path("/theirs")).await.unwrap().is_directory());
    assert_eq!(names_in(&storage, "/theirs").await, [""; 0]);
    storage.remove_directory(&path("/theirs")).await.unwrap();
    assert!(store.head(&marker).await.is_err());
    // What somebody keeps under the key of a marker is no marker.
    store.put(&marker, PutPayload::from_static(b"data")).await.unwrap();
    assert_eq!(storage.remove_directory(&path("/theirs")).await.unwrap_err().kind(), ErrorKind::NotEmpty);
    assert!(store.head(&marker).await.is_ok());
}

#[tokio::test]
async fn nothing_is_made_below_a_file_however_deep() {
    let storage = s3(MOTO, &fresh_prefix());
    put(&storage, "/f", b"file", CreateMode::New).await.unwrap();
    for deep in ["/f/a", "/f/a/b", "/f/a/b/c"] {
        let error = put(&storage, deep, b"x", CreateMode::New).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory, "{deep}: {error}");
        let error = storage.create_directory(&path(deep)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory, "{deep}: {error}");
    }
    assert_eq!(contents(&storage, "/f").await, b"file");
}
