//! Google Cloud Storage, as far as its emulator goes: it has no conditions (`ifGenerationMatch`), no uploads in parts and no
//! credentials.

use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use wharf_backends::contract::{self, Fixture, contents, names_in, put};
use wharf_backends::object::ObjectStorage;
use wharf_backends::{CreateMode, ErrorKind, Storage};
use wharf_testing::proxy::{Proxy, requests_of};

use crate::servers::{bucket, fresh_prefix, google_settings, path, send_raw, variable};

const GOOGLE: &str = "WHARF_TEST_GCS";

/// The cases of the contract that the emulator can't show, and why.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("new_is_decided_at_finish", "it has no conditions"),
    ("new_never_replaces", "it has no conditions"),
    ("a_resume_never_loses_what_others_stored", "it has no conditions"),
    ("what_is_gone_on_with_replaces_only_what_it_may", "it has no conditions"),
    ("a_large_file_takes_little_memory", "it has no uploads in parts"),
];

/// Larger than what the contract stores, but for one case.
const PART: u64 = 64 << 20;

fn google(prefix: &str) -> ObjectStorage {
    let mut settings = google_settings(&variable(GOOGLE), prefix);
    settings.tuning.part_size = PART;
    ObjectStorage::gcs(settings).unwrap()
}

/// Stores an object past the backend, under a key as it stands in a query.
fn put_as_is(key: &str, content: &str) {
    let line = format!("POST /upload/storage/v1/b/{}/o?uploadType=media&name={key}", bucket());
    send_raw(&variable(GOOGLE), &line, "Content-Type: application/octet-stream\r\n", content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_holds() {
    for case in contract::CASES {
        if NOT_SHOWN.iter().any(|(name, _)| *name == case.name) {
            continue;
        }
        println!("{}", case.name);
        (case.run)(Fixture::new(google(&fresh_prefix()))).await;
    }
}

#[tokio::test]
async fn one_odd_key_never_breaks_a_listing() {
    let prefix = fresh_prefix();
    let storage = google(&prefix);
    for key in
        ["a%2F%2Fb", "%2Fx", "%01", "tab%09", "d%2F%7F", "d%2F%2F", "d%2F..%2Fq", "100%25", "a%20b", "%2B"]
    {
        put_as_is(&format!("{prefix}%2F{key}"), "content");
    }
    assert_eq!(names_in(&storage, "/").await, ["+", "100%", "a", "a b", "d"]);
    for name in ["/+", "/100%", "/a b"] {
        assert_eq!(contents(&storage, name).await, b"content", "{name}");
    }
    assert_eq!(names_in(&storage, "/a").await, [""; 0]);
    assert_eq!(storage.remove_directory(&path("/a")).await.unwrap_err().kind(), ErrorKind::NotEmpty);
    // What no URL of other stores can hold goes along here.
    put(&storage, "/d/good", b"1", CreateMode::Replace).await.unwrap();
    let error = storage.rename(&path("/d"), &path("/e"), true).await.unwrap_err();
    assert!(error.to_string().contains("can't be moved"), "{error}");
    assert_eq!(contents(&storage, "/d/good").await, b"1");
}

#[tokio::test]
async fn markers_are_directories() {
    let prefix = fresh_prefix();
    let storage = google(&prefix);
    put_as_is(&format!("{prefix}%2Ftheirs%2F"), "");
    assert!(storage.stat(&path("/theirs")).await.unwrap().is_directory());
    assert_eq!(names_in(&storage, "/theirs").await, [""; 0]);
    storage.remove_directory(&path("/theirs")).await.unwrap();
    assert_eq!(storage.stat(&path("/theirs")).await.unwrap_err().kind(), ErrorKind::NotFound);
    put_as_is(&format!("{prefix}%2Ftheirs%2F"), "data");
    assert_eq!(storage.remove_directory(&path("/theirs")).await.unwrap_err().kind(), ErrorKind::NotEmpty);
}

#[tokio::test]
async fn a_rename_of_a_directory_that_was_broken_off_is_completed() {
    let storage = google(&fresh_prefix());
    for name in ["/from/a", "/from/b", "/from/below/c", "/to/a"] {
        put(&storage, name, name.rsplit('/').next().unwrap().as_bytes(), CreateMode::Replace).await.unwrap();
    }
    storage.rename(&path("/from"), &path("/to"), false).await.unwrap();
    assert_eq!(names_in(&storage, "/to").await, ["a", "b", "below"]);
    assert_eq!(storage.stat(&path("/from")).await.unwrap_err().kind(), ErrorKind::NotFound);
    // Another directory of that name is not taken for a part of it.
    put(&storage, "/from/a", b"other", CreateMode::Replace).await.unwrap();
    let error = storage.rename(&path("/from"), &path("/to"), false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(contents(&storage, "/to/a").await, b"a");
}

#[tokio::test]
async fn a_time_that_was_set_is_listed() {
    let prefix = fresh_prefix();
    let storage = google(&prefix);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_890);
    put(&storage, "/f", b"content", CreateMode::Replace).await.unwrap();
    storage.set_modified(&path("/f"), time).await.unwrap();
    assert_eq!(storage.stat(&path("/f")).await.unwrap().modified, Some(time));
    let entries: Vec<_> = storage.list(&path("/")).await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(entries[0].metadata.modified, Some(time));
    assert_eq!(contents(&storage, "/f").await, b"content");
    storage.rename(&path("/f"), &path("/g"), true).await.unwrap();
    assert_eq!(storage.stat(&path("/g")).await.unwrap().modified, Some(time), "it goes along");
    let error = storage.set_modified(&path("/missing"), time).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    storage.create_directory(&path("/d")).await.unwrap();
    let error = storage.set_modified(&path("/d"), time).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
}

/// Each operation, and the most requests that it may send.
#[tokio::test]
async fn operations_are_frugal() {
    let proxy = Proxy::before(&variable(GOOGLE)).await;
    let prefix = fresh_prefix();
    let direct = google(&prefix);
    for name in ["/a", "/b", "/c", "/d/f"] {
        put(&direct, name, b"content", CreateMode::Replace).await.unwrap();
    }
    let cold = || ObjectStorage::gcs(google_settings(&proxy.url(), &prefix)).unwrap();
    macro_rules! costs {
        ($most:literal, $what:literal, $operation:expr) => {
            let (done, records) = requests_of(&proxy, $operation).await;
            done.unwrap();
            assert!((1..=$most).contains(&records.len()), "{}: {records:?}", $what);
        };
    }
    costs!(1, "stat", cold().stat(&path("/a")));
    costs!(1, "enter", cold().enter(&path("/d")));
    // Not the content: the emulator finds it under its own host only.
    costs!(2, "upload", put(&cold(), "/new", b"content", CreateMode::Replace));
    costs!(2, "mkdir", cold().create_directory(&path("/e")));
    costs!(3, "rmdir", cold().remove_directory(&path("/e")));
    costs!(2, "removal", cold().remove_file(&path("/b")));
    costs!(4, "rename", cold().rename(&path("/c"), &path("/g"), true));
    costs!(1, "time", cold().set_modified(&path("/a"), SystemTime::UNIX_EPOCH));
    let storage = cold();
    let (entries, records) = requests_of(&proxy, names_in(&storage, "/")).await;
    assert_eq!((entries.len(), records.len()), (4, 1), "{entries:?} {records:?}");
}

#[tokio::test]
async fn a_missing_bucket_is_for_the_operator_to_mend() {
    let mut settings = google_settings(&variable(GOOGLE), "p");
    settings.bucket = "no-such-bucket".to_owned();
    assert!(ObjectStorage::gcs(settings).unwrap().check().await.is_err());
}
