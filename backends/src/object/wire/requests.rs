//! Requests to a store: how they are signed, sent again, and read.
//!
//! The library's signers sign them with the library's credentials, and its HTTP clients send them.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method};
use object_store::PutPayload;
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody, HttpResponse};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::Instant;

use super::connections::{Again, Kind};
use super::xml::{self, Document};
use crate::object::settings::Tuning;
use crate::object::settings::options::Added;
use crate::object::store::answer::Asked;
use crate::object::store::failure::Failure;
use crate::object::wire::patience::patience;
use crate::observe;

/// The characters that a URL holds as they are (RFC 3986, section 2.3). All others are encoded, also for a signature.
pub(crate) const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const STRICT_PATH: &AsciiSet = &STRICT.remove(b'/');

/// The largest document of a store, in bytes: a page of a thousand encoded keys of a kilobyte each, or with some metadata.
const LONGEST_DOCUMENT: usize = 16 << 20;

/// The first pause before a request is sent again, and the longest.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(100);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How often a request is sent again if the failure may be permanent: some stores report an internal error for a name that they
/// can't hold, and the client waits all the time.
const DOUBTFUL: usize = 6;

/// Sends requests to one bucket.
pub(crate) struct Requests {
    /// The URL before the paths of requests, without a slash at its end.
    pub url: String,
    /// The bucket, for the log.
    pub bucket: String,
    /// The signer; `None` for requests without a signature.
    pub signer: Option<Box<dyn Sign>>,
    /// Headers and parameters that are added to all requests.
    pub added: Added,
    /// The client that gives up when the store is silent.
    pub http: HttpClient,
    /// The client for requests that take long in the store; each needs a limit of its own.
    pub patient: HttpClient,
    pub tuning: Tuning,
}

/// How a cloud wants requests to be signed.
#[async_trait]
pub(crate) trait Sign: Send + Sync {
    /// Signs a request with this content.
    async fn sign(&self, request: &mut HttpRequest, content: &PutPayload) -> Result<(), Failure>;
}

/// A request that isn't signed yet.
#[derive(Clone)]
pub(crate) struct Request {
    method: Method,
    kind: observe::Request,
    /// Encoded; it begins with a slash.
    path: String,
    query: Vec<(&'static str, String)>,
    pub headers: HeaderMap,
    body: PutPayload,
    /// How long the store may take to answer, if that is longer than it may be silent.
    patience: Option<Duration>,
    /// Whether much that was sent before is lost with this request: it is then sent again as often as content is.
    is_persistent: bool,
    /// Whether another request checks an answer that something is absent.
    is_confirmed: bool,
}

impl Request {
    /// A request for a path below the URL of the bucket. The log names its `kind` when it is sent again.
    pub(crate) fn new(method: Method, path: String, kind: observe::Request) -> Self {
        let method_is_head = method == Method::HEAD;
        Self {
            method,
            kind,
            path,
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: PutPayload::new(),
            patience: None,
            is_persistent: false,
            is_confirmed: method_is_head,
        }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Result<Self, Failure> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Failure::Malformed(format!("{name} can't be sent: {value:?}")))?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Asks for a part of the content, by the header that the store knows: the bytes from the first number to the second, which
    /// is included, or to the end. Without a range it asks for all bytes.
    pub(crate) fn range(
        self,
        name: &'static str,
        range: Option<(u64, Option<u64>)>,
    ) -> Result<Self, Failure> {
        let Some((first, last)) = range else { return Ok(self) };
        let last = last.map_or_else(String::new, |last| last.to_string());
        self.header(name, &format!("bytes={first}-{last}"))
    }

    /// Sends these bytes.
    pub(crate) fn body(mut self, body: PutPayload) -> Self {
        self.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.content_length()));
        self.body = body;
        self
    }

    pub(crate) fn persistent(mut self) -> Self {
        self.is_persistent = true;
        self
    }

    pub(crate) fn confirmed(mut self) -> Self {
        self.is_confirmed = true;
        self
    }

    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }
}

