//! Names that are directories, and files, at once; and directories that nothing but a listing shows.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use wharf_backends::contract::{contents, names_in, put};
use wharf_backends::object::{ObjectStorage, Tuning};
use wharf_backends::{CreateMode, ErrorKind, Storage};
use wharf_testing::proxy::{Fault, Gate, Kind, Proxy, When, requests_of};

use crate::servers::{
    SERVERS, fresh_prefix, path, raw, s3, s3_settings, s3_through, send_raw, settings_through, variable,
};

const MOTO: &str = "WHARF_TEST_MOTO";

/// A bucket of moto that keeps versions: a prefix of which nothing but delete markers is left is listed there.
fn versioned() -> ObjectStorage {
    let bucket = fresh_prefix();
    let url = variable(MOTO);
    send_raw(&url, &format!("PUT /{bucket}"), "", "");
    let enabled = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Enabled</Status></VersioningConfiguration>";
    send_raw(&url, &format!("PUT /{bucket}?versioning"), "", enabled);
    let mut settings = s3_settings(MOTO, "/");
    settings.bucket = bucket;
    ObjectStorage::s3(settings).unwrap()
}

async fn is_entered_listed_and_removed(storage: &ObjectStorage, at: &str) {
    storage.enter(&path(at)).await.unwrap();
    assert!(storage.stat(&path(at)).await.unwrap().is_directory());
    assert_eq!(names_in(storage, at).await, [""; 0]);
    storage.remove_directory(&path(at)).await.unwrap();
}

#[tokio::test]
async fn a_directory_of_delete_markers_behaves_as_one() {
    let storage = versioned();
    put(&storage, "/d/f", b"content", CreateMode::New).await.unwrap();
    storage.remove_file(&path("/d/f")).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, ["d"], "moto lists it");
    is_entered_listed_and_removed(&storage, "/d").await;
    // It is in nobody's way.
    storage.create_directory(&path("/d")).await.unwrap();
    storage.remove_directory(&path("/d")).await.unwrap();
    put(&storage, "/e/sub/f", b"content", CreateMode::New).await.unwrap();
    storage.rename(&path("/e"), &path("/d"), false).await.unwrap();
    assert_eq!(contents(&storage, "/d/sub/f").await, b"content");
    storage.rename(&path("/d"), &path("/e"), false).await.unwrap();
    assert_eq!(contents(&storage, "/e/sub/f").await, b"content");
    // As clients remove a tree.
    storage.remove_file(&path("/e/sub/f")).await.unwrap();
    storage.remove_directory(&path("/e/sub")).await.unwrap();
    storage.remove_directory(&path("/e")).await.unwrap();
}

#[tokio::test]
async fn a_directory_that_the_store_keeps_is_removed() {
    let storage = s3(SERVERS[0], &fresh_prefix());
    put(&storage, "/a/b/f", b"content", CreateMode::New).await.unwrap();
    storage.remove_file(&path("/a/b/f")).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, ["a"], "SeaweedFS keeps it");
    is_entered_listed_and_removed(&storage, "/a/b").await;
    assert_eq!(names_in(&storage, "/a").await, [""; 0]);
    storage.remove_directory(&path("/a")).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, [""; 0]);
    assert_eq!(storage.remove_directory(&path("/a")).await.unwrap_err().kind(), ErrorKind::NotFound);
    // Two at once, and one that is renamed.
    put(&storage, "/c/d/f", b"content", CreateMode::New).await.unwrap();
    storage.remove_file(&path("/c/d/f")).await.unwrap();
    storage.remove_directory(&path("/c")).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, [""; 0]);
    put(&storage, "/g/h/f", b"content", CreateMode::New).await.unwrap();
    storage.rename(&path("/g"), &path("/i"), false).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, ["i"]);
}

