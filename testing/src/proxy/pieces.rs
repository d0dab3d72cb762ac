//! The proxy's treatment of headers and bodies.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::plan::Gate;
use super::record::Open;

pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;
pub(super) type Bytewise = UnsyncBoxBody<Bytes, Failure>;

/// Headers that may not be forwarded: they belong to one connection (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn clean(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(HeaderName::from_static(name));
    }
}

pub(super) fn length(headers: &HeaderMap) -> u64 {
    let text = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn never(error: Infallible) -> Failure {
    match error {}
}

pub(super) fn boxed(body: Incoming) -> Bytewise {
    match body.is_end_stream() {
        // A body of unknown length would be announced as chunked.
        true => Empty::new().map_err(never).boxed_unsync(),
        false => body.map_err(Failure::from).boxed_unsync(),
    }
}

/// The same body, and its bytes are counted as they pass.
pub(super) fn counted(body: Bytewise, open: Arc<Open>, count: fn(&Open) -> &AtomicU64) -> Bytewise {
    if body.is_end_stream() {
        return body;
    }
    body.map_frame(move |frame| {
        let bytes = frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
        count(&open).fetch_add(bytes, Ordering::SeqCst);
        frame
    })
    .boxed_unsync()
}

/// S3's document about an error.
pub(super) fn document(status: u16, code: &str, message: &str) -> Response<Bytewise> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <RequestId>4442587FB7D0A2F9</RequestId></Error>"
    );
    let mut answer = Response::new(whole(Bytes::from(text)));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}

pub(super) fn whole(bytes: Bytes) -> Bytewise {
    Full::new(bytes).map_err(never).boxed_unsync()
}

/// Stops in the middle of the body: for good, or until the gate opens.
pub(super) async fn halve(
    answer: Response<Bytewise>,
    gate: Option<Arc<Gate>>,
    ends: bool,
) -> Result<Response<Bytewise>, Failure> {
    let (mut parts, mut body) = answer.into_parts();
    if body.is_end_stream() {
        return Ok(Response::from_parts(parts, body));
    }
    if !parts.headers.contains_key(CONTENT_LENGTH) {
        let bytes = body.collect().await?.to_bytes();
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        body = whole(bytes);
    }
    let half = length(&parts.headers) / 2;
    Ok(Response::from_parts(parts, first(body, half, gate, ends)))
}

/// The first `bytes` of a body, and then what `gate` and `ends` say: a wait, an error, the rest.
pub(super) fn first(body: Bytewise, bytes: u64, gate: Option<Arc<Gate>>, ends: bool) -> Bytewise {
    struct State {
        body: Bytewise,
        left: u64,
        rest: Option<Bytes>,
        stopped: bool,
        gate: Option<Arc<Gate>>,
    }
    let state = State { body, left: bytes, rest: None, stopped: false, gate };
    let frames = futures_util::stream::try_unfold(state, move |mut state| async move {
        if state.left == 0 && !state.stopped {
            state.stopped = true;
            match state.gate.take() {
                Some(gate) => drop(gate.pass().await),
                // The bytes so far are sent before the error.
                None => tokio::task::yield_now().await,
            }
            if ends {
                return Err(Failure::from("cut in the middle"));
            }
        }
        if let Some(rest) = state.rest.take() {
            return Ok(Some((Frame::data(rest), state)));
        }
        let Some(frame) = state.body.frame().await.transpose()? else { return Ok(None) };
        let Ok(mut data) = frame.into_data() else { return Ok(None) };
        if !state.stopped {
            let taken = usize::try_from(state.left).unwrap_or(usize::MAX).min(data.len());
            state.rest = Some(data.split_off(taken)).filter(|rest| !rest.is_empty());
            state.left -= taken as u64;
        }
        Ok(Some((Frame::data(data), state)))
    });
    StreamBody::new(frames.boxed()).boxed_unsync()
}
