//! A store that loses connections, played by a few lines of HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use wharf_backends::contract::pattern;
use wharf_backends::object::{ObjectStorage, S3Settings};
use wharf_backends::{ByteRange, ErrorKind, Storage};

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

async fn broken_store(fault: Fault) -> (ObjectStorage, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = S3Settings::new("bucket");
    settings.endpoint = Some(format!("http://{}", listener.local_addr().unwrap()));
    settings.access_key_id = Some("id".to_owned());
    settings.secret_access_key = Some("secret".to_owned());
    // The library's own attempts would hide ours.
    settings.tuning.retries = 0;
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(connection, fault, Arc::clone(&count)));
        }
    });
    (ObjectStorage::s3(settings).unwrap(), requests)
}

async fn serve(connection: TcpStream, fault: Fault, count: Arc<AtomicUsize>) {
    let (read, mut write) = connection.into_split();
    let (mut start, mut end, mut if_match) = (0, SIZE, None);
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await.unwrap().filter(|line| !line.is_empty()) {
        let line = line.to_ascii_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            let (from, to) = range.split_once('-').unwrap();
            start = from.parse().unwrap();
            end = to.parse().map_or(SIZE, |last: usize| (last + 1).min(SIZE));
        }
        if let Some(tag) = line.strip_prefix("if-match: ") {
            if_match = Some(tag.to_owned());
        }
    }
    let number = count.fetch_add(1, Ordering::SeqCst);
    if matches!(fault, Fault::Replaced) && number > 0 {
        assert_eq!(if_match.as_deref(), Some("\"first\""));
        let refusal = b"HTTP/1.1 412 Precondition Failed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        write.write_all(refusal).await.unwrap();
        return;
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
    write.write_all(head.as_bytes()).await.unwrap();
    write.write_all(&pattern(SIZE, 7)[start..sent]).await.unwrap();
    write.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_lost_connection_is_resumed_where_it_broke() {
    let (storage, requests) = broken_store(Fault::HangsUp).await;
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
    assert!(requests.load(Ordering::SeqCst) > 6);
}

#[tokio::test]
async fn the_rest_of_another_object_is_never_sent() {
    let (storage, _) = broken_store(Fault::Replaced).await;
    let body = storage.open(&path("/f"), ByteRange::ALL).await.unwrap().into_stream();
    let chunks: Vec<_> = body.collect().await;
    let error = chunks.last().unwrap().as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn a_store_that_sends_nothing_is_given_up() {
    let (storage, requests) = broken_store(Fault::SendsNothing).await;
    let body = storage.open(&path("/f"), ByteRange::ALL).await.unwrap().into_stream();
    let chunks: Vec<_> = body.collect().await;
    assert_eq!(chunks.len(), 1);
    let error = chunks[0].as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(requests.load(Ordering::SeqCst) < 10);
}
