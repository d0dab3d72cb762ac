//! Uploads that were never finished.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload, PutResult};
use wharf_backends::contract::{contents, pattern, put};
use wharf_backends::object::{ObjectStorage, S3Settings};
use wharf_backends::{CreateMode, ErrorKind, Storage, Upload};
use wharf_testing::played::{Played, answer};
use wharf_testing::proxy::{Fault, Gate, Kind, Proxy, Record, When, requests_of};

use crate::servers::{fresh_prefix, path, raw, s3_settings, settings_through, variable};
use crate::sizes::MARK;

const PART: usize = 5 << 20;

fn impatient(mut settings: S3Settings) -> ObjectStorage {
    settings.tuning.part_size = PART as u64;
    settings.tuning.abandoned_after = Duration::ZERO;
    ObjectStorage::s3(settings).unwrap()
}

/// An upload that a process leaves behind when it is killed: nothing of it runs any more, and nothing can be sent when it
/// is dropped.
fn abandoned(server: &'static str, prefix: &str, name: &'static str) {
    abandoned_after(3, server, prefix, name);
}

/// The same, when the store has so many of its parts.
fn abandoned_after(parts: usize, server: &'static str, prefix: &str, name: &'static str) {
    let prefix = prefix.to_owned();
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let upload = runtime.block_on(async {
            let proxy = Proxy::before(&variable(server)).await;
            // No others get there.
            for nth in parts + 1..10 {
                proxy.fault(When::nth(Kind::Part, nth), Fault::Delay(Gate::new()));
            }
            let storage = impatient(settings_through(&proxy, server, &prefix));
            let mut upload = storage.create(&path(name), CreateMode::Replace).await.unwrap();
            upload.write(Bytes::from(pattern(2 * PART, 1))).await.unwrap();
            upload.write(Bytes::from(pattern(2 * PART, 1))).await.unwrap();
            proxy.answered(Kind::Part, parts).await;
            upload
        });
        drop(runtime);
        drop(upload);
    });
    process.join().unwrap();
}

