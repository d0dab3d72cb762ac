//! The proxy itself: what it passes on, counts and breaks.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wharf_backends::contract::{contents, names_in, pattern, put};
use wharf_backends::{ByteRange, CreateMode, ErrorKind, Storage};
use wharf_testing::proxy::{Fault, Gate, Kind, Proxy, When, requests_of};

use crate::servers::{SERVERS, fresh_prefix, path, s3_through, variable};

/// One request by hand, and everything that comes back until the connection ends.
async fn by_hand(proxy: &Proxy, request: &[u8]) -> String {
    let mut connection = TcpStream::connect(proxy.url().strip_prefix("http://").unwrap()).await.unwrap();
    connection.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), connection.read_to_end(&mut answer)).await.unwrap().ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_passes_and_is_counted() {
    for server in SERVERS {
        let proxy = Proxy::before(&variable(server)).await;
        let prefix = fresh_prefix();
        let storage = s3_through(&proxy, server, &prefix);
        let content = pattern(300_000, 1);
        let (done, records) =
            requests_of(&proxy, put(&storage, "/ä b/%2f+", &content, CreateMode::Replace)).await;
        done.unwrap();
        let upload = records.iter().find(|record| record.kind == Kind::Put).unwrap();
        assert_eq!((upload.status, upload.up), (Some(200), 300_000));
        assert_eq!(names_in(&storage, "/ä b").await, ["%2f+"], "{server}");
        let (got, records) = requests_of(&proxy, contents(&storage, "/ä b/%2f+")).await;
        assert!(got == content, "{server}");
        let download = records.iter().find(|record| record.kind == Kind::Get).unwrap();
        assert_eq!(download.down, 300_000);
        assert!(download.path.ends_with("/%C3%A4%20b/%252f%2B"), "{}", download.path);
        assert_eq!(proxy.count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_harms_no_other_connection() {
    let server = SERVERS[0];
    let proxy = Proxy::before(&variable(server)).await;
    for garbage in [
        &b"\0\xff\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nconnection: close\r\n\r\n",
    ] {
        let answer = by_hand(&proxy, garbage).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let storage = s3_through(&proxy, server, &fresh_prefix());
    put(&storage, "/f", b"x", CreateMode::Replace).await.unwrap();
    assert_eq!(contents(&storage, "/f").await, b"x");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_what_they_say() {
    let server = SERVERS[0];
    let prefix = fresh_prefix();
    let direct = crate::servers::s3(server, &prefix);
    put(&direct, "/f", &pattern(1000, 1), CreateMode::Replace).await.unwrap();
    let proxy = Proxy::before(&variable(server)).await;
    // Signatures matter to the store alone: these requests never get that far, or are refused by it with a document.
    let get = b"GET /bucket/key HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    proxy.fault(When::nth(Kind::Get, 1), Fault::DropBefore);
    assert_eq!(by_hand(&proxy, get).await, "");
    assert_eq!(proxy.take()[0].status, None);
    proxy.clear_faults();

    proxy.fault(When::nth(Kind::Get, 1), Fault::DropAfter);
    assert_eq!(by_hand(&proxy, get).await, "");
    proxy.clear_faults();

    proxy.fault(When::every(Kind::Get), Fault::Answer { status: 503, code: "SlowDown", message: "Slow." });
    let answer = by_hand(&proxy, get).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("<Code>SlowDown</Code>"), "{answer}");
    proxy.clear_faults();

    let rule = proxy.fault(When::first(Kind::Get, 1), Fault::TruncatedAnswer { gate: None });
    let cut = by_hand(&proxy, get).await;
    let whole = by_hand(&proxy, get).await;
    assert_eq!(rule.hits(), 1);
    let (head, body) = cut.split_once("\r\n\r\n").unwrap();
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let body_of_whole = whole.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(announced, body_of_whole.len().to_string());
    assert_eq!(body.len(), body_of_whole.len() / 2);
    proxy.clear_faults();

    let gate = Gate::new();
    proxy.fault(When::every(Kind::Get), Fault::SlowAnswer(gate.clone()));
    let (slow, ()) = tokio::join!(by_hand(&proxy, get), async {
        gate.reached().await;
        gate.open();
    });
    assert_eq!(slow.split_once("\r\n\r\n").unwrap().1.len(), body_of_whole.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_is_no_file() {
    let server = SERVERS[0];
    let proxy = Proxy::before(&variable(server)).await;
    let prefix = fresh_prefix();
    let storage = s3_through(&proxy, server, &prefix);
    let rule = proxy.fault(When::every(Kind::Put), Fault::TruncatedRequest);
    let error = put(&storage, "/f", &pattern(400_000, 1), CreateMode::Replace).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(rule.hits() > 0);
    let half = proxy.take().into_iter().find(|record| record.kind == Kind::Put).unwrap();
    assert_eq!((half.status, half.up >= 200_000), (None, true), "{half}");
    let found = crate::servers::s3(server, &prefix).open(&path("/f"), ByteRange::ALL).await;
    assert_eq!(found.unwrap_err().kind(), ErrorKind::NotFound);
}
