//! The connections to a store, and the place where all requests are counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use http::{HeaderValue, StatusCode};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};

use super::connector::{self, Limits};
use crate::object::settings::{Authorities, Tuning};
use crate::observe::{self, Answer, Note, Observers, Request, Span, SpanKind};

/// Makes clients for a store that the library builds, and keeps the client of the bucket for our requests.
///
/// Before that, the library makes other clients for credentials, with other options.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    last: Arc<Mutex<Option<HttpClient>>>,
    observers: Observers,
    authorities: Option<Authorities>,
    limits: Limits,
}

impl Connections {
    pub(crate) fn new(tuning: &Tuning, limits: Limits) -> Self {
        Self {
            last: Arc::default(),
            observers: tuning.observers.clone(),
            authorities: tuning.authorities.clone(),
            limits,
        }
    }

    /// For requests; `None` until the library has built its store.
    pub(crate) fn client(&self) -> Option<HttpClient> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl HttpConnector for Connections {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // Credentials may come without TLS, even if the bucket needs it.
        let allow_http = options.get_config_value(&ClientConfigKey::AllowHttp).as_deref() == Some("true");
        let inner = HttpClient::new(connector::client(self.limits, self.authorities.as_ref(), allow_http)?);
        let counted = Counted { inner, observers: self.observers.clone() };
        let client = HttpClient::new(counted);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        Ok(client)
    }
}

/// Marks a request with its kind. The library's own requests have no mark: they are for credentials.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind(pub(crate) Request);

/// Marks a request that is sent again with how often it was sent before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Again(pub(crate) usize);

/// A client that reports its requests.
#[derive(Debug)]
struct Counted {
    inner: HttpClient,
    observers: Observers,
}

#[async_trait]
impl HttpService for Counted {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let kind = request.extensions().get::<Kind>().map_or(Request::Credentials, |kind| kind.0);
        let piece = observe::begin(kind.as_str(), SpanKind::Request);
        piece.tell(|span| describe(span, &mut request));
        let started = Instant::now();
        let response = self.inner.execute(request).await;
        let answer = match &response {
            Ok(response) => answer(response.status()),
            Err(error) => match error.kind() {
                HttpErrorKind::Timeout => Answer::Timeout,
                HttpErrorKind::Connect | HttpErrorKind::Request | HttpErrorKind::Interrupted => {
                    Answer::Connection
                }
                _ => Answer::Other,
            },
        };
        self.observers.request(kind, answer, started.elapsed());
        piece.tell(|span| match &response {
            Ok(response) => {
                span.note("http.response.status_code", Note::Number(response.status().as_u16().into()));
                // To ask for what is not there is no failure of the request.
                if !matches!(answer, Answer::Done | Answer::NotFound) {
                    span.fail(answer.as_str());
                }
            }
            Err(error) => {
                span.note("error.type", Note::Text(answer.as_str()));
                span.fail(&error.to_string());
            }
        });
        response
    }
}

/// What is known of a request before it is sent; the store may be told of the span.
fn describe(span: &dyn Span, request: &mut HttpRequest) {
    span.note("http.request.method", Note::Text(request.method().as_str()));
    span.note("server.address", Note::Text(request.uri().host().unwrap_or_default()));
    // Without the query, which may hold a signature.
    span.note("url.path", Note::Text(request.uri().path()));
    if let Some(Again(before)) = request.extensions().get::<Again>().filter(|again| again.0 > 0) {
        span.note("http.request.resend_count", Note::Number(i64::try_from(*before).unwrap_or(i64::MAX)));
    }
    // No signature is about this header.
    if let Some(value) = span.traceparent().and_then(|value| HeaderValue::from_str(&value).ok()) {
        request.headers_mut().insert("traceparent", value);
    }
}

fn answer(status: StatusCode) -> Answer {
    match status.as_u16() {
        200..=299 | 304 => Answer::Done,
        404 => Answer::NotFound,
        409 | 412 | 416 => Answer::Conflict,
        401 | 403 => Answer::Denied,
        429 | 503 => Answer::Throttled,
        500..=599 => Answer::ServerError,
        _ => Answer::Other,
    }
}

#[cfg(test)]
#[path = "connections_tests.rs"]
mod tests;
