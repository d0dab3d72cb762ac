//! Requests under a condition whose answer is lost: sent again, they meet what they did themselves. That is a success, and what
//! somebody else did is none.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use wharf_backends::contract::{pattern, put};
use wharf_backends::object::{ObjectStorage, S3Settings};
use wharf_backends::{CreateMode, ErrorKind, Storage};
use wharf_testing::played::{Asked, Played, answer, md5};

use crate::azure_played::{Azure, Blob, Copy};
use crate::cloud::PlayedCloud;
use crate::google_played::{Google, Object};
use crate::servers::{path, tuning};

fn is_copy(asked: &Asked) -> bool {
    asked.header("x-ms-copy-source").is_some() || asked.path.contains("/rewriteTo/")
}

/// Whether it is the first that this is true of.
fn first(is_meant: impl Fn(&Asked) -> bool) -> impl FnMut(&Asked) -> bool {
    let mut is_over = false;
    move |asked| !is_over && is_meant(asked) && !std::mem::replace(&mut is_over, true)
}

/// What somebody else has stored under the name when the request comes again.
const OTHERS: &[&str] = &["", "CONTENT", "longer content"];

#[tokio::test]
async fn a_copy_on_google_meets_itself() {
    for lacks_md5 in [false, true] {
        let store = Google::default();
        store.state().put("f", Object { lacks_md5, ..Object::of("content") });
        let mut is_lost = first(is_copy);
        let (storage, _played) = store.start(move |asked, _| is_lost(asked)).await;
        storage.rename(&path("/f"), &path("/g"), false).await.unwrap();
        assert_eq!(store.keys(), ["g"]);
    }
}

#[tokio::test]
async fn what_somebody_else_wrote_on_google_is_no_copy() {
    let other_time = HashMap::from([("mtime".to_owned(), "2020-01-01T00:00:00Z".to_owned())]);
    let others = OTHERS.iter().map(|other| Object::of(other));
    for other in others.chain([Object { metadata: other_time, ..Object::of("content") }]) {
        let store = Google::default();
        store.state().put("f", Object::of("content"));
        let (mut is_lost, theirs) = (first(is_copy), other.clone());
        let (storage, _played) = store
            .start(move |asked, store| {
                let is_lost = is_lost(asked);
                if is_lost {
                    store.state().put("g", theirs.clone());
                }
                is_lost
            })
            .await;
        let error = storage.rename(&path("/f"), &path("/g"), false).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert_eq!(store.state().objects["f"].content, "content");
        assert_eq!(store.state().objects["g"].content, other.content);
    }
}

fn completes(asked: &Asked) -> bool {
    asked.method == "POST" && asked.query("uploadId").is_some()
}

#[tokio::test]
async fn the_end_of_an_upload_to_google_meets_itself() {
    let store = Google::default();
    let mut is_lost = first(completes);
    let (storage, _played) = store.start(move |asked, _| is_lost(asked)).await;
    let content = pattern(12 << 20, 1);
    put(&storage, "/f", &content, CreateMode::Replace).await.unwrap();
    assert!(store.state().objects["f"].content == content);
}

#[tokio::test]
async fn what_somebody_else_wrote_on_google_is_no_upload() {
    for other in [pattern(12 << 20, 2), pattern(100, 1)] {
        let (store, theirs) = (Google::default(), Bytes::from(other.clone()));
        let mut is_lost = first(completes);
        let (storage, _played) = store
            .start(move |asked, store| {
                let is_lost = is_lost(asked);
                if is_lost {
                    store.state().put("f", Object { content: theirs.clone(), ..Object::default() });
                }
                is_lost
            })
            .await;
        let error = put(&storage, "/f", &pattern(12 << 20, 1), CreateMode::Replace).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(store.state().objects["f"].content == other);
    }
}

