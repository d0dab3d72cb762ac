//! The connections to a store: one HTTP client for the library's requests and for ours, and the place where all are counted.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use http::{HeaderMap, Method, StatusCode, Uri};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};

use super::connector::{self, Limits};
use crate::object::settings::Authorities;
use crate::object::settings::Tuning;
use crate::observe::{Answer, Observers, Request};

/// Makes clients for a store that the library builds, and keeps the one for the bucket.
///
/// Requests of our own are to use the connections of the library's: connections that are ready are what small requests gain
/// most from. For credentials the library makes other clients, with options of their own; it does that first.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    last: Arc<Mutex<Option<HttpClient>>>,
    /// The host of the bucket: what goes elsewhere is for credentials.
    authority: Arc<str>,
    observers: Observers,
    authorities: Option<Authorities>,
    limits: Limits,
}

impl Connections {
    pub(crate) fn new(bucket_url: &str, tuning: &Tuning, limits: Limits) -> Self {
        let (scheme, rest) = bucket_url.split_once("://").unwrap_or(("https", bucket_url));
        let authority = without_default_port(scheme, rest.split('/').next().unwrap_or_default());
        Self {
            last: Arc::default(),
            authority: authority.into(),
            observers: tuning.observers.clone(),
            authorities: tuning.authorities.clone(),
            limits,
        }
    }

    /// For requests of our own; `None` until the library has built its store.
    pub(crate) fn client(&self) -> Option<HttpClient> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl HttpConnector for Connections {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // Credentials may be had without TLS where the bucket may not.
        let allow_http = options.get_config_value(&ClientConfigKey::AllowHttp).as_deref() == Some("true");
        let inner = HttpClient::new(connector::client(self.limits, self.authorities.as_ref(), allow_http)?);
        let counted = Counted {
            inner,
            authority: Arc::clone(&self.authority),
            observers: self.observers.clone(),
            failed: Mutex::default(),
        };
        let client = HttpClient::new(counted);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        Ok(client)
    }
}

/// Marks a request of our own, of which it is told elsewhere when it is sent again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ours;

/// How many failures are remembered, until what failed is sent again.
const FAILURES: usize = 256;

/// A client that tells of its requests.
#[derive(Debug)]
struct Counted {
    inner: HttpClient,
    authority: Arc<str>,
    observers: Observers,
    /// Uploads of the library's that may be sent again: it does that by itself and tells nobody.
    failed: Mutex<VecDeque<u64>>,
}

impl Counted {
    fn sent(&self, kind: Request, upload: Option<u64>) {
        let Some(upload) = upload else { return };
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = failed.iter().position(|other| *other == upload) {
            failed.remove(at);
            drop(failed);
            self.observers.retry(kind);
        }
    }

    fn answered(&self, answer: Answer, upload: Option<u64>) {
        let (Some(upload), true) = (upload, may_pass(answer)) else { return };
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.len() >= FAILURES {
            failed.pop_front();
        }
        failed.push_back(upload);
    }
}

/// Whether the library would send a request again.
fn may_pass(answer: Answer) -> bool {
    match answer {
        Answer::Throttled | Answer::ServerError | Answer::Timeout | Answer::Connection => true,
        Answer::Done | Answer::NotFound | Answer::Conflict | Answer::Denied | Answer::Other => false,
    }
}

/// What tells an upload of the library's from all others, but not from itself when it is sent again: a part has a name of its
/// own, and a whole object has the time of its signature. Our own requests are not among these.
fn upload(kind: Request, request: &HttpRequest) -> Option<u64> {
    if request.extensions().get::<Ours>().is_some() || !matches!(kind, Request::Put | Request::Part) {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    request.uri().hash(&mut hasher);
    for name in ["authorization", "x-amz-date", "x-ms-date"] {
        request.headers().get(name).hash(&mut hasher);
    }
    Some(hasher.finish())
}

#[async_trait]
impl HttpService for Counted {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let kind = if is_elsewhere(&self.authority, request.uri()) {
            Request::Credentials
        } else {
            kind(request.method(), request.uri(), request.headers())
        };
        let upload = upload(kind, &request);
        self.sent(kind, upload);
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
        self.answered(answer, upload);
        response
    }
}

/// Host and port, the same however they are written: the library leaves out the port that a scheme implies.
fn without_default_port(scheme: &str, authority: &str) -> String {
    let implied = if scheme.eq_ignore_ascii_case("http") { ":80" } else { ":443" };
    authority.strip_suffix(implied).unwrap_or(authority).to_ascii_lowercase()
}

/// Whether a request goes to another host than that of the bucket.
fn is_elsewhere(bucket: &str, uri: &Uri) -> bool {
    let scheme = uri.scheme_str().unwrap_or("https");
    uri.authority().is_none_or(|host| without_default_port(scheme, host.as_str()) != bucket)
}

/// What a request is for, in the protocols of all clouds.
fn kind(method: &Method, uri: &Uri, headers: &HeaderMap) -> Request {
    let query = uri.query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let is = |pair: &str| query.split('&').any(|other| other == pair);
    let copies = ["x-amz-copy-source", "x-goog-copy-source", "x-ms-copy-source"];
    // Google's JSON API.
    let google = uri.path().find("/storage/v1/b/").map(|at| &uri.path()[at + "/storage/v1/b/".len()..]);
    match *method {
        Method::PATCH => Request::Metadata,
        Method::POST if google.is_some_and(|rest| rest.contains("/rewriteTo/")) => Request::Copy,
        Method::GET if google.is_some_and(|rest| rest.ends_with("/o")) => Request::List,
        Method::GET if google.is_some() => Request::Head,
        Method::PUT if is("comp=metadata") => Request::Metadata,
        Method::PUT if is("comp=copy") => Request::Abort,
        Method::HEAD => Request::Head,
        Method::GET if has("list-type") || has("uploads") || has("uploadId") || is("comp=list") => {
            Request::List
        }
        Method::GET => Request::Get,
        Method::PUT if copies.iter().any(|name| headers.contains_key(*name)) => Request::Copy,
        Method::PUT if has("partNumber") || is("comp=block") => Request::Part,
        Method::PUT if is("comp=blocklist") => Request::Complete,
        Method::POST if has("uploads") => Request::Begin,
        Method::POST if has("uploadId") => Request::Complete,
        Method::POST if has("delete") => Request::Delete,
        Method::DELETE if has("uploadId") => Request::Abort,
        Method::DELETE => Request::Delete,
        _ => Request::Put,
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
