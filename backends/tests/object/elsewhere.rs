//! Whoever answers in the store's place: an ingress whose backend is gone, a server that sends elsewhere. Nothing of that is
//! the store's word that anything is missing, or done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use wharf_backends::contract::put;
use wharf_backends::object::{AzureSettings, ObjectStorage, S3Settings, Tuning};
use wharf_backends::{ByteRange, CreateMode, Error, ErrorKind, Result, Storage};

use crate::servers::{google_settings, path};

/// Answers every request, whatever it asks for, and counts them.
async fn answering(answer: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            let answer = answer.clone();
            tokio::spawn(async move { serve(connection, &answer).await });
        }
    });
    (url, count)
}

async fn serve(connection: TcpStream, answer: &str) -> std::io::Result<()> {
    let (read, mut write) = connection.into_split();
    let mut read = BufReader::new(read);
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    read.read_line(&mut first).await?;
    while read.read_line(&mut line).await? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    read.read_exact(&mut vec![0; length]).await?;
    // An answer to HEAD has no body.
    let end = answer.find("\r\n\r\n").unwrap() + 4;
    let answer = if first.starts_with("HEAD ") { &answer[..end] } else { answer };
    write.write_all(answer.as_bytes()).await
}

fn page(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

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
    for answer in [
        page("404 Not Found", "content-type: text/plain\r\n", "default backend - 404"),
        page("404 Not Found", "content-type: text/html\r\nserver: nginx\r\n", "<html><h1>404</h1></html>"),
        page("404 Not Found", "content-type: application/json\r\n", "{\"error\":\"no such service\"}"),
        page("404 Not Found", "", ""),
        // Of who asks it says nothing about what is there.
        page(
            "404 Not Found",
            "x-amz-request-id: 1\r\n",
            "<Error><Code>XAdminUserNotFound</Code><Message>The user does not exist.</Message></Error>",
        ),
    ] {
        let (url, _) = answering(answer.clone()).await;
        for (cloud, storage) in storages(&url) {
            for (what, result) in everything(&storage).await {
                let code =
                    answer.contains("XAdmin") && matches!(what, "stat" | "enter" | "append" | "resume");
                // A HEAD has no document, only that header.
                if code && matches!(&result, Err(error) if error.kind() == ErrorKind::NotFound) {
                    continue;
                }
                assert_unavailable(cloud, &answer, what, result);
            }
        }
    }
}

#[tokio::test]
async fn the_operator_reads_what_came_instead() {
    let (url, _) = answering(page("404 Not Found", "", "default backend - 404")).await;
    for (cloud, storage) in storages(&url) {
        let listed = storage.list(&path("/")).await.map(drop);
        let text = assert_unavailable(cloud, "", "list", listed).to_string();
        for part in ["in the store's place", "404 Not Found", "default backend - 404"] {
            assert!(text.contains(part), "{cloud}: {text}");
        }
    }
}

#[tokio::test]
async fn redirects_are_never_followed() {
    let (elsewhere, followed) = answering(page(
        "200 OK",
        "etag: \"1\"\r\nlast-modified: Wed, 25 Nov 2026 10:00:00 GMT\r\n",
        "the page of another host",
    ))
    .await;
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let answer = page(status, &format!("location: {elsewhere}/elsewhere\r\n"), "");
        let (url, _) = answering(answer.clone()).await;
        for (cloud, storage) in storages(&url) {
            for (what, result) in everything(&storage).await {
                let error = assert_unavailable(cloud, &answer, what, result);
                assert!(!error.to_string().contains("another host"), "{error}");
            }
        }
    }
    assert_eq!(followed.load(Ordering::Relaxed), 0, "somebody else was asked");
}
