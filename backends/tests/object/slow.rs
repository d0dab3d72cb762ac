//! A store that lets one wait, and bodies that stop in the middle.

use std::time::Duration;

use futures_util::StreamExt;
use wharf_backends::contract::{contents, names_in, pattern, put, read};
use wharf_backends::object::{ObjectStorage, Tuning};
use wharf_backends::{ByteRange, CreateMode, ErrorKind, Storage};
use wharf_testing::proxy::{Fault, Gate, Kind, Proxy, Record, When};

use crate::failures::{failed_upload, failures};
use crate::servers::{SERVERS, fresh_prefix, path, s3, settings_through, variable};

const SIZE: usize = 1_000_000;

/// Far longer than anything here should take.
const LONGEST: Duration = Duration::from_secs(120);

/// A file on a server, and a storage before it that waits no longer than this for the proxy between.
async fn impatient(
    server: &str,
    content: &[u8],
    read_timeout: Duration,
) -> (Proxy, ObjectStorage, ObjectStorage) {
    let prefix = fresh_prefix();
    let direct = s3(server, &prefix);
    put(&direct, "/f", content, CreateMode::Replace).await.unwrap();
    let proxy = Proxy::before(&variable(server)).await;
    let mut settings = settings_through(&proxy, server, &prefix);
    settings.tuning = Tuning { retries: 2, retry_timeout: LONGEST, read_timeout, ..settings.tuning };
    (proxy, ObjectStorage::s3(settings).unwrap(), direct)
}

/// That every request but the first one asked for the rest of the same object.
fn are_resumed(gets: &[Record]) {
    let mut last = 0;
    for get in &gets[1..] {
        let range = get.range.as_deref().unwrap();
        let start = range.strip_prefix("bytes=").unwrap().split('-').next().unwrap().parse().unwrap();
        assert!(start > last, "{range} after {last}");
        last = start;
        assert!(get.if_match.is_some(), "{range} of whatever object is there now");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_comes_whole() {
    for server in SERVERS {
        let (proxy, storage, _) = impatient(server, &pattern(SIZE, 1), LONGEST).await;
        for fault in [Fault::Delay, Fault::SlowAnswer] {
            let gate = Gate::new();
            proxy.clear_faults();
            proxy.fault(When::always(), fault(gate.clone()));
            let work = async {
                assert!(contents(&storage, "/f").await == pattern(SIZE, 1));
                put(&storage, "/g", b"content", CreateMode::Replace).await.unwrap();
                storage.rename(&path("/g"), &path("/h"), true).await.unwrap();
                assert_eq!(names_in(&storage, "/").await, ["f", "h"]);
                storage.remove_file(&path("/h")).await.unwrap();
            };
            tokio::join!(work, async {
                gate.reached().await;
                gate.open();
            });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_store_is_given_up() {
    let (proxy, storage, direct) = impatient(SERVERS[0], b"content", Duration::from_secs(1)).await;
    proxy.fault(When::always(), Fault::Delay(Gate::new()));
    let mut all = tokio::time::timeout(2 * LONGEST, failures(&storage)).await.unwrap();
    all.push(tokio::time::timeout(LONGEST, failed_upload(&storage)).await.unwrap());
    for error in all {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    assert_eq!(contents(&direct, "/f").await, b"content");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_cut_or_stalls_is_resumed_where_it_stopped() {
    let content = pattern(SIZE, 1);
    for server in SERVERS {
        for fault in [Fault::TruncatedAnswer { gate: None }, Fault::SlowAnswer(Gate::new())] {
            let (proxy, storage, _) = impatient(server, &content, Duration::from_secs(3)).await;
            for range in [ByteRange::ALL, ByteRange { offset: 7, length: Some(500_000) }] {
                proxy.take();
                proxy.clear_faults();
                let rule = proxy.fault(When::first(Kind::Get, 2), fault.clone());
                let got = tokio::time::timeout(LONGEST, read(&storage, "/f", range)).await.unwrap().unwrap();
                let start = range.offset as usize;
                let end = range.length.map_or(SIZE, |length| start + length as usize);
                assert!(got == content[start..end], "{server}: {} bytes of {range:?}", got.len());
                assert_eq!(rule.hits(), 2);
                let gets: Vec<_> = proxy.take().into_iter().filter(|r| r.kind == Kind::Get).collect();
                assert_eq!(gets.len(), 3);
                are_resumed(&gets);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_bytes_of_two_objects_are_mixed() {
    let content = pattern(SIZE, 1);
    for server in SERVERS {
        for is_removed in [false, true] {
            let (proxy, storage, direct) = impatient(server, &content, LONGEST).await;
            let gate = Gate::new();
            proxy.fault(When::nth(Kind::Get, 1), Fault::TruncatedAnswer { gate: Some(gate.clone()) });
            let mut body = storage.open(&path("/f"), ByteRange::ALL).await.unwrap().into_stream();
            let mut got = body.next().await.unwrap().unwrap().to_vec();
            gate.reached().await;
            match is_removed {
                false => put(&direct, "/f", &pattern(SIZE, 2), CreateMode::Replace).await.unwrap(),
                true => direct.remove_file(&path("/f")).await.unwrap(),
            }
            gate.open();
            let error = loop {
                match body.next().await {
                    Some(Ok(bytes)) => got.extend_from_slice(&bytes),
                    Some(Err(error)) => break error,
                    None => panic!("{server}: the body ended after {} bytes", got.len()),
                }
            };
            assert_eq!(error.kind(), ErrorKind::Conflict, "{server}: {error}");
            assert!(got.len() < SIZE && got == content[..got.len()], "{server}: {} bytes", got.len());
            assert!(body.next().await.is_none(), "it ends after the first error");
        }
    }
}
