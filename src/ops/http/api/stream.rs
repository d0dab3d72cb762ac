//! What happens, as it happens: server-sent events.
//!
//! Snapshots are of all replicas, and made once for all who read along. What happens elsewhere comes with the next one.
//!
//! Events are made when the connection has room for one, so whoever reads slowly has no queue but the bounded one of facts, and whoever
//! reads nothing is gone soon (`stay`).

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, broadcast};
use tokio::time::{Instant, sleep_until};

use super::super::{Body, whole};
use super::Stay;
use super::access::Shown;
use super::problem::{Refusal, put_usual};
use crate::ops::admin::Desk;
use crate::ops::live::Reading;

/// The most readers at a time.
const READERS: usize = 16;

/// How often everything is told.
const SNAPSHOT: Duration = Duration::from_secs(1);

/// So old may one be that was made for another reader.
const FRESH: Duration = Duration::from_millis(900);

/// How many events of other replicas wait for a slow reader.
const WAITING: usize = 1024;

/// Those who read along.
#[derive(Debug)]
pub(crate) struct Streams {
    readers: AtomicUsize,
    last: Mutex<Option<(Instant, Bytes)>>,
    /// What happens in other replicas.
    elsewhere: broadcast::Sender<Bytes>,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            readers: AtomicUsize::new(0),
            last: Mutex::default(),
            elsewhere: broadcast::Sender::new(WAITING),
        }
    }
}

/// One of those who read along.
struct Reader {
    streams: Arc<Streams>,
    desk: Arc<Desk>,
    stay: Arc<Stay>,
    /// The token, which may become wrong while it reads along.
    shown: Shown,
    reading: Reading,
    elsewhere: broadcast::Receiver<Bytes>,
    next: Instant,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.streams.readers.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Streams {
    /// Begins a stream.
    pub(super) fn open(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        stay: &Arc<Stay>,
        shown: Shown,
        is_head: bool,
    ) -> Result<Response<Body>, Refusal> {
        let body = match is_head {
            true => whole(Bytes::new()),
            false => {
                let took = self.readers.fetch_update(Ordering::AcqRel, Ordering::Acquire, |readers| {
                    (readers < READERS).then_some(readers + 1)
                });
                if took.is_err() {
                    let detail = format!("{READERS} read along already");
                    return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail));
                }
                let reader = Reader {
                    streams: Arc::clone(self),
                    desk: Arc::clone(desk),
                    stay: Arc::clone(stay),
                    shown,
                    reading: desk.live.feed().read(),
                    elsewhere: self.elsewhere.subscribe(),
                    next: Instant::now(),
                };
                if !reader.stay.streams() {
                    let detail = "too many connections; try again later";
                    return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail));
                }
                StreamBody::new(stream::unfold(reader, |mut reader| async move {
                    let event = reader.event().await?;
                    reader.stay.moved();
                    Some((Ok::<_, Infallible>(Frame::data(event)), reader))
                }))
                .boxed_unsync()
            }
        };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        put_usual(headers);
        // Proxies would wait for more.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        Ok(response)
    }
}

impl Streams {
    /// What there is now. Others are told of what happened elsewhere.
    async fn snapshot(&self, desk: &Desk) -> Bytes {
        let mut last = self.last.lock().await;
        if let Some((at, snapshot)) = &*last
            && at.elapsed() < FRESH
        {
            return snapshot.clone();
        }
        let at = Instant::now();
        let (snapshot, facts) = desk.snapshot_of_all(true).await;
        for fact in facts {
            let told = match fact.get("lost") {
                Some(lost) => event("lost", &json!({ "facts": lost }).to_string()),
                None => event("fact", &fact.to_string()),
            };
            let _ = self.elsewhere.send(told);
        }
        let snapshot = event("snapshot", &snapshot.to_string());
        *last = Some((at, snapshot.clone()));
        snapshot
    }
}

impl Reader {
    async fn event(&mut self) -> Option<Bytes> {
        tokio::select! {
            biased;
            () = sleep_until(self.next) => {
                let world = self.desk.reloader.world().now();
                self.shown.allows(world.config.http.admin.as_ref())?;
                drop(world);
                self.next = Instant::now() + SNAPSHOT;
                Some(self.streams.snapshot(&self.desk).await)
            }
            // Nobody ends it before the streams do.
            fact = self.elsewhere.recv() => Some(match fact {
                Ok(event) => event,
                Err(RecvError::Lagged(lost)) => event("lost", &json!({ "facts": lost }).to_string()),
                Err(RecvError::Closed) => return None,
            }),
            fact = self.reading.next() => Some(match fact? {
                Ok(fact) => event("fact", &fact),
                Err(lost) => event("lost", &json!({ "facts": lost }).to_string()),
            }),
        }
    }
}

/// An event (HTML Living Standard, 9.2.5); JSON has no line ends.
fn event(name: &str, data: &str) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}