#[tokio::test]
async fn what_is_kept_in_a_marker_is_shown_and_removed() {
    let prefix = fresh_prefix();
    let (store, storage) = (raw(MOTO), s3(MOTO, &prefix));
    let marker = Path::parse(format!("{prefix}/theirs")).unwrap().join("");
    store.put(&marker, PutPayload::from_static(b"data")).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, ["theirs"]);
    assert_eq!(names_in(&storage, "/theirs").await, ["\\"]);
    assert_eq!(contents(&storage, "/theirs/\\").await, b"data");
    let stat = storage.stat(&path("/theirs/\\")).await.unwrap();
    assert!(!stat.is_directory() && stat.size == 4);
    assert_eq!(storage.enter(&path("/theirs/\\")).await.unwrap_err().kind(), ErrorKind::NotADirectory);
    // Nobody stores under that name.
    let error = put(&storage, "/theirs/\\", b"x", CreateMode::Replace).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidName);
    assert_eq!(storage.remove_directory(&path("/theirs")).await.unwrap_err().kind(), ErrorKind::NotEmpty);
    storage.remove_file(&path("/theirs/\\")).await.unwrap();
    assert!(store.head(&marker).await.is_err());
    storage.remove_directory(&path("/theirs")).await.unwrap();
    assert_eq!(names_in(&storage, "/").await, [""; 0]);
    assert_eq!(storage.stat(&path("/theirs/\\")).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn who_may_not_look_stores_all_the_same() {
    let (proxy, prefix) = (Proxy::before(&variable(MOTO)).await, fresh_prefix());
    let storage = s3_through(&proxy, MOTO, &prefix);
    let refusal = || Fault::Answer { status: 403, code: "AccessDenied", message: "Access Denied" };
    proxy.fault(When::every(Kind::List), refusal());
    proxy.fault(When::every(Kind::Head), refusal());
    put(&storage, "/a/b/f", b"content", CreateMode::Replace).await.unwrap();
    put(&storage, "/large", &vec![7; 9 << 20], CreateMode::Replace).await.unwrap();
    assert_eq!(contents(&s3(MOTO, &prefix), "/a/b/f").await, b"content");
}

#[tokio::test]
async fn a_store_that_can_not_be_asked_is_unavailable() {
    let (proxy, prefix) = (Proxy::before(&variable(MOTO)).await, fresh_prefix());
    let mut settings = settings_through(&proxy, MOTO, &prefix);
    settings.tuning = Tuning { retries: 0, ..settings.tuning };
    let storage = ObjectStorage::s3(settings).unwrap();
    let broken = Fault::Answer { status: 503, code: "ServiceUnavailable", message: "later" };
    proxy.fault(When::every(Kind::List), broken);
    let error = put(&storage, "/f", b"content", CreateMode::Replace).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(s3(MOTO, &prefix).stat(&path("/f")).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn names_are_not_asked_for_where_that_is_left_out() {
    let (proxy, prefix) = (Proxy::before(&variable(MOTO)).await, fresh_prefix());
    let mut settings = settings_through(&proxy, MOTO, &prefix);
    settings.tuning = Tuning { check_names: false, ..settings.tuning };
    let storage = ObjectStorage::s3(settings).unwrap();
    let (stored, records) = requests_of(&proxy, put(&storage, "/a/b/f", b"x", CreateMode::Replace)).await;
    stored.unwrap();
    assert_eq!(records.iter().map(|record| record.kind).collect::<Vec<_>>(), [Kind::Put]);
}

/// The names of a directory that is filled are asked for once, and what becomes a directory meanwhile is known.
#[tokio::test]
async fn names_of_one_directory_are_asked_for_together() {
    for server in SERVERS {
        let (proxy, prefix) = (Proxy::before(&variable(server)).await, fresh_prefix());
        let storage = s3_through(&proxy, server, &prefix);
        put(&storage, "/d/sub/f", b"x", CreateMode::New).await.unwrap();
        // The answer holds for some seconds, which a busy machine may take for one of them.
        let mut filling = 0..100;
        let is_alone = async |number| {
            let name = format!("/d/{number}");
            let (stored, records) =
                requests_of(&proxy, put(&storage, &name, b"x", CreateMode::Replace)).await;
            stored.unwrap();
            records.iter().map(|record| record.kind).collect::<Vec<_>>() == [Kind::Put]
        };
        loop {
            if is_alone(filling.next().expect("each name was asked for")).await {
                break;
            }
        }
        storage.create_directory(&path("/d/made")).await.unwrap();
        for name in ["/d/sub", "/d/made"] {
            let error = put(&storage, name, b"x", CreateMode::Replace).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::IsADirectory, "{server} {name}");
        }
    }
}

/// Some stores make a copy of what was removed, where they keep its versions.
#[tokio::test]
async fn nothing_is_copied_that_is_not_there() {
    let (proxy, prefix) = (Proxy::before(&variable(MOTO)).await, fresh_prefix());
    let storage = s3_through(&proxy, MOTO, &prefix);
    put(&storage, "/to", b"stays", CreateMode::New).await.unwrap();
    let (renamed, records) = requests_of(&proxy, storage.rename(&path("/gone"), &path("/to"), true)).await;
    assert_eq!(renamed.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(records.iter().all(|record| record.kind != Kind::Copy), "{records:?}");
    assert_eq!(contents(&storage, "/to").await, b"stays");
}

#[tokio::test]
async fn content_is_sent_while_the_name_is_asked_for() {
    let (proxy, prefix) = (Proxy::before(&variable(MOTO)).await, fresh_prefix());
    let mut settings = settings_through(&proxy, MOTO, &prefix);
    settings.tuning = Tuning { part_size: 5 << 20, ..settings.tuning };
    let storage = ObjectStorage::s3(settings).unwrap();
    let gate = Gate::new();
    proxy.fault(When::every(Kind::List), Fault::Delay(gate.clone()));
    let mut upload = storage.create(&path("/f"), CreateMode::Replace).await.unwrap();
    for _ in 0..12 {
        upload.write(Bytes::from(vec![7; 1 << 20])).await.unwrap();
    }
    proxy.answered(Kind::Part, 2).await;
    assert!(proxy.take().iter().all(|record| record.kind != Kind::Complete));
    gate.open();
    upload.finish().await.unwrap();
    assert_eq!(s3(MOTO, &prefix).stat(&path("/f")).await.unwrap().size, 12 << 20);
}
