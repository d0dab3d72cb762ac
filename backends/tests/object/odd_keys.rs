//! Keys that no library would write, next to ordinary ones.

use std::io::{Read, Write};
use std::net::TcpStream;

use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use wharf_backends::contract::{contents, names_in, put};
use wharf_backends::object::ObjectStorage;
use wharf_backends::{CreateMode, ErrorKind, Storage};

use crate::servers::{bucket_on, fresh_prefix, path, raw, s3, s3_settings, variable};

/// moto has a flat key space and checks no signatures.
const MOTO: &str = "WHARF_TEST_MOTO";

/// Stores an object under a key that is written as it stands in a URL.
fn put_as_is(key: &str, content: &str) {
    let url = variable(MOTO);
    let mut connection = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let request = format!(
        "PUT /{}/{key} HTTP/1.1\r\nHost: s3\r\nAuthorization: AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/\
         aws4_request, SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{content}",
        bucket_on(MOTO),
        content.len()
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{key}: {answer}");
}

#[tokio::test]
async fn one_odd_key_never_breaks_a_listing() {
    let prefix = fresh_prefix();
    let storage = s3(MOTO, &prefix);
    for key in ["a//b", "/x", "%01", "tab%09", "d/%7F", "d//", "100%25", "plus+plus", "a%20b", "%2B"] {
        put_as_is(&format!("{prefix}/{key}"), "content");
    }
    // What can be named is listed and read, and the rest is in nobody's way.
    assert_eq!(names_in(&storage, "/").await, ["+", "100%", "a", "a b", "d", "plus+plus"]);
    for name in ["/+", "/100%", "/a b", "/plus+plus"] {
        assert_eq!(contents(&storage, name).await, b"content", "{name}");
    }
    assert_eq!(names_in(&storage, "/a").await, [""; 0]);
    assert_eq!(storage.remove_directory(&path("/a")).await.unwrap_err().kind(), ErrorKind::NotEmpty);
    assert_eq!(names_in(&storage, "/d").await, [""; 0]);
}

#[tokio::test]
async fn a_directory_with_a_key_that_no_url_can_hold_stays_as_it_is() {
    let prefix = fresh_prefix();
    let storage = s3(MOTO, &prefix);
    put(&storage, "/d/good", b"1", CreateMode::New).await.unwrap();
    put_as_is(&format!("{prefix}/d/sub/%2e%2e/x"), "2");
    let error = storage.rename(&path("/d"), &path("/e"), true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidName, "{error}");
    assert!(error.advice().is_some_and(|advice| advice.contains("can't be moved")), "{error:?}");
    assert_eq!(storage.stat(&path("/e")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(contents(&storage, "/d/good").await, b"1");
}

#[tokio::test]
async fn a_directory_takes_its_odd_keys_along() {
    let prefix = fresh_prefix();
    let storage = s3(MOTO, &prefix);
    put(&storage, "/d/good", b"1", CreateMode::New).await.unwrap();
    put_as_is(&format!("{prefix}/d//b"), "2");
    put_as_is(&format!("{prefix}/d/%01"), "3");
    storage.rename(&path("/d"), &path("/e"), true).await.unwrap();
    assert_eq!(storage.stat(&path("/d")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(contents(&storage, "/e/good").await, b"1");
    // They went along: the directory is not empty without what can be named.
    storage.remove_file(&path("/e/good")).await.unwrap();
    assert_eq!(storage.remove_directory(&path("/e")).await.unwrap_err().kind(), ErrorKind::NotEmpty);
}

#[tokio::test]
async fn an_object_with_metadata_that_is_no_ascii_is_served() {
    let prefix = fresh_prefix();
    let storage = s3(MOTO, &prefix);
    let url = variable(MOTO);
    let mut connection = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let request = format!(
        "PUT /{}/{prefix}/f HTTP/1.1\r\nHost: s3\r\nx-amz-meta-owner: J\u{f6}rg\r\nContent-Length: 4\r\n\
         Connection: close\r\n\r\ndata",
        bucket_on(MOTO)
    );
    connection.write_all(request.as_bytes()).unwrap();
    connection.read_to_string(&mut String::new()).unwrap();
    assert_eq!(storage.stat(&path("/f")).await.unwrap().size, 4);
    assert_eq!(contents(&storage, "/f").await, b"data");
}

#[tokio::test]
async fn a_file_and_a_directory_of_one_name_are_both_kept() {
    let prefix = fresh_prefix();
    let (store, storage) = (raw(MOTO), s3(MOTO, &prefix));
    let mut careless = s3_settings(MOTO, &prefix);
    careless.tuning.check_names = false;
    let careless = ObjectStorage::s3(careless).unwrap();
    let below = Path::parse(format!("{prefix}/both/below")).unwrap();
    store.put(&below, PutPayload::from_static(b"below")).await.unwrap();
    // Where nobody looks before an upload. A storage that has seen the directory refuses it.
    put(&careless, "/both", b"file", CreateMode::Replace).await.unwrap();
    assert_eq!(contents(&storage, "/both").await, b"file");
    assert_eq!(contents(&storage, "/both/below").await, b"below");
    storage.enter(&path("/both")).await.unwrap();
    storage.remove_file(&path("/both")).await.unwrap();
    assert_eq!(names_in(&storage, "/both").await, ["below"]);
    let error = put(&storage, "/both", b"file", CreateMode::Replace).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
}
