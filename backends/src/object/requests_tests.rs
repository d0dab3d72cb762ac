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
    piece: usize,
    pause: Duration,
    requests: Arc<AtomicUsize>,
}

/// What an answer of it has, in bytes.
const LENGTH: usize = 4 << 20;

#[async_trait]
impl HttpService for Slow {
    async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let (piece, pause) = (self.piece, self.pause);
        let frames = stream::unfold(0, move |sent| async move {
            if sent >= LENGTH {
                return None;
            }
            tokio::time::sleep(pause).await;
            Some((Ok(Frame::data(Bytes::from(vec![b' '; piece]))), sent + piece))
        });
        let body = HttpResponseBody::new(StreamBody::new(frames));
        Ok(http::Response::builder().status(self.status).body(body).unwrap())
    }
}

fn slow(status: u16, piece: usize, pause: Duration) -> (Requests, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let store = || HttpClient::new(Slow { status, piece, pause, requests: Arc::clone(&requests) });
    let of_store = Requests {
        url: "http://store".to_owned(),
        bucket: "bucket".to_owned(),
        signer: Signer::Nobody,
        http: store(),
        patient: store(),
        tuning: Tuning { retries: 2, ..Tuning::default() },
    };
    (of_store, requests)
}

async fn ask(requests: &Requests) -> Result<usize, Failure> {
    let request = Request::new(Method::GET, "/".to_owned(), observe::Request::List);
    requests.parsed(request, |document| Ok(document.len())).await
}

#[tokio::test(start_paused = true)]
async fn a_document_that_drips_is_given_up_and_asked_for_again() {
    for status in [200, 500] {
        // Never silent for as long as it may be.
        let (requests, count) = slow(status, 1, Duration::from_secs(50));
        let started = tokio::time::Instant::now();
        let failure = ask(&requests).await.unwrap_err().at(&StoragePath::root());
        assert_eq!(failure.kind(), ErrorKind::Unavailable, "{failure}");
        assert_eq!(count.load(Ordering::SeqCst), 3);
        assert!(started.elapsed() < Duration::from_secs(10 * 60), "{:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_over_a_slow_line_is_read_whole() {
    let (requests, count) = slow(200, 32 << 10, Duration::from_secs(1));
    assert_eq!(ask(&requests).await.unwrap(), LENGTH);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}
