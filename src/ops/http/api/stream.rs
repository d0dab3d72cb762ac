//! What happens, as it happens: server-sent events.
//!
//! Events are made when the connection has room for one, so whoever reads slowly has no queue but the bounded one of facts, and whoever
//! reads nothing is gone soon (`stay`).

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::super::{Body, whole};
use super::Stay;
use super::access::Shown;
use super::problem::{Refusal, put_usual};
use crate::ops::admin::{Desk, Filter, transfer};
use crate::ops::live::{Reading, time};

/// The most readers at a time.
const READERS: usize = 16;

/// How often everything is told.
const SNAPSHOT: Duration = Duration::from_secs(1);

/// The most sessions and transfers of a snapshot.
const SHOWN: usize = 200;

/// How many read along.
#[derive(Debug, Default)]
pub(crate) struct Streams(AtomicUsize);

/// One of those who read along.
struct Reader {
    streams: Arc<Streams>,
    desk: Arc<Desk>,
    stay: Arc<Stay>,
    /// The token, which may become wrong while it reads along.
    shown: Shown,
    reading: Reading,
    next: Instant,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.streams.0.fetch_sub(1, Ordering::AcqRel);
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
                let took = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |readers| {
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

impl Reader {
    async fn event(&mut self) -> Option<Bytes> {
        tokio::select! {
            biased;
            () = sleep_until(self.next) => {
                let world = self.desk.reloader.world().now();
                self.shown.allows(world.config.http.admin.as_ref())?;
                drop(world);
                self.next = Instant::now() + SNAPSHOT;
                Some(event("snapshot", &snapshot(&self.desk).to_string()))
            }
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

/// What there is at this moment.
fn snapshot(desk: &Desk) -> Value {
    let (mut sessions, count) = desk.chosen(&Filter { limit: Some(usize::MAX), ..Filter::default() });
    let rate = |is_upload: bool| -> f64 {
        let transfers = sessions.iter().filter_map(|session| session.transfer.as_ref());
        let these =
            transfers.filter(|transfer| matches!(transfer.direction, "upload" | "append") == is_upload);
        these.map(|transfer| transfer.bytes_per_second).sum()
    };
    let (received, sent) = (rate(true), rate(false));
    let logged_in = sessions.iter().filter(|session| session.user.is_some()).count();
    // Those that move come first, then those that did something last.
    sessions.sort_by(|a, b| {
        let rate = |session: &crate::ops::live::SessionView| {
            session.transfer.as_ref().map_or(-1.0, |transfer| transfer.bytes_per_second)
        };
        rate(b).total_cmp(&rate(a)).then_with(|| a.idle_seconds.total_cmp(&b.idle_seconds))
    });
    let transfers_count = sessions.iter().filter(|session| session.transfer.is_some()).count();
    sessions.truncate(SHOWN);
    let transfers: Vec<_> = sessions.iter().filter_map(transfer).collect();
    json!({
        "at": time(SystemTime::now()),
        "is_draining": desk.limits.is_draining(),
        "sessions_count": count,
        "sessions_logged_in": logged_in,
        "transfers_count": transfers_count,
        "received_bytes_per_second": received,
        "sent_bytes_per_second": sent,
        "sessions": sessions,
        "transfers": transfers,
    })
}