async fn finish(store: &impl MultipartStore, key: &Path, id: &String) -> PutResult {
    let part = store.put_part(key, id, 0, PutPayload::from_static(b"theirs")).await.unwrap();
    store.complete_multipart(key, id, vec![part]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_behind_is_swept_and_what_is_others_is_not() {
    for server in ["WHARF_TEST_SEAWEEDFS", "WHARF_TEST_MOTO"] {
        let prefix = fresh_prefix();
        abandoned(server, &prefix, "/ours one");
        abandoned(server, &prefix, "/d/ours+two");
        let store = raw(server);
        // Another tool's in the same place, with a part and without; and one of ours elsewhere.
        let theirs = Path::parse(format!("{prefix}/theirs")).unwrap();
        let id = store.create_multipart(&theirs).await.unwrap();
        store.put_part(&theirs, &id, 1, PutPayload::from_static(b"part two")).await.unwrap();
        let empty = Path::parse(format!("{prefix}/theirs too")).unwrap();
        let empty_id = store.create_multipart(&empty).await.unwrap();
        let elsewhere = format!("{prefix}-elsewhere");
        abandoned(server, &elsewhere, "/f");

        // moto says that all uploads were begun in 2010.
        if server == "WHARF_TEST_SEAWEEDFS" {
            let patient = ObjectStorage::s3(s3_settings(server, &prefix)).unwrap();
            assert_eq!(patient.sweep().await.unwrap(), 0, "{server}: none is a day old");
        }
        let storage = impatient(s3_settings(server, &prefix));
        assert_eq!(storage.sweep().await.unwrap(), 2, "{server}");
        assert_eq!(storage.sweep().await.unwrap(), 0, "{server}");
        finish(&store, &theirs, &id).await;
        finish(&store, &empty, &empty_id).await;
        let elsewhere = impatient(s3_settings(server, &elsewhere));
        assert_eq!(elsewhere.sweep().await.unwrap(), 1, "{server}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_never_swept_by_its_own_server() {
    let storage = impatient(s3_settings("WHARF_TEST_SEAWEEDFS", &fresh_prefix()));
    let mut upload = storage.create(&path("/f"), CreateMode::Replace).await.unwrap();
    let content = pattern(2 * PART + 5, 3);
    upload.write(Bytes::from(content.clone())).await.unwrap();
    assert_eq!(storage.sweep().await.unwrap(), 0);
    upload.finish().await.unwrap();
    assert!(contents(&storage, "/f").await == content);
}

async fn first_part(upload: &mut dyn Upload) {
    upload.write(Bytes::from(pattern(2 * PART, 1))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_or_dropped_upload_leaves_nothing_to_sweep() {
    let server = "WHARF_TEST_SEAWEEDFS";
    let prefix = fresh_prefix();
    let proxy = Proxy::before(&variable(server)).await;
    let storage = impatient(settings_through(&proxy, server, &prefix));
    let mut aborted = storage.create(&path("/aborted"), CreateMode::Replace).await.unwrap();
    first_part(&mut *aborted).await;
    aborted.abort().await.unwrap();
    let mut dropped = storage.create(&path("/dropped"), CreateMode::Replace).await.unwrap();
    first_part(&mut *dropped).await;
    drop(dropped);
    proxy.answered(Kind::Abort, 2).await;
    assert_eq!(impatient(s3_settings(server, &prefix)).sweep().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_question_does_not_end_the_sweep() {
    let server = "WHARF_TEST_SEAWEEDFS";
    let prefix = fresh_prefix();
    for name in ["/one", "/two"] {
        abandoned(server, &prefix, name);
    }
    let proxy = Proxy::before(&variable(server)).await;
    let storage = impatient(settings_through(&proxy, server, &prefix));
    let refused = Fault::Answer { status: 403, code: "AccessDenied", message: "not this one" };
    proxy.fault(When::nth(Kind::ListParts, 1), refused);
    assert_eq!(storage.sweep().await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(proxy.take().iter().filter(|record| record.kind == Kind::Abort).count(), 1);
    assert_eq!(storage.sweep().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_known_by_the_first_byte_that_the_store_has() {
    for server in ["WHARF_TEST_SEAWEEDFS", "WHARF_TEST_MOTO"] {
        let prefix = fresh_prefix();
        abandoned_after(1, server, &prefix, "/f");
        assert_eq!(impatient(s3_settings(server, &prefix)).sweep().await.unwrap(), 1, "{server}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_mark_is_stored_behind_one() {
    let server = "WHARF_TEST_SEAWEEDFS";
    let prefix = fresh_prefix();
    let proxy = Proxy::before(&variable(server)).await;
    let storage = impatient(settings_through(&proxy, server, &prefix));
    let gate = Gate::new();
    proxy.fault(When::nth(Kind::Part, 1), Fault::Delay(Arc::clone(&gate)));
    let mut upload = storage.create(&path("/f"), CreateMode::Replace).await.unwrap();
    upload.write(Bytes::from(pattern(2 * PART, 1))).await.unwrap();
    let end = tokio::spawn(upload.finish());
    gate.reached().await;
    proxy.fault(When::nth(Kind::Part, 1), Fault::DropBefore);
    gate.open();
    end.await.unwrap().unwrap();
    let parts: Vec<u64> =
        proxy.take().into_iter().filter(|record| record.kind == Kind::Part).map(|record| record.up).collect();
    let whole = (PART + MARK) as u64;
    assert_eq!(parts.first(), Some(&whole), "{parts:?}");
    assert!(parts.iter().any(|size| *size != whole), "{parts:?}");
}

/// As those of earlier versions have it: a part of its own, which is not a part of the object.
#[tokio::test(flavor = "multi_thread")]
async fn marks_of_earlier_versions_are_known() {
    const MARK: &[u8] = b"This upload was begun by Wharf, which removes it if it is never finished.";
    for server in ["WHARF_TEST_SEAWEEDFS", "WHARF_TEST_MOTO"] {
        let prefix = fresh_prefix();
        let store = raw(server);
        for (name, mark) in [("ours", MARK), ("theirs", b"something else")] {
            let key = Path::parse(format!("{prefix}/{name}")).unwrap();
            let id = store.create_multipart(&key).await.unwrap();
            store.put_part(&key, &id, 0, PutPayload::from_static(b"content")).await.unwrap();
            store.put_part(&key, &id, 9_999, PutPayload::from_static(mark)).await.unwrap();
        }
        assert_eq!(impatient(s3_settings(server, &prefix)).sweep().await.unwrap(), 1, "{server}");
    }
}

/// Ceph refuses to complete an upload that has parts which are not listed; others keep them, and bill them.
#[tokio::test(flavor = "multi_thread")]
async fn every_part_that_is_stored_is_a_part_of_the_object() {
    let server = "WHARF_TEST_SEAWEEDFS";
    let proxy = Proxy::before(&variable(server)).await;
    let storage = impatient(settings_through(&proxy, server, &fresh_prefix()));
    let is_part = |record: &&Record| matches!(record.kind, Kind::Part | Kind::PartCopy);
    for (mode, size) in [
        (CreateMode::Replace, 12 << 20),
        (CreateMode::Append, 100),
        (CreateMode::Append, 12 << 20),
        (CreateMode::Resume(7 << 20), 100),
        (CreateMode::Resume(6 << 20), 12 << 20),
    ] {
        let (stored, records) = requests_of(&proxy, put(&storage, "/f", &pattern(size, 1), mode)).await;
        stored.unwrap();
        let sent = records.iter().filter(is_part).count();
        let document = records.iter().find_map(|record| record.document.clone()).unwrap();
        assert_eq!(document.matches("<PartNumber>").count(), sent, "{mode:?}: {document}");
    }
}

/// As MinIO does it: uploads are listed for a whole key, or all of them, and never below a prefix.
#[tokio::test]
async fn what_is_listed_for_the_whole_bucket_alone_is_swept() {
    const WHOLE: &str = "<ListMultipartUploadsResult>\
        <Upload><Key>place/f</Key><UploadId>ours</UploadId><Initiated>2020-01-01T00:00:00Z</Initiated></Upload>\
        <Upload><Key>elsewhere/f</Key><UploadId>there</UploadId><Initiated>2020-01-01T00:00:00Z</Initiated></Upload>\
        </ListMultipartUploadsResult>";
    let parts = format!(
        "<ListPartsResult><Part><PartNumber>1</PartNumber><Size>{}</Size></Part></ListPartsResult>",
        (8 << 20) + MARK
    );
    let played = Played::new(move |asked| {
        let document = match (asked.method.as_str(), asked.query("prefix")) {
            ("DELETE", _) => return Some(answer(204, &[], "")),
            ("HEAD", _) => return Some(answer(404, &[("x-amz-request-id", "1")], "")),
            ("GET", _) if asked.query("uploadId").is_some() => parts.clone(),
            ("GET", _) if asked.query("list-type").is_some() => "<ListBucketResult/>".to_owned(),
            ("GET", None) => WHOLE.to_owned(),
            _ => "<ListMultipartUploadsResult></ListMultipartUploadsResult>".to_owned(),
        };
        Some(answer(200, &[], document))
    })
    .await;
    let settings = S3Settings {
        endpoint: Some(played.url.clone()),
        prefix: path("/place"),
        anonymous: true,
        ..S3Settings::new("bucket")
    };
    assert_eq!(ObjectStorage::s3(settings).unwrap().sweep().await.unwrap(), 1);
    let removed: Vec<String> = played.asked().into_iter().filter(|line| line.starts_with("DELETE")).collect();
    assert_eq!(removed, ["DELETE /bucket/place/f?uploadId=ours"]);
}

/// Of an upload whose completion was carried out without an answer, some stores still list the parts. An abort would take bytes
/// of the object.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_complete_is_not_swept() {
    for server in ["WHARF_TEST_SEAWEEDFS", "WHARF_TEST_MOTO"] {
        let prefix = fresh_prefix();
        let storage = impatient(s3_settings(server, &prefix));
        let (s3, key) = (raw(server), Path::parse(format!("{prefix}/f")).unwrap());
        let id = s3.create_multipart(&key).await.unwrap();
        let (first, size) = (PART + MARK, PART + MARK + 7);
        s3.put_part(&key, &id, 0, PutPayload::from(vec![1; first])).await.unwrap();
        s3.put_part(&key, &id, 1, PutPayload::from_static(b"the end")).await.unwrap();
        s3.put(&key, PutPayload::from(vec![7; size])).await.unwrap();
        assert_eq!(storage.sweep().await.unwrap(), 0, "{server}");
        assert_eq!(contents(&storage, "/f").await.len(), size, "{server}");
        // Another one is none that it can be.
        s3.put(&key, PutPayload::from(vec![7; size + 1])).await.unwrap();
        assert_eq!(storage.sweep().await.unwrap(), 1, "{server}");
        assert_eq!(contents(&storage, "/f").await.len(), size + 1, "{server}");
    }
}
