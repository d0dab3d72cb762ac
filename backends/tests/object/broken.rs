//! A store that loses connections, played by a few lines of HTTP.

use futures_util::StreamExt;
use wharf_backends::contract::pattern;
use wharf_backends::object::{ObjectStorage, S3Settings};
use wharf_backends::{ByteRange, ErrorKind, Storage};
use wharf_testing::raw::{Raw, Request};

use crate::servers::path;

const SIZE: usize = 1_000_000;

/// What the store does to a body.
#[derive(Clone, Copy)]
enum Fault {
    /// It sends a third of what it announced, then hangs up.
    HangsUp,
    /// The same, and then it has another object.
    Replaced,
    /// It hangs up before the first byte of any body.
    SendsNothing,
}

async fn broken_store(fault: Fault) -> (ObjectStorage, Raw) {
    let raw = Raw::new(move |request, number| answer(request, number, fault)).await;
    let mut settings = S3Settings::new("bucket");
    settings.endpoint = Some(raw.url.clone());
    settings.access_key_id = Some("id".to_owned());
    settings.secret_access_key = Some("secret".to_owned());
    // The library's own attempts would hide ours.
    settings.tuning.retries = 0;
    (ObjectStorage::s3(settings).unwrap(), raw)
}

fn answer(request: &Request, number: usize, fault: Fault) -> Vec<u8> {
    let range = request.header("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let (start, end) = range.map_or((0, SIZE), |(from, to)| {
        (from.parse().unwrap(), to.parse().map_or(SIZE, |last: usize| (last + 1).min(SIZE)))
    });
    let if_match = request.header("if-match");
    if matches!(fault, Fault::Replaced) && number > 0 {
        assert_eq!(if_match, Some("\"first\""));
        return b"HTTP/1.1 412 Precondition Failed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            .to_vec();
    }
    let head = format!(
        // Without it, the next request may meet the end of this connection.
        "HTTP/1.1 206 Partial Content\r\nconnection: close\r\netag: \"first\"\r\n\
         last-modified: Tue, 01 Jul 2025 00:00:00 GMT\r\n\
         content-length: {}\r\ncontent-range: bytes {start}-{}/{SIZE}\r\n\r\n",
        end - start,
        end - 1
    );
    let head = match if_match {
        None if start == 0 && end == SIZE => head.replace("206 Partial Content", "200 OK"),
        _ => head,
    };
    let sent = match fault {
        Fault::SendsNothing => start,
        // At last few enough are left to send them all.
        _ if end - start < SIZE / 10 => end,
        _ => start + (end - start) / 3,
    };
    [head.as_bytes(), &pattern(SIZE, 7)[start..sent]].concat()
}

#[tokio::test]
async fn a_lost_connection_is_resumed_where_it_broke() {
    let (storage, raw) = broken_store(Fault::HangsUp).await;
    let expected = pattern(SIZE, 7);
    for range in
        [ByteRange::ALL, ByteRange::from_offset(12_345), ByteRange { offset: 7, length: Some(500_000) }]
    {
        let mut body = storage.open(&path("/f"), range).await.unwrap().into_stream();
        let mut content = Vec::new();
        while let Some(chunk) = body.next().await {
            content.extend_from_slice(&chunk.unwrap());
        }
        let start = range.offset as usize;
        let end = range.length.map_or(SIZE, |length| start + length as usize);
        assert!(content == expected[start..end], "{range:?}: {} bytes", content.len());
    }
    assert!(raw.requests().len() > 6);
}

#[tokio::test]
async fn the_rest_of_another_object_is_never_sent() {
    let (storage, _raw) = broken_store(Fault::Replaced).await;
    let body = storage.open(&path("/f"), ByteRange::ALL).await.unwrap().into_stream();
    let chunks: Vec<_> = body.collect().await;
    let error = chunks.last().unwrap().as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn a_store_that_sends_nothing_is_given_up() {
    let (storage, raw) = broken_store(Fault::SendsNothing).await;
    let body = storage.open(&path("/f"), ByteRange::ALL).await.unwrap().into_stream();
    let chunks: Vec<_> = body.collect().await;
    assert_eq!(chunks.len(), 1);
    let error = chunks[0].as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(raw.requests().len() < 10);
}