/// The path of the object with this key, for stores that take slashes in keys as slashes in paths.
///
/// # Errors
/// URLs can't hold `.` and `..` as segments: that would be another key.
pub(crate) fn path_of(key: &str) -> Result<String, Failure> {
    if key.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(Failure::Malformed(format!("no URL can hold the key {key:?}")));
    }
    Ok(format!("/{}", in_path(key)))
}

/// A key as the part of a URL.
pub(crate) fn in_path(key: &str) -> impl fmt::Display {
    utf8_percent_encode(key, STRICT_PATH)
}

impl Requests {
    /// A text that distinguishes the bucket from all others.
    pub(crate) fn address(&self) -> String {
        format!("{} {}", self.url, self.bucket)
    }

    fn url(&self, request: &Request) -> String {
        let mut url = format!("{}{}", self.url, request.path);
        let mut separator = '?';
        for (name, value) in &request.query {
            url.push(separator);
            separator = '&';
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, STRICT));
        }
        url
    }

    async fn signed(&self, request: &Request, before: usize) -> Result<HttpRequest, Failure> {
        let mut builder = http::Request::builder().method(request.method.clone()).uri(self.url(request));
        if let Some(headers) = builder.headers_mut() {
            headers.clone_from(&request.headers);
            self.added.add_to(request.kind, headers);
            // Azure and Google refuse requests without it (411), and the HTTP library leaves it out if there is no body.
            if matches!(request.method, Method::PUT | Method::POST | Method::PATCH) {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.content_length()));
            }
        }
        // The signers need headers that are text.
        if request.headers.values().any(|value| value.to_str().is_err()) {
            return Err(Failure::Malformed("metadata that is no ASCII can't be sent again".to_owned()));
        }
        let body = match request.body.content_length() {
            0 => HttpRequestBody::from(Bytes::new()),
            _ => HttpRequestBody::from(request.body.clone()),
        };
        let mut signed = builder
            .extension(Kind(request.kind))
            .extension(Again(before))
            .body(body)
            .map_err(|error| Failure::Malformed(format!("a request can't be made: {error}")))?;
        if let Some(signer) = &self.signer {
            signer.sign(&mut signed, &request.body).await?;
        }
        Ok(signed)
    }

    /// Sends a request, and sends it again if its failure may pass. Every request here can be repeated without harm, except that
    /// an upload that is begun twice leaves one open.
    pub(crate) async fn send(&self, request: Request) -> Result<HttpResponse, Failure> {
        let mut retries = Retries::new(self, &request);
        loop {
            match self.attempt(&request, retries.attempts).await {
                Ok(response) => return Ok(response),
                Err(failure) => retries.pause(failure).await?,
            }
        }
    }

    /// Sends it, after so many attempts before.
    async fn attempt(&self, request: &Request, before: usize) -> Result<HttpResponse, Failure> {
        let signed = self.signed(request, before).await?;
        let http = if request.patience.is_some() { &self.patient } else { &self.http };
        let answered = async {
            let response = http.execute(signed).await.map_err(Failure::Transport)?;
            judged(request, response, &self.tuning).await
        };
        match request.patience {
            None => answered.await,
            Some(patience) => tokio::time::timeout(patience, answered).await.unwrap_or(Err(Failure::Silent)),
        }
    }

    /// Sends a request whose answer is a document. A document about an error is a failure like any other.
    pub(crate) async fn document<T: Document>(&self, request: Request) -> Result<T, Failure> {
        self.parsed(request, xml::parse).await
    }

    /// Sends a request whose answer is read whole.
    pub(crate) async fn parsed<T>(
        &self,
        request: Request,
        parse: impl Fn(&[u8]) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut retries = Retries::new(self, &request);
        loop {
            let answered = async { parse(&self.attempt_whole(&request, retries.attempts).await?) };
            match answered.await {
                Ok(document) => return Ok(document),
                Err(failure) => retries.pause(failure).await?,
            }
        }
    }

    async fn attempt_whole(&self, request: &Request, before: usize) -> Result<Vec<u8>, Failure> {
        let response = self.attempt(request, before).await?;
        match request.patience {
            None => read(request, response, &self.tuning).await,
            Some(patience) => tokio::time::timeout(patience, read(request, response, &self.tuning))
                .await
                .map_err(|_| Failure::Silent)?,
        }
    }
}

