//! The connections to a store, and the place where all requests are counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use http::StatusCode;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};

use super::connector::{self, Limits};
use crate::object::settings::{Authorities, Tuning};
use crate::observe::{Answer, Observers, Request};

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

/// A client that reports its requests.
#[derive(Debug)]
struct Counted {
    inner: HttpClient,
    observers: Observers,
}

#[async_trait]
impl HttpService for Counted {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let kind = request.extensions().get::<Kind>().map_or(Request::Credentials, |kind| kind.0);
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
        response
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
