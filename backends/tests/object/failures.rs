//! What goes wrong between the server and the bucket has a kind that tells the client what to do.

use std::time::Duration;

use wharf_backends::contract::{contents, pattern, put};
use wharf_backends::object::{ObjectStorage, S3Settings};
use wharf_backends::{ByteRange, CreateMode, Error, ErrorKind, Storage};
use wharf_testing::proxy::{Fault, Kind, Proxy, When};

use crate::servers::{azure_settings, fresh_prefix, path, s3_settings, settings_through, variable};

const SEAWEEDFS: &str = "WHARF_TEST_SEAWEEDFS";

/// The same of an upload. Nothing is asked before it, so that it fails when it is finished.
pub async fn failed_upload(storage: &dyn Storage) -> Error {
    put(storage, "/f", b"content", CreateMode::Replace).await.unwrap_err()
}

/// One failure of each operation that a session starts with.
pub async fn failures(storage: &dyn Storage) -> Vec<Error> {
    let file = path("/f");
    vec![
        storage.check().await.unwrap_err(),
        storage.stat(&file).await.unwrap_err(),
        storage.list(&path("/")).await.map(drop).unwrap_err(),
        storage.open(&file, ByteRange::ALL).await.unwrap_err(),
        storage.create_directory(&file).await.unwrap_err(),
        storage.remove_file(&file).await.unwrap_err(),
        storage.rename(&file, &path("/g"), true).await.unwrap_err(),
    ]
}

#[tokio::test]
async fn a_wrong_key_is_for_the_operator_to_mend() {
    let settings = S3Settings {
        secret_access_key: Some("not-the-secret-of-it".to_owned()),
        ..s3_settings("WHARF_TEST_SEAWEEDFS", &fresh_prefix())
    };
    let storage = ObjectStorage::s3(settings).unwrap();
    let mut errors = failures(&storage).await;
    errors.push(failed_upload(&storage).await);
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(!error.to_string().contains("not-the-secret"), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_azure_key_is_for_the_operator_to_mend() {
    let mut settings = azure_settings(&fresh_prefix());
    settings.access_key = Some("bm90IHRoZSBrZXkgb2YgaXQ=".to_owned());
    let storage = ObjectStorage::azure(settings).unwrap();
    let mut errors = failures(&storage).await;
    errors.push(failed_upload(&storage).await);
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
}

#[tokio::test]
async fn a_missing_bucket_is_no_missing_file() {
    for server in ["WHARF_TEST_SEAWEEDFS", "WHARF_TEST_MOTO"] {
        let settings =
            S3Settings { bucket: "no-such-bucket".to_owned(), ..s3_settings(server, &fresh_prefix()) };
        let storage = ObjectStorage::s3(settings).unwrap();
        let mut errors = failures(&storage).await;
        // SeaweedFS makes the bucket when it is given an object for it.
        if server == "WHARF_TEST_MOTO" {
            errors.push(failed_upload(&storage).await);
        }
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{server}: {error}");
            assert!(error.to_string().contains("NoSuchBucket"), "{server}: {error}");
        }
    }
    let mut settings = azure_settings(&fresh_prefix());
    settings.container = "no-such-container".to_owned();
    for error in failures(&ObjectStorage::azure(settings).unwrap()).await {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable_soon() {
    // A port that nobody listens on any more.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut settings = S3Settings::new("bucket");
    settings.endpoint = Some(format!("http://127.0.0.1:{port}"));
    settings.access_key_id = Some("id".to_owned());
    settings.secret_access_key = Some("a-secret".to_owned());
    settings.tuning.retries = 1;
    settings.tuning.retry_timeout = Duration::from_secs(2);
    let storage = ObjectStorage::s3(settings).unwrap();
    let mut errors = failures(&storage).await;
    errors.push(failed_upload(&storage).await);
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("refused"), "{error}");
        assert!(!error.to_string().contains("a-secret"), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

/// A storage on SeaweedFS that sends everything once more, and content twice, and the proxy before it.
async fn retries_once() -> (ObjectStorage, Proxy) {
    let proxy = Proxy::before(&variable(SEAWEEDFS)).await;
    let mut settings = settings_through(&proxy, SEAWEEDFS, &fresh_prefix());
    settings.tuning.part_size = 5 << 20;
    settings.tuning.retries = 1;
    (ObjectStorage::s3(settings).unwrap(), proxy)
}

fn overloaded() -> Fault {
    Fault::Answer { status: 503, code: "SlowDown", message: "Slow down." }
}

#[tokio::test(flavor = "multi_thread")]
async fn content_is_sent_again_more_often_than_the_rest() {
    let (storage, proxy) = retries_once().await;
    proxy.fault(When::first(Kind::Head, 2), overloaded());
    assert_eq!(storage.stat(&path("/f")).await.unwrap_err().kind(), ErrorKind::Unavailable);
    // A whole file, and one in parts with what begins them.
    for (kind, size) in [(Kind::Put, 100), (Kind::Create, 6 << 20), (Kind::Part, 6 << 20)] {
        let content = pattern(size, 1);
        let rule = proxy.fault(When::first(kind, 2), overloaded());
        put(&storage, "/f", &content, CreateMode::Replace).await.unwrap();
        assert_eq!(rule.hits(), 2, "{kind}");
        assert!(contents(&storage, "/f").await == content, "{kind}");
        proxy.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_outlives_a_store_that_is_away_for_longer() {
    let (storage, proxy) = retries_once().await;
    let content = pattern(3 << 20, 1);
    put(&storage, "/f", &content, CreateMode::New).await.unwrap();
    proxy.fault(When::nth(Kind::Get, 1), Fault::TruncatedAnswer { gate: None });
    // The first time that it asks for the rest is in vain, with all its retries.
    let away: Vec<_> =
        [2, 3].into_iter().map(|nth| proxy.fault(When::nth(Kind::Get, nth), overloaded())).collect();
    assert!(contents(&storage, "/f").await == content);
    assert!(away.iter().all(|rule| rule.hits() == 1));
}