/// The response, if it reports success.
async fn judged(request: &Request, response: HttpResponse, tuning: &Tuning) -> Result<HttpResponse, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let headers = response.headers().clone();
    let body = match request.method {
        Method::HEAD => String::new(),
        _ => String::from_utf8_lossy(&read(request, response, tuning).await.unwrap_or_default()).into_owned(),
    };
    let is_listing = matches!(request.kind, observe::Request::List);
    let asked = Asked { is_confirmed: request.is_confirmed, is_listing };
    Err(Failure::answered(asked, status, &headers, body))
}

/// The attempts to send a request, and whether another one is worth it.
struct Retries<'a> {
    requests: &'a Requests,
    kind: observe::Request,
    started: Instant,
    attempts: usize,
    /// How many more attempts are allowed.
    most: usize,
    /// Whether a failure left open if the store has carried the request out.
    was_undecided: bool,
}

impl<'a> Retries<'a> {
    fn new(requests: &'a Requests, request: &Request) -> Self {
        let most = requests.tuning.retries.saturating_mul(if request.is_persistent { 2 } else { 1 });
        let (kind, started) = (request.kind, Instant::now());
        Self { requests, kind, started, attempts: 0, most, was_undecided: false }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// The failure, if there is no next attempt.
    async fn pause(&mut self, failure: Failure) -> Result<(), Failure> {
        let Self { requests, started, attempts, kind, most, was_undecided } = self;
        let tuning = &requests.tuning;
        let is_part_of_much = matches!(kind, observe::Request::Part | observe::Request::Complete);
        let most = if failure.is_doubtful() && !is_part_of_much { DOUBTFUL.min(*most) } else { *most };
        let enough = *attempts >= most || started.elapsed() > tuning.retry_timeout;
        if enough || !failure.may_pass() {
            let failure = if *attempts > 0 { failure.again() } else { failure };
            return Err(if *was_undecided { failure.after_undecided() } else { failure });
        }
        *was_undecided |= !failure.is_conflict();
        let pause = FIRST_PAUSE.saturating_mul(1 << (*attempts).min(16)).min(LONGEST_PAUSE);
        *attempts += 1;
        tuning.observers.retry(*kind);
        tracing::debug!(bucket = requests.bucket, attempts, cause = %failure, "a request is sent again");
        // Requests that were refused together must not come back together.
        tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
        Ok(())
    }
}

/// Reads a document of the store. Each piece may take as long as any silence may, but the whole document has to keep a pace: a
/// document that drips would hold up its reader for days. After a request that may take long, such as a copy, the document comes
/// when the work is done; until then S3 sends a space now and then.
async fn read(request: &Request, response: HttpResponse, tuning: &Tuning) -> Result<Vec<u8>, Failure> {
    let least = request.patience.unwrap_or_default();
    let mut body = response.into_body().bytes_stream();
    let mut document = Vec::new();
    let started = Instant::now();
    loop {
        let latest = started + patience(tuning, document.len() as u64).max(least);
        let next = tokio::time::timeout_at(latest, body.next()).await.map_err(|_| Failure::Dripping)?;
        let Some(chunk) = next else { return Ok(document) };
        let chunk = chunk.map_err(Failure::Transport)?;
        if document.len() + chunk.len() > LONGEST_DOCUMENT {
            return Err(Failure::Malformed("the store's answer is too long".to_owned()));
        }
        document.extend_from_slice(&chunk);
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("url", &self.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