#[tokio::test]
async fn a_copy_on_azure_meets_itself() {
    for lacks_digest in [false, true] {
        let store = Azure::default();
        store.state().put("f", Blob { lacks_digest, ..Blob::of("content") });
        let mut is_lost = first(is_copy);
        let (storage, _played) = store.start(move |asked, _| is_lost(asked)).await;
        storage.rename(&path("/f"), &path("/g"), false).await.unwrap();
        assert_eq!(store.keys(), ["g"]);
    }
}

#[tokio::test]
async fn a_copy_on_azure_that_goes_on_meets_itself() {
    for replace in [false, true] {
        let store = Azure::default();
        store.state().copies_later = true;
        store.state().put("f", Blob::of("content"));
        let mut is_lost = first(is_copy);
        let (storage, played) = store.start(move |asked, _| is_lost(asked)).await;
        let complete = async {
            // It is waited for.
            while played.asked().iter().filter(|line| line.starts_with("HEAD /account/files/g")).count() < 2 {
                tokio::task::yield_now().await;
            }
            let mut state = store.state();
            let mut copy = state.blobs["g"].clone();
            copy.content = Bytes::from_static(b"content");
            copy.copy.as_mut().unwrap().status = "success";
            state.put("g", copy);
        };
        let (from, to) = (path("/f"), path("/g"));
        let (renamed, ()) = tokio::join!(storage.rename(&from, &to, replace), complete);
        renamed.unwrap();
        assert_eq!(store.keys(), ["g"]);
    }
}

#[tokio::test]
async fn what_somebody_else_wrote_on_azure_is_no_copy() {
    let copy_of = |source: &str, status| {
        let source = format!("http://elsewhere/account/files/{source}");
        Some(Copy { id: "theirs".to_owned(), status, source })
    };
    let mut others: Vec<Blob> = OTHERS.iter().map(|other| Blob::of(other)).collect();
    others.push(Blob::of("content"));
    for status in ["success", "pending"] {
        others.push(Blob { copy: copy_of("other", status), ..Blob::of("content") });
    }
    for other in others {
        let store = Azure::default();
        store.state().put("f", Blob::of("content"));
        let (mut is_lost, theirs) = (first(is_copy), other.clone());
        let (storage, _played) = store
            .start(move |asked, store| {
                let is_lost = is_lost(asked);
                if is_lost {
                    store.state().put("g", theirs.clone());
                }
                is_lost
            })
            .await;
        let error = storage.rename(&path("/f"), &path("/g"), false).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert_eq!(store.keys(), ["f", "g"]);
        assert_eq!(store.state().blobs["g"].content, other.content);
    }
}

