use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use object_store::client::{HttpError, HttpResponseBody, HttpService};

use super::*;
use crate::{ErrorKind, StoragePath};

/// A store whose answers are long, and come in pieces with pauses between.
#[derive(Debug)]
struct Slow {
    status: u16,
    length: usize,
    piece: usize,
    pause: Duration,
    requests: Arc<AtomicUsize>,
}

/// What an answer of it has, in bytes, if it is long.
const LENGTH: usize = 4 << 20;

#[async_trait]
impl HttpService for Slow {
    async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let (piece, pause, length) = (self.piece, self.pause, self.length);
        let frames = stream::unfold(0, move |sent| async move {
            if sent >= length {
                return None;
            }
            tokio::time::sleep(pause).await;
            Some((Ok(Frame::data(Bytes::from(vec![b' '; piece]))), sent + piece))
        });
        let body = HttpResponseBody::new(StreamBody::new(frames));
        Ok(http::Response::builder().status(self.status).body(body).unwrap())
    }
}

fn slow(status: u16, length: usize, piece: usize, pause: Duration) -> (Requests, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let store = || HttpClient::new(Slow { status, length, piece, pause, requests: Arc::clone(&requests) });
    let of_store = Requests {
        url: "http://store".to_owned(),
        bucket: "bucket".to_owned(),
        signer: None,
        added: Added::default(),
        http: store(),
        patient: store(),
        tuning: Tuning { retries: 2, ..Tuning::default() },
    };
    (of_store, requests)
}

fn listing() -> Request {
    Request::new(Method::GET, "/".to_owned(), observe::Request::List)
}

async fn ask(requests: &Requests, request: Request) -> Result<usize, Failure> {
    requests.parsed(request, |document| Ok(document.len())).await
}

#[tokio::test(start_paused = true)]
async fn a_document_that_drips_is_given_up() {
    for status in [200, 500] {
        // Never silent for as long as it may be.
        let (requests, count) = slow(status, LENGTH, 1, Duration::from_secs(50));
        let started = Instant::now();
        let failure = ask(&requests, listing()).await.unwrap_err().at(&StoragePath::root());
        assert_eq!(failure.kind(), ErrorKind::Unavailable, "{failure}");
        // By then it is too late to ask again.
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(started.elapsed() < Duration::from_secs(100), "{:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_over_a_slow_line_is_read_whole() {
    let (requests, count) = slow(200, LENGTH, 32 << 10, Duration::from_secs(1));
    assert_eq!(ask(&requests, listing()).await.unwrap(), LENGTH);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_copy_may_take_as_long_as_it_takes() {
    let (requests, count) = slow(200, 40, 1, Duration::from_secs(50));
    let copy = listing().patience(Duration::from_secs(60 * 60));
    assert_eq!(ask(&requests, copy).await.unwrap(), 40);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}
