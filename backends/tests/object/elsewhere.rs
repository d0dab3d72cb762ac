//! Whoever answers in the store's place: an ingress whose backend is gone, a server that sends elsewhere. Nothing of that is
//! the store's word that anything is missing, or done.

use std::time::SystemTime;

use wharf_backends::contract::put;
use wharf_backends::object::{AzureSettings, ObjectStorage, S3Settings, Tuning};
use wharf_backends::{ByteRange, CreateMode, Error, ErrorKind, Result, Storage};
use wharf_testing::played::{Played, answer};

use crate::servers::{google_settings, path};

/// A storage of each cloud at this address.
fn storages(url: &str) -> [(&'static str, ObjectStorage); 3] {
    let tuning = Tuning { retries: 0, ..Tuning::default() };
    let s3 = S3Settings {
        endpoint: Some(url.to_owned()),
        access_key_id: Some("id".to_owned()),
        secret_access_key: Some("secret".to_owned()),
        tuning: tuning.clone(),
        ..S3Settings::new("bucket")
    };
    let azure = AzureSettings {
        endpoint: Some(format!("{url}/account")),
        access_key: Some("c2VjcmV0".to_owned()),
        tuning: tuning.clone(),
        ..AzureSettings::new("account", "container")
    };
    let mut google = google_settings(url, "prefix");
    google.tuning = tuning;
    [
        ("s3", ObjectStorage::s3(s3).unwrap()),
        ("azure", ObjectStorage::azure(azure).unwrap()),
        ("gcs", ObjectStorage::gcs(google).unwrap()),
    ]
}

/// Everything that can be asked of a storage.
async fn everything(storage: &ObjectStorage) -> Vec<(&'static str, Result<()>)> {
    let file = &path("/d/f");
    let put = |name, mode| put(storage, name, b"content", mode);
    let large = vec![0; 9 << 20];
    vec![
        ("check", storage.check().await),
        ("list the root", storage.list(&path("/")).await.map(drop)),
        ("list", storage.list(&path("/d")).await.map(drop)),
        ("stat", storage.stat(file).await.map(drop)),
        ("enter", storage.enter(&path("/d")).await),
        ("open", storage.open(file, ByteRange::ALL).await.map(drop)),
        ("upload", put("/d/a", CreateMode::Replace).await),
        ("large upload", wharf_backends::contract::put(storage, "/d/l", &large, CreateMode::Replace).await),
        ("new", put("/d/b", CreateMode::New).await),
        ("append", put("/d/c", CreateMode::Append).await),
        ("resume", put("/d/e", CreateMode::Resume(1)).await),
        ("remove", storage.remove_file(file).await),
        ("make a directory", storage.create_directory(&path("/n")).await),
        ("remove a directory", storage.remove_directory(&path("/d")).await),
        ("rename", storage.rename(file, &path("/d/g"), true).await),
        ("set the time", storage.set_modified(file, SystemTime::now()).await),
    ]
}

fn assert_unavailable(cloud: &str, answer: &str, what: &str, result: Result<()>) -> Error {
    match result {
        Ok(()) => panic!("{cloud}: {what} is told as done behind {answer:?}"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{cloud}: {what} behind {answer:?}: {error}");
            error
        }
    }
}

#[tokio::test]
async fn a_page_of_somebody_else_proves_no_absence() {
    for page in [
        answer(404, &[("content-type", "text/plain")], "default backend - 404"),
        answer(404, &[("content-type", "text/html"), ("server", "nginx")], "<html><h1>404</h1></html>"),
        answer(404, &[("content-type", "application/json")], "{\"error\":\"no such service\"}"),
        answer(404, &[], ""),
        // Of who asks it says nothing about what is there.
        answer(
            404,
            &[("x-amz-request-id", "1")],
            "<Error><Code>XAdminUserNotFound</Code><Message>The user does not exist.</Message></Error>",
        ),
    ] {
        let shown = format!("{page:?}");
        let played = Played::always(page).await;
        for (cloud, storage) in storages(&played.url) {
            for (what, result) in everything(&storage).await {
                let code = shown.contains("XAdmin") && matches!(what, "stat" | "enter" | "append" | "resume");
                // A HEAD has no document, only that header.
                if code && matches!(&result, Err(error) if error.kind() == ErrorKind::NotFound) {
                    continue;
                }
                assert_unavailable(cloud, &shown, what, result);
            }
        }
    }
}

#[tokio::test]
async fn the_operator_reads_what_came_instead() {
    let played = Played::always(answer(404, &[], "default backend - 404")).await;
    for (cloud, storage) in storages(&played.url) {
        let listed = storage.list(&path("/")).await.map(drop);
        let text = assert_unavailable(cloud, "", "list", listed).to_string();
        for part in ["in the store's place", "404 Not Found", "default backend - 404"] {
            assert!(text.contains(part), "{cloud}: {text}");
        }
    }
}

#[tokio::test]
async fn redirects_are_never_followed() {
    let elsewhere = Played::always(answer(
        200,
        &[("etag", "\"1\""), ("last-modified", "Wed, 25 Nov 2026 10:00:00 GMT")],
        "the page of another host",
    ))
    .await;
    let location = format!("{}/elsewhere", elsewhere.url);
    for status in [301, 302, 303, 307, 308] {
        let played = Played::always(answer(status, &[("location", &location)], "")).await;
        for (cloud, storage) in storages(&played.url) {
            for (what, result) in everything(&storage).await {
                let error = assert_unavailable(cloud, &status.to_string(), what, result);
                assert!(!error.to_string().contains("another host"), "{error}");
            }
        }
    }
    assert_eq!(elsewhere.asked(), [""; 0], "somebody else was asked");
}
