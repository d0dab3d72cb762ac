//! Answers of a store that are not what they seem, played by a few lines of HTTP.

use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use wharf_backends::contract::put;
use wharf_backends::object::{ObjectStorage, S3Settings};
use wharf_backends::{ByteRange, CreateMode, ErrorKind, Storage};
use wharf_testing::raw::Raw;

use crate::servers::path;

const NO_KEYS: &str = "<ListBucketResult></ListBucketResult>";
const E_TAG: &str = "etag: \"5eb63bbbe01eeed093cb22bb8f5acdc3\"";

/// A store that answers to the first line of a request with the head and body that the function says; one that says
/// nothing keeps the connection.
async fn store(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> (ObjectStorage, Raw) {
    let raw = Raw::new(move |request, _| answer(&request.first)).await;
    let mut settings = S3Settings::new("bucket");
    settings.endpoint = Some(raw.url.clone());
    settings.access_key_id = Some("id".to_owned());
    settings.secret_access_key = Some("secret".to_owned());
    settings.tuning.retries = 0;
    settings.tuning.read_timeout = Duration::from_secs(1);
    settings.tuning.retry_timeout = Duration::from_secs(1);
    (ObjectStorage::s3(settings).unwrap(), raw)
}

fn document(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// A listing that never comes to its end, and has no keys.
fn the_same_page(_: &str) -> Vec<u8> {
    document(
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>\
         </ListBucketResult>",
    )
}

#[tokio::test]
async fn a_listing_that_tells_the_same_page_for_ever_has_an_end() {
    let (storage, raw) = store(the_same_page).await;
    let error = storage.check().await.unwrap_err();
    assert!(error.to_string().contains("the same page"), "{error}");
    assert!(storage.enter(&path("/d")).await.is_err());
    assert!(storage.create_directory(&path("/d")).await.is_err());
    assert!(storage.remove_directory(&path("/d")).await.is_err());
    assert_eq!(raw.requests().len(), 8);
}

/// The same, but each page names the other one of two as the next; and of the open uploads, too.
fn two_pages_in_turn(request: &str) -> Vec<u8> {
    let next = if request.contains("one") { "two" } else { "one" };
    match request.contains("uploads") {
        true => document(&format!(
            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>{next}</NextKeyMarker>\
             <NextUploadIdMarker>id</NextUploadIdMarker></ListMultipartUploadsResult>"
        )),
        false => document(&format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>{next}</NextContinuationToken>\
             </ListBucketResult>"
        )),
    }
}

#[tokio::test]
async fn a_listing_that_goes_in_a_circle_has_an_end() {
    let (storage, raw) = store(two_pages_in_turn).await;
    let work = async {
        let error = storage.check().await.unwrap_err();
        assert!(error.to_string().contains("the same page"), "{error}");
        assert!(storage.list(&path("/")).await.is_err());
        assert!(storage.enter(&path("/d")).await.is_err());
        assert!(storage.create_directory(&path("/d")).await.is_err());
        assert!(storage.remove_directory(&path("/d")).await.is_err());
        let error = storage.sweep().await.unwrap_err();
        assert!(error.to_string().contains("the same page"), "{error}");
    };
    work.await;
    assert_eq!(raw.requests().len(), 6 * 4);
}

/// A store without objects that has no list of its open uploads, and says why in one word.
async fn without_uploads(code: &'static str) -> (ObjectStorage, Raw) {
    store(move |request| no_list(request, code)).await
}

fn no_list(request: &str, code: &str) -> Vec<u8> {
    if request.contains("list-type") {
        return document(NO_KEYS);
    }
    let body = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
    let length = body.len();
    format!("HTTP/1.1 404 Not Found\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn a_bucket_without_uploads_has_nothing_to_sweep() {
    let (storage, raw) = without_uploads("NoSuchUpload").await;
    assert_eq!(storage.sweep().await.unwrap(), 0);
    assert!(raw.requests().iter().any(|request| request.first.contains("uploads")));
    // What is no word about uploads is no empty list.
    for code in ["NoSuchBucket", "NoSuchKey"] {
        let (storage, _raw) = without_uploads(code).await;
        storage.sweep().await.unwrap_err();
    }
}

/// Objects whose length is not told.
fn without_length(request: &str) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\n{E_TAG}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
    match request.split(' ').next() {
        _ if request.contains("list-type") => document(NO_KEYS),
        Some("HEAD") => head.into_bytes(),
        Some("GET") => format!("{head}b\r\nhello world\r\n0\r\n\r\n").into_bytes(),
        _ => format!("HTTP/1.1 200 OK\r\n{E_TAG}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .into_bytes(),
    }
}

#[tokio::test]
async fn an_object_of_unknown_length_is_no_empty_file() {
    let (storage, raw) = store(without_length).await;
    assert_eq!(storage.open(&path("/f"), ByteRange::ALL).await.unwrap_err().kind(), ErrorKind::Other);
    assert_eq!(storage.stat(&path("/f")).await.unwrap_err().kind(), ErrorKind::Other);
    // What was there would be replaced by what is added to it.
    put(&storage, "/f", b"more", CreateMode::Append).await.unwrap_err();
    assert!(raw.requests().iter().all(|request| !request.first.starts_with("PUT")));
}

#[tokio::test]
async fn a_page_without_its_end_is_no_listing() {
    // It goes on behind the last key, if there is one; here, the same page comes again.
    let pages: [fn(&str) -> Vec<u8>; 2] = [
        |_| document("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"),
        |_| {
            document(
                "<ListBucketResult><Contents><Key>a</Key><Size>1</Size></Contents>\
                 <IsTruncated>true</IsTruncated></ListBucketResult>",
            )
        },
    ];
    for page in pages {
        let (storage, raw) = store(page).await;
        let listed = match storage.list(&path("/")).await {
            Ok(entries) => entries.collect::<Vec<_>>().await.into_iter().collect::<Result<Vec<_>, _>>(),
            Err(error) => Err(error),
        };
        assert!(listed.is_err(), "{listed:?}");
        assert!(raw.requests().len() < 5);
    }
}

#[tokio::test]
async fn a_listing_that_never_ends_is_given_up() {
    let (storage, raw) = store(|_| {
        document(
            "<ListBucketResult><Contents><Key>a</Key><Size>1</Size></Contents><IsTruncated>true</IsTruncated>\
             <NextContinuationToken>again</NextContinuationToken></ListBucketResult>",
        )
    })
    .await;
    let entries: Vec<_> = storage.list(&path("/")).await.unwrap().collect().await;
    assert!(entries.last().unwrap().is_err());
    assert!(raw.requests().len() < 5);
}

#[tokio::test]
async fn somebody_elses_page_is_no_empty_directory() {
    let (storage, _raw) = store(|_| document("<html><body>please log in</body></html>")).await;
    let error = storage.list(&path("/")).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("html"), "{error}");
}

#[tokio::test]
async fn metadata_that_no_request_can_hold_is_refused() {
    let (storage, _raw) = store(|_| {
        let mut answer =
            format!("HTTP/1.1 200 OK\r\n{E_TAG}\r\ncontent-length: 11\r\nx-amz-meta-a: caf").into_bytes();
        answer.extend(b"\xe9\r\nconnection: close\r\n\r\n");
        answer
    })
    .await;
    let error = storage.set_modified(&path("/f"), SystemTime::now()).await.unwrap_err();
    assert!(error.to_string().contains("ASCII"), "{error}");
}

#[tokio::test]
async fn a_time_that_no_reply_can_hold_is_no_time() {
    let (storage, _raw) = store(|_| {
        format!(
            "HTTP/1.1 200 OK\r\n{E_TAG}\r\ncontent-length: 11\r\nx-amz-meta-mtime: 999999999999999\r\n\
             connection: close\r\n\r\n"
        )
        .into_bytes()
    })
    .await;
    assert_eq!(storage.stat(&path("/f")).await.unwrap().modified, None);
}

#[tokio::test]
async fn an_error_that_never_ends_is_given_up() {
    let (storage, _raw) = store(|request| match request.starts_with("PUT") {
        true => b"HTTP/1.1 500 Oops\r\ncontent-length: 1000\r\n\r\n<Error>".to_vec(),
        false => format!("HTTP/1.1 200 OK\r\n{E_TAG}\r\ncontent-length: 11\r\nconnection: close\r\n\r\n")
            .into_bytes(),
    })
    .await;
    let error = storage.set_modified(&path("/f"), SystemTime::now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}
