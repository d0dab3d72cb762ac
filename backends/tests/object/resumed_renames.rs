//! What a rename that finds its target may take for its own work, and what it may not.

use std::sync::Arc;

use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use wharf_backends::contract::{contents, names_in, put};
use wharf_backends::object::ObjectStorage;
use wharf_backends::{CreateMode, ErrorKind, Result, Storage};
use wharf_testing::proxy::{Fault, Gate, Kind, Proxy, When};

use crate::servers::{fresh_prefix, path, raw, s3, s3_through, settings_through, variable};

const MOTO: &str = "WHARF_TEST_MOTO";

async fn files(storage: &ObjectStorage, names: &[&str], content: &[u8]) {
    for name in names {
        put(storage, name, content, CreateMode::Replace).await.unwrap();
    }
}

async fn exists(storage: &ObjectStorage, name: &str) -> bool {
    storage.stat(&path(name)).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_replaced_since_it_was_compared_goes_along() {
    let prefix = fresh_prefix();
    let direct = s3(MOTO, &prefix);
    // A rename that was broken off after its first copy.
    files(&direct, &["/a/x", "/a/y", "/b/x"], b"old").await;
    let proxy = Proxy::before(&variable(MOTO)).await;
    let storage = s3_through(&proxy, MOTO, &prefix);
    // Held where it lists what it will copy: behind the look at both names and the comparison.
    let gate = Gate::new();
    proxy.fault(When::nth(Kind::List, 5), Fault::Delay(Arc::clone(&gate)));
    let renaming = tokio::spawn(async move { storage.rename(&path("/a"), &path("/b"), true).await });
    gate.reached().await;
    put(&direct, "/a/x", b"NEW", CreateMode::Replace).await.unwrap();
    gate.open();
    let _whatever_it_says = renaming.await.unwrap();
    let mut found = Vec::new();
    for name in ["/a/x", "/b/x"] {
        if exists(&direct, name).await {
            found.push(contents(&direct, name).await);
        }
    }
    assert!(found.contains(&b"NEW".to_vec()), "what was stored meanwhile is gone");
}

/// Renames /a, which holds /a/x and /a/y, to /b, and does something while it copies the first of them.
async fn renamed_while(
    server: &str,
    prefix: &str,
    meanwhile: impl AsyncFnOnce(&ObjectStorage),
) -> Result<()> {
    let direct = s3(server, prefix);
    files(&direct, &["/a/x", "/a/y"], b"old").await;
    let proxy = Proxy::before(&variable(server)).await;
    let storage = s3_through(&proxy, server, prefix);
    // Behind the copy that finds out that this is no file.
    let gate = Gate::new();
    proxy.fault(When::nth(Kind::Copy, 2), Fault::Delay(Arc::clone(&gate)));
    let renaming = tokio::spawn(async move { storage.rename(&path("/a"), &path("/b"), true).await });
    gate.reached().await;
    meanwhile(&direct).await;
    gate.open();
    renaming.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_or_changes_while_a_directory_is_renamed_goes_along() {
    for server in ["WHARF_TEST_SEAWEEDFS", MOTO] {
        let prefix = fresh_prefix();
        let renamed = renamed_while(server, &prefix, async |direct| {
            files(direct, &["/a/new", "/a/sub/new", "/a/x", "/a/y"], b"NEW").await;
        });
        renamed.await.unwrap();
        let storage = s3(server, &prefix);
        assert_eq!(names_in(&storage, "/b").await, ["new", "sub", "x", "y"], "{server}");
        for name in ["/b/new", "/b/sub/new", "/b/x", "/b/y"] {
            assert_eq!(contents(&storage, name).await, b"NEW", "{server} {name}");
        }
        assert_eq!(storage.stat(&path("/a")).await.unwrap_err().kind(), ErrorKind::NotFound, "{server}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_replaces_nothing_that_somebody_else_stored() {
    for server in ["WHARF_TEST_SEAWEEDFS", MOTO] {
        let prefix = fresh_prefix();
        let renamed = renamed_while(server, &prefix, async |direct| {
            files(direct, &["/a/new"], b"from").await;
            files(direct, &["/b/new"], b"theirs").await;
        });
        let error = renamed.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.advice().is_some_and(|advice| advice.contains("1 objects")), "{error:?}");
        let storage = s3(server, &prefix);
        assert_eq!(contents(&storage, "/b/new").await, b"theirs", "{server}");
        assert_eq!(contents(&storage, "/a/new").await, b"from", "{server}");
        assert_eq!(names_in(&storage, "/a").await, ["new"], "{server}");
        assert_eq!(names_in(&storage, "/b").await, ["new", "x", "y"], "{server}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn markers_are_there_when_a_rename_was_broken_off() {
    for server in ["WHARF_TEST_SEAWEEDFS", MOTO] {
        let prefix = fresh_prefix();
        let direct = s3(server, &prefix);
        for directory in ["/a", "/a/sub"] {
            direct.create_directory(&path(directory)).await.unwrap();
        }
        let all: Vec<String> =
            (0..10).flat_map(|number| [format!("/a/{number}"), format!("/a/sub/{number}")]).collect();
        files(&direct, &all.iter().map(String::as_str).collect::<Vec<_>>(), b"content").await;
        let proxy = Proxy::before(&variable(server)).await;
        let mut settings = settings_through(&proxy, server, &prefix);
        settings.tuning.retries = 0;
        let storage = ObjectStorage::s3(settings).unwrap();
        proxy.fault(When::nth(Kind::Copy, 15), Fault::DropBefore);
        let error = storage.rename(&path("/a"), &path("/b"), true).await.unwrap_err();
        assert!(error.advice().is_some_and(|advice| advice.contains("goes on from there")), "{error:?}");
        proxy.clear_faults();
        storage.rename(&path("/a"), &path("/b"), true).await.unwrap();
        // What has a marker is there without files, too.
        for file in &all {
            direct.remove_file(&path(&file.replacen("/a", "/b", 1))).await.unwrap();
        }
        assert_eq!(names_in(&s3(server, &prefix), "/b/sub").await, [""; 0], "{server}");
        direct.remove_directory(&path("/b/sub")).await.unwrap();
        assert_eq!(names_in(&s3(server, &prefix), "/b").await, [""; 0], "{server}");
    }
}

#[tokio::test]
async fn a_directory_never_moves_to_where_it_stands_in() {
    let storage = s3(MOTO, &fresh_prefix());
    let all = ["/a/x", "/a/b/x", "/a/b/b/x"];
    files(&storage, &all, b"same").await;
    let error = storage.rename(&path("/a/b"), &path("/a"), true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    for name in all {
        assert!(exists(&storage, name).await, "{name} is gone");
    }
}

#[tokio::test]
async fn data_under_the_key_of_a_marker_stays() {
    let prefix = fresh_prefix();
    let (store, storage) = (raw(MOTO), s3(MOTO, &prefix));
    files(&storage, &["/a/x", "/b/x"], b"same").await;
    storage.create_directory(&path("/a/sub")).await.unwrap();
    let marker = Path::from(format!("{prefix}/b/sub")).join("");
    store.put(&marker, PutPayload::from_static(b"precious")).await.unwrap();
    let _either_way = storage.rename(&path("/a"), &path("/b"), true).await;
    assert_eq!(store.get(&marker).await.unwrap().bytes().await.unwrap().as_ref(), b"precious");
}

#[tokio::test]
async fn empty_files_make_no_two_directories_one() {
    let storage = s3(MOTO, &fresh_prefix());
    files(&storage, &["/new/.keep", "/archive/.keep", "/archive/1"], b"").await;
    let error = storage.rename(&path("/new"), &path("/archive"), true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(exists(&storage, "/new/.keep").await);
}

#[tokio::test]
async fn a_marker_beside_a_directory_goes_with_it() {
    let prefix = fresh_prefix();
    let (store, storage) = (raw(MOTO), s3(MOTO, &prefix));
    files(&storage, &["/d/x"], b"x").await;
    store.put(&Path::from(format!("{prefix}/d")), PutPayload::new()).await.unwrap();
    storage.rename(&path("/d"), &path("/e"), true).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, ["e"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_while_a_file_was_copied_stays() {
    for server in ["WHARF_TEST_SEAWEEDFS", MOTO] {
        let prefix = fresh_prefix();
        let direct = s3(server, &prefix);
        files(&direct, &["/a"], b"old").await;
        let proxy = Proxy::before(&variable(server)).await;
        let storage = s3_through(&proxy, server, &prefix);
        let gate = Gate::new();
        proxy.fault(When::nth(Kind::Copy, 1), Fault::SlowAnswer(Arc::clone(&gate)));
        let renaming = tokio::spawn(async move { storage.rename(&path("/a"), &path("/b"), true).await });
        gate.reached().await;
        put(&direct, "/a", b"NEW", CreateMode::Replace).await.unwrap();
        gate.open();
        let _whatever_it_says = renaming.await.unwrap();
        let mut found = Vec::new();
        for name in ["/a", "/b"] {
            if exists(&direct, name).await {
                found.push(contents(&direct, name).await);
            }
        }
        assert!(found.contains(&b"NEW".to_vec()), "{server}: what was stored meanwhile is gone");
    }
}