#[tokio::test]
async fn what_is_not_there_to_be_copied_any_more_is_not_found_in_the_copy_of_another() {
    let store = Azure::default();
    store.state().put("f", Blob { lacks_digest: true, ..Blob::of("content") });
    let mut is_lost = first(is_copy);
    let (storage, _played) = store
        .start(move |asked, store| {
            let is_lost = is_lost(asked);
            if is_lost {
                let mut state = store.state();
                state.put("f", Blob { lacks_digest: true, ..Blob::of("another") });
                // Made by somebody else, of what is there now.
                let ours = state.blobs["g"].copy.clone().unwrap();
                let copy = Some(Copy { id: "theirs".to_owned(), ..ours });
                state.put("g", Blob { copy, lacks_digest: true, ..Blob::of("another") });
            }
            is_lost
        })
        .await;
    let error = storage.rename(&path("/f"), &path("/g"), true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(!error.to_string().contains("both names"), "nothing was copied: {error}");
    assert_eq!(store.state().blobs["f"].content, "another");
}

#[tokio::test]
async fn a_copy_that_was_recognised_on_its_way_is_looked_at_when_it_is_complete() {
    for lacks_digest in [false, true] {
        let store = Azure::default();
        store.state().copies_later = true;
        store.state().put("f", Blob { lacks_digest, ..Blob::of("content") });
        let mut is_lost = first(is_copy);
        let (storage, played) = store.start(move |asked, _| is_lost(asked)).await;
        let complete = async {
            while !played.asked().iter().any(|line| line.starts_with("HEAD /account/files/g")) {
                tokio::task::yield_now().await;
            }
            let mut state = store.state();
            let mut copy = state.blobs["g"].clone();
            copy.content = Bytes::from_static(if lacks_digest { b"longer content" } else { b"another" });
            copy.copy.as_mut().unwrap().status = "success";
            state.put("g", copy);
        };
        let (from, to) = (path("/f"), path("/g"));
        let (renamed, ()) = tokio::join!(storage.rename(&from, &to, true), complete);
        let error = renamed.unwrap_err();
        assert!(error.to_string().contains("replaced before it was complete"), "{error}");
        assert_eq!(store.state().blobs["f"].content, "content");
    }
}

fn sets_metadata(asked: &Asked) -> bool {
    asked.query("comp") == Some("metadata") || asked.header("x-amz-metadata-directive").is_some()
}

const TIME: SystemTime = SystemTime::UNIX_EPOCH;

#[tokio::test]
async fn a_time_on_azure_meets_itself() {
    for is_replaced in [false, true] {
        let store = Azure::default();
        let metadata = HashMap::from([("owner".to_owned(), "x".to_owned())]);
        store.state().put("f", Blob { metadata, ..Blob::of("content") });
        let mut is_lost = first(sets_metadata);
        let (storage, _played) = store
            .start(move |asked, store| {
                let is_lost = is_lost(asked);
                if is_lost && is_replaced {
                    store.state().put("f", Blob::of("another"));
                }
                is_lost
            })
            .await;
        let set = storage.set_modified(&path("/f"), TIME).await;
        match is_replaced {
            true => assert_eq!(set.unwrap_err().kind(), ErrorKind::Conflict),
            false => {
                set.unwrap();
                assert_eq!(storage.stat(&path("/f")).await.unwrap().modified, Some(TIME));
                assert_eq!(store.state().blobs["f"].metadata["owner"], "x");
            }
        }
    }
}

/// An object on S3 that was stored in parts: copied onto itself, it gets another entity tag.
#[tokio::test]
async fn a_time_on_s3_meets_itself() {
    for is_replaced in [false, true] {
        let (mut time, mut e_tag) = (None::<String>, "\"0123456789abcdef0123456789abcdef-2\"".to_owned());
        let mut is_lost = first(sets_metadata);
        let played = Played::new(move |asked| {
            if asked.method == "HEAD" {
                let mut headers =
                    vec![("etag", e_tag.as_str()), ("content-length", "7"), ("x-amz-meta-owner", "x")];
                headers.extend(time.as_deref().map(|time| ("x-amz-meta-mtime", time)));
                return Some(answer(200, &headers, ""));
            }
            if asked.header("x-amz-copy-source-if-match") != Some(&e_tag) {
                return Some(answer(412, &[], "<Error><Code>PreconditionFailed</Code></Error>"));
            }
            e_tag = format!("\"{}\"", BASE64_STANDARD.encode(md5(b"content")));
            if !is_replaced {
                time = asked.header("x-amz-meta-mtime").map(str::to_owned);
            }
            let body = format!("<CopyObjectResult><ETag>{e_tag}</ETag></CopyObjectResult>");
            (!is_lost(asked)).then(|| answer(200, &[], body))
        })
        .await;
        let settings = S3Settings {
            endpoint: Some(played.url.clone()),
            anonymous: true,
            tuning: tuning(),
            ..S3Settings::new("bucket")
        };
        let storage = ObjectStorage::s3(settings).unwrap();
        let set = storage.set_modified(&path("/f"), TIME + Duration::from_secs(1)).await;
        match is_replaced {
            true => assert_eq!(set.unwrap_err().kind(), ErrorKind::Conflict),
            false => set.unwrap(),
        }
    }
}
