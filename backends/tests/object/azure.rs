//! What is Azure's own: markers by metadata, metadata in listings, keys that XML can't hold.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use wharf_backends::contract::{contents, names_in, pattern, put};
use wharf_backends::object::{AzureSettings, ObjectStorage};
use wharf_backends::{CreateMode, ErrorKind, Storage};
use wharf_testing::proxy::{Fault, Gate, Kind, Proxy, When, requests_of};

use crate::servers::{azure_settings, fresh_prefix, path, send_raw, variable};

fn azure(prefix: &str) -> ObjectStorage {
    ObjectStorage::azure(azure_settings(prefix)).unwrap()
}

/// Stores a blob past the backend, under a key as it stands in a URL, with a header of its own.
fn put_as_is(key: &str, header: (&str, &str), content: &str) {
    let settings = azure_settings("");
    let target = format!("/{}/{}/{key}", settings.account, settings.container);
    let mut request = http::Request::put(format!("{}{target}", variable("WHARF_TEST_AZURITE")))
        .header("x-ms-blob-type", "BlockBlob")
        .header("content-length", content.len().to_string())
        .header(header.0, header.1)
        .body(Bytes::new().into())
        .unwrap();
    let key = AzureCredential::AccessKey(AzureAccessKey::try_new(&settings.access_key.unwrap()).unwrap());
    AzureAuthorizer::new(&key, &settings.account).try_authorize(&mut request).unwrap();
    let mut headers = String::new();
    for (name, value) in request.headers() {
        if name != "content-length" {
            write!(headers, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
        }
    }
    send_raw(&variable("WHARF_TEST_AZURITE"), &format!("PUT {target}"), &headers, content);
}

#[tokio::test]
async fn one_odd_key_never_breaks_a_listing() {
    let prefix = fresh_prefix();
    let storage = azure(&prefix);
    // The emulator can't list what XML can't hold; Azure encodes it.
    for key in ["a//b", "tab%09", "d/%7F", "d//x", "100%25", "a%20b", "%2B", "%20led"] {
        put_as_is(&format!("{prefix}/{key}"), ("x-ms-meta-owner", "x"), "content");
    }
    assert_eq!(names_in(&storage, "/").await, [" led", "+", "100%", "a", "a b", "d"]);
    for name in ["/+", "/100%", "/a b", "/ led"] {
        assert_eq!(contents(&storage, name).await, b"content", "{name}");
    }
    assert_eq!(names_in(&storage, "/a").await, [""; 0]);
    assert_eq!(storage.remove_directory(&path("/a")).await.unwrap_err().kind(), ErrorKind::NotEmpty);
    storage.rename(&path("/d"), &path("/e"), true).await.unwrap();
    assert_eq!(storage.stat(&path("/d")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(storage.remove_directory(&path("/e")).await.unwrap_err().kind(), ErrorKind::NotEmpty);
}

#[tokio::test]
async fn markers_of_other_tools_are_directories() {
    let prefix = fresh_prefix();
    let storage = azure(&prefix);
    put_as_is(&format!("{prefix}/theirs"), ("x-ms-meta-Hdi_IsFolder", "true"), "");
    put_as_is(&format!("{prefix}/empty"), ("x-ms-meta-hdi_isfolder", "false"), "");
    let mut entries: Vec<_> = storage.list(&path("/")).await.unwrap().map(Result::unwrap).collect().await;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let told: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.metadata.is_directory())).collect();
    assert_eq!(told, [("empty", false), ("theirs", true)]);
    assert!(storage.stat(&path("/theirs")).await.unwrap().is_directory());
    storage.remove_directory(&path("/theirs")).await.unwrap();
    assert_eq!(storage.stat(&path("/theirs")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!storage.stat(&path("/empty")).await.unwrap().is_directory());
}

#[tokio::test]
async fn a_directory_with_markers_of_two_kinds_is_renamed() {
    let prefix = fresh_prefix();
    let storage = azure(&prefix);
    put(&storage, "/x/f", b"content", CreateMode::Replace).await.unwrap();
    for (key, content) in [("x/s", ""), ("x/s/", ""), ("x/s/f", "below"), ("x/empty", ""), ("x/empty/", "")] {
        put_as_is(&format!("{prefix}/{key}"), ("x-ms-meta-hdi_isfolder", "true"), content);
    }
    storage.rename(&path("/x"), &path("/y"), false).await.unwrap();
    assert_eq!(names_in(&storage, "/y").await, ["empty", "f", "s"]);
    assert_eq!(contents(&storage, "/y/s/f").await, b"below");
    assert!(storage.stat(&path("/y/empty")).await.unwrap().is_directory());
    assert_eq!(storage.stat(&path("/x")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(names_in(&storage, "/").await, ["y"]);
}

#[tokio::test]
async fn a_file_that_takes_the_place_of_a_marker_stays() {
    let prefix = fresh_prefix();
    let proxy = Proxy::before(&variable("WHARF_TEST_AZURITE")).await;
    let settings = azure_settings(&prefix);
    let endpoint = Some(format!("{}/{}", proxy.url(), settings.account));
    let storage = ObjectStorage::azure(AzureSettings { endpoint, ..settings }).unwrap();
    storage.create_directory(&path("/d")).await.unwrap();
    let mut careless = azure_settings(&prefix);
    careless.tuning.check_names = false;
    let careless = ObjectStorage::azure(careless).unwrap();
    let gate = Gate::new();
    proxy.fault(When::nth(Kind::Delete, 1), Fault::Delay(Arc::clone(&gate)));
    let somebody_else = async {
        gate.reached().await;
        put(&careless, "/d", b"file", CreateMode::Replace).await.unwrap();
        gate.open();
    };
    let at = path("/d");
    let (removed, ()) = tokio::join!(storage.remove_directory(&at), somebody_else);
    assert_eq!(removed.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(contents(&azure(&prefix), "/d").await, b"file");
}

#[tokio::test]
async fn a_rename_of_a_directory_that_was_broken_off_is_completed() {
    let storage = azure(&fresh_prefix());
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
    let storage = azure(&fresh_prefix());
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
    assert!(storage.stat(&path("/d")).await.unwrap().is_directory());
}

#[tokio::test]
async fn operations_are_frugal() {
    let prefix = fresh_prefix();
    let direct = azure(&prefix);
    for name in ["/a", "/b", "/c", "/d/f", "/empty-1", "/empty-2"] {
        let content: &[u8] = if name.starts_with("/empty") { b"" } else { b"content" };
        put(&direct, name, content, CreateMode::Replace).await.unwrap();
    }
    direct.create_directory(&path("/marked")).await.unwrap();
    let proxy = Proxy::before(&variable("WHARF_TEST_AZURITE")).await;
    let cold = || {
        let account = azure_settings(&prefix);
        let endpoint = Some(format!("{}/{}", proxy.url(), account.account));
        ObjectStorage::azure(AzureSettings { endpoint, ..account }).unwrap()
    };
    macro_rules! costs {
        ($most:literal, $what:literal, $operation:expr) => {
            let (done, records) = requests_of(&proxy, $operation).await;
            done.unwrap();
            assert!((1..=$most).contains(&records.len()), "{}: {records:?}", $what);
        };
    }
    costs!(1, "stat", cold().stat(&path("/a")));
    costs!(1, "enter", cold().enter(&path("/d")));
    costs!(1, "open", cold().open(&path("/a"), wharf_backends::ByteRange::default()));
    costs!(2, "upload", put(&cold(), "/new", b"content", CreateMode::Replace));
    costs!(2, "mkdir", cold().create_directory(&path("/e")));
    costs!(3, "rmdir", cold().remove_directory(&path("/e")));
    costs!(2, "removal", cold().remove_file(&path("/b")));
    costs!(4, "rename", cold().rename(&path("/c"), &path("/g"), true));
    costs!(2, "time", cold().set_modified(&path("/a"), SystemTime::UNIX_EPOCH));
    // Whether an empty blob is a marker is told by the listing.
    let storage = cold();
    let (entries, records) = requests_of(&proxy, names_in(&storage, "/")).await;
    assert_eq!(entries, ["a", "d", "empty-1", "empty-2", "g", "marked", "new"]);
    assert_eq!(records.len(), 1, "{records:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_goes_on_with_files_that_were_stored_in_parts() {
    let proxy = Proxy::before(&variable("WHARF_TEST_AZURITE")).await;
    let mut settings = azure_settings(&fresh_prefix());
    settings.endpoint =
        settings.endpoint.map(|url| url.replacen(&variable("WHARF_TEST_AZURITE"), &proxy.url(), 1));
    settings.tuning.part_size = 5 << 20;
    settings.tuning.retries = 0;
    let storage = ObjectStorage::azure(settings).unwrap();
    let content = pattern(11 << 20, 1);
    put(&storage, "/d/large", &content, CreateMode::New).await.unwrap();
    for number in 0..5 {
        put(&storage, &format!("/d/{number}"), b"small", CreateMode::New).await.unwrap();
    }
    // The store tells times in seconds, and only a copy that is younger than its source says what is in it.
    let stored = storage.stat(&path("/d/large")).await.unwrap().modified.unwrap();
    while SystemTime::now() < stored + Duration::from_secs(1) {
        tokio::task::yield_now().await;
    }
    proxy.fault(When::nth(Kind::Delete, 3), Fault::DropBefore);
    storage.rename(&path("/d"), &path("/e"), false).await.unwrap_err();
    proxy.clear_faults();
    storage.rename(&path("/d"), &path("/e"), false).await.unwrap();
    assert_eq!(storage.stat(&path("/d")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(contents(&storage, "/e/large").await == content);
}
