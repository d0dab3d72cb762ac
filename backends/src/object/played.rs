//! A bucket of S3 that is far away, or near, on the clock of a test: every answer takes its time, and each body comes at the
//! pace of its connection. It counts requests, and says how many were under way at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use http::Method;
use http_body_util::StreamBody;
use hyper::body::Frame;
use object_store::client::{HttpClient, HttpError, HttpRequest, HttpResponse, HttpResponseBody, HttpService};
use tokio::time::{Instant, sleep, sleep_until};

use super::ObjectStorage;
use super::s3::{self, S3Settings};
use super::settings::Tuning;

/// The size of the pieces in which a body comes.
const PIECE: usize = 64 << 10;

/// For how long a connection goes on when nobody takes what comes. The clock has steps of a millisecond.
const BUFFERED: Duration = Duration::from_millis(20);

/// A store by the way to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    /// From a request to its answer.
    pub(crate) answers_after: Duration,
    /// What comes over one connection, in bytes a second.
    pub(crate) each: f64,
}

/// As far away as the stores of most: 15 ms each way, and 30 MB/s for each connection.
pub(crate) const FAR: Line = Line { answers_after: Duration::from_millis(30), each: 30e6 };

pub(crate) const NEAR: Line = Line { answers_after: Duration::from_micros(500), each: 200e6 };

#[derive(Default)]
struct State {
    /// Sizes by keys.
    objects: BTreeMap<String, usize>,
    asked: Vec<String>,
    under_way: usize,
    most: usize,
}

/// The store, which every clone is.
#[derive(Clone)]
pub(crate) struct Store {
    line: Line,
    state: Arc<Mutex<State>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a played store")
    }
}

/// A request whose answer has not ended.
struct UnderWay(Store);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.with(|state| state.under_way -= 1);
    }
}

impl Store {
    pub(crate) fn new(line: Line) -> Self {
        Self { line, state: Arc::default() }
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Somebody else stores an object of this size.
    pub(crate) fn holds(&self, key: &str, size: usize) {
        self.with(|state| state.objects.insert(key.to_owned(), size));
    }

    /// Somebody else removes one.
    pub(crate) fn loses(&self, key: &str) {
        self.with(|state| state.objects.remove(key));
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.with(|state| state.objects.contains_key(key))
    }

    /// The requests since the last time: method and key, or the prefix of a listing.
    pub(crate) fn take_asked(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.asked))
    }

    /// The most requests that were under way at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.with(|state| state.most)
    }

    /// A server in front of it.
    pub(crate) fn storage(&self, tuning: Tuning) -> ObjectStorage {
        let settings = S3Settings {
            endpoint: Some("http://127.0.0.1:1".to_owned()),
            anonymous: true,
            tuning,
            ..S3Settings::new("bucket")
        };
        ObjectStorage::new(s3::open_played(settings, HttpClient::new(self.clone())).unwrap()).unwrap()
    }

    fn list(&self, query: &BTreeMap<String, String>) -> HttpResponse {
        let prefix = query.get("prefix").map_or("", String::as_str);
        let most = query.get("max-keys").map_or(1000, |most| most.parse().unwrap());
        let after = query.get("continuation-token").cloned().unwrap_or_default();
        let is_flat = !query.contains_key("delimiter");
        let mut entries = BTreeMap::new();
        self.with(|state| {
            for (key, size) in &state.objects {
                let Some(rest) = key.strip_prefix(prefix) else { continue };
                match rest.split_once('/') {
                    Some((name, _)) if !is_flat => {
                        let prefix = format!("{prefix}{name}/");
                        let text = format!("<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>");
                        entries.insert(prefix, text);
                    }
                    _ => {
                        let text = format!(
                            "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>{}</ETag>\
                             <LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>",
                            e_tag(*size)
                        );
                        entries.insert(key.clone(), text);
                    }
                }
            }
        });
        let rest: Vec<_> = entries.into_iter().filter(|(key, _)| *key > after).collect();
        let mut text: String = rest.iter().take(most).map(|(_, text)| text.as_str()).collect();
        if rest.len() > most {
            let last = &rest[most - 1].0;
            text += &format!(
                "<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>"
            );
        }
        answer(200, &[], format!("<ListBucketResult>{text}</ListBucketResult>").into())
    }

    fn read(&self, asked: &HttpRequest, key: &str, under_way: UnderWay) -> HttpResponse {
        let Some(size) = self.with(|state| state.objects.get(key).copied()) else {
            return answer(404, &[], text("<Error><Code>NoSuchKey</Code></Error>"));
        };
        let tag = ("etag", e_tag(size));
        if asked.method() == Method::HEAD {
            return answer(200, &[tag, ("content-length", size.to_string())], text(""));
        }
        let range = asked.headers().get("range").map(|range| range.to_str().unwrap());
        let Some((first, last)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'))
        else {
            let body = self.body(size, under_way);
            return answer(200, &[tag, ("content-length", size.to_string())], body);
        };
        let first: usize = first.parse().unwrap();
        let last = last.parse().unwrap_or(size - 1).min(size - 1);
        let (length, range) = (last + 1 - first, format!("bytes {first}-{last}/{size}"));
        let body = self.body(length, under_way);
        answer(206, &[tag, ("content-length", length.to_string()), ("content-range", range)], body)
    }

    /// So many bytes at the pace of one connection: what was not taken for long comes no sooner later.
    fn body(&self, size: usize, under_way: UnderWay) -> HttpResponseBody {
        let piece = Duration::from_secs_f64(PIECE as f64 / self.line.each);
        let begin = (size, Instant::now() + self.line.answers_after / 2, under_way);
        let pieces = stream::unfold(begin, move |(left, last, under_way)| async move {
            let length = left.min(PIECE);
            if length == 0 {
                return None;
            }
            let due = last.max(Instant::now() - BUFFERED) + piece;
            sleep_until(due).await;
            let bytes = Bytes::from_static(&[0; PIECE]).slice(..length);
            Some((Ok::<_, HttpError>(bytes), (left - length, due, under_way)))
        });
        HttpResponseBody::new(StreamBody::new(Box::pin(pieces.map_ok(Frame::data))))
    }
}

