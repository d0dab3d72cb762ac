//! Uploads that were never finished.

use std::time::Duration;

use bytes::Bytes;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{PutPayload, PutResult};
use wharf_backends::contract::{contents, pattern};
use wharf_backends::object::{ObjectStorage, S3Settings};
use wharf_backends::{CreateMode, ErrorKind, Storage, Upload};

use crate::plan::{Fault, When};
use crate::proxy::Proxy;
use crate::record::Kind;
use crate::servers::{fresh_prefix, path, raw, s3_settings, settings_through, variable};

const PART: usize = 5 << 20;

fn impatient(mut settings: S3Settings) -> ObjectStorage {
    settings.tuning.part_size = PART as u64;
    settings.tuning.abandoned_after = Duration::ZERO;
    ObjectStorage::s3(settings).unwrap()
}

/// An upload that a process leaves behind when it is killed: nothing of it runs any more, and nothing can be sent when it
/// is dropped.
fn abandoned(server: &'static str, prefix: &str, name: &'static str) {
    let prefix = prefix.to_owned();
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let upload = runtime.block_on(async {
            let proxy = Proxy::before(&variable(server)).await;
            let storage = impatient(settings_through(&proxy, server, &prefix));
            let mut upload = storage.create(&path(name), CreateMode::Replace).await.unwrap();
            upload.write(Bytes::from(pattern(2 * PART, 1))).await.unwrap();
            upload.write(Bytes::from(pattern(2 * PART, 1))).await.unwrap();
            // The store has parts and the mark.
            proxy.answered(Kind::Part, 3).await;
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
    assert!(contents(&storage, "/f").await == content, "and the mark is no part of it");
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