fn e_tag(size: usize) -> String {
    format!("\"tag of {size} bytes\"")
}

fn text(text: &str) -> HttpResponseBody {
    text.to_owned().into()
}

fn answer(status: u16, headers: &[(&str, String)], body: HttpResponseBody) -> HttpResponse {
    let mut answer = http::Response::builder().status(status).header("x-amz-request-id", "1");
    for (name, value) in headers {
        answer = answer.header(*name, value);
    }
    answer.body(body).unwrap()
}

#[async_trait]
impl HttpService for Store {
    async fn call(&self, asked: HttpRequest) -> Result<HttpResponse, HttpError> {
        let url = url::Url::parse(&asked.uri().to_string()).unwrap();
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let key = url.path().strip_prefix("/bucket").unwrap().trim_start_matches('/').to_owned();
        let is_list = query.contains_key("list-type");
        let line = match is_list {
            true => format!("LIST {}", query.get("prefix").map_or("", String::as_str)),
            false => format!("{} {key}", asked.method()),
        };
        let under_way = UnderWay(self.clone());
        self.with(|state| {
            state.asked.push(line);
            state.under_way += 1;
            state.most = state.most.max(state.under_way);
        });
        sleep(self.line.answers_after / 2).await;
        let answer = match *asked.method() {
            _ if is_list => self.list(&query),
            Method::GET | Method::HEAD => self.read(&asked, &key, under_way),
            Method::DELETE => {
                self.loses(&key);
                answer(204, &[], text(""))
            }
            Method::PUT => {
                let sent = asked.body().content_length();
                sleep(Duration::from_secs_f64(sent as f64 / self.line.each)).await;
                self.holds(&key, sent);
                answer(200, &[("etag", e_tag(sent))], text(""))
            }
            _ => answer(405, &[], text("")),
        };
        sleep(self.line.answers_after / 2).await;
        Ok(answer)
    }
}
