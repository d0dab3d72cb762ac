//! Requests to a store: how they are signed, sent again, and read.
//!
//! The library's signers sign them, with the credentials that it has got, and its HTTP clients send them.

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

use super::connections::Kind;
use super::xml::{self, Document};
use crate::object::settings::Tuning;
use crate::object::settings::options::Added;
use crate::object::store::answer::Asked;
use crate::object::store::failure::Failure;
use crate::object::wire::patience::patience;
use crate::observe;

/// What a URL may hold as it is (RFC 3986, section 2.3); a signature covers the rest in this form.
pub(crate) const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const STRICT_PATH: &AsciiSet = &STRICT.remove(b'/');

/// The most that a document of the store may have, in bytes: a page of a thousand keys of a kilobyte each, encoded, or with
/// some metadata.
const LONGEST_DOCUMENT: usize = 16 << 20;

/// The first pause before a request is sent again, and the longest.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(100);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How often a request is sent again when the failure may well be for good: some stores have no other answer to a name that
/// they can't hold than that something went wrong inside, and all that time, a client waits.
const DOUBTFUL: usize = 6;

/// Sends requests to one bucket.
pub(crate) struct Requests {
    /// What the paths of requests follow, without a slash at the end.
    pub url: String,
    /// The bucket, for the log.
    pub bucket: String,
    /// Whoever asks; `None` for nobody who would have to be known.
    pub signer: Option<Box<dyn Sign>>,
    /// What requests have beside what they say themselves.
    pub added: Added,
    /// Gives up when the store is silent.
    pub http: HttpClient,
    /// Waits for what takes long in the store; each request needs a limit of its own.
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
    /// Encoded, with the slash that it begins with.
    path: String,
    query: Vec<(&'static str, String)>,
    pub headers: HeaderMap,
    body: PutPayload,
    /// How long the store may take to answer, where that is longer than it may be silent.
    patience: Option<Duration>,
    /// Much that was sent before is lost with it, so it is sent again as often as content is.
    is_persistent: bool,
    /// Another request tells whether what seems to be absent is.
    is_confirmed: bool,
}

impl Request {
    /// For a path below the URL of the bucket. `kind` is what the operator is told of it when it is sent again.
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

    /// Asks for a part of the content, by the header that the store knows for that: the bytes from the first number up to and
    /// with the second, or to the end. Without a range, for all of it.
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

/// Where the object with this key is, in the URLs of stores that take slashes in keys for those of paths.
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
    /// What tells the bucket from all others.
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

    async fn signed(&self, request: &Request) -> Result<HttpRequest, Failure> {
        let mut builder = http::Request::builder().method(request.method.clone()).uri(self.url(request));
        if let Some(headers) = builder.headers_mut() {
            headers.clone_from(&request.headers);
            self.added.add_to(request.kind, headers);
            // Azure and Google refuse without it (411), and the HTTP library leaves it out where there is no body.
            if matches!(request.method, Method::PUT | Method::POST | Method::PATCH) {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.content_length()));
            }
        }
        // The signers take them for text.
        if request.headers.values().any(|value| value.to_str().is_err()) {
            return Err(Failure::Malformed("metadata that is no ASCII can't be sent again".to_owned()));
        }
        let body = match request.body.content_length() {
            0 => HttpRequestBody::from(Bytes::new()),
            _ => HttpRequestBody::from(request.body.clone()),
        };
        let mut signed = builder
            .extension(Kind(request.kind))
            .body(body)
            .map_err(|error| Failure::Malformed(format!("a request can't be made: {error}")))?;
        if let Some(signer) = &self.signer {
            signer.sign(&mut signed, &request.body).await?;
        }
        Ok(signed)
    }

    /// Sends a request, again if its failure may pass: whatever is sent here can be repeated without harm, except that an
    /// upload which is begun twice is left open once.
    pub(crate) async fn send(&self, request: Request) -> Result<HttpResponse, Failure> {
        let mut retries = Retries::new(self, &request);
        loop {
            match self.attempt(&request).await {
                Ok(response) => return Ok(response),
                Err(failure) => retries.pause(failure).await?,
            }
        }
    }

    async fn attempt(&self, request: &Request) -> Result<HttpResponse, Failure> {
        let signed = self.signed(request).await?;
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

    /// Sends a request whose answer is a document. One that turns out to tell of an error is a failure like others.
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
            let answered = async { parse(&self.attempt_whole(&request).await?) };
            match answered.await {
                Ok(document) => return Ok(document),
                Err(failure) => retries.pause(failure).await?,
            }
        }
    }

    async fn attempt_whole(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let response = self.attempt(request).await?;
        match request.patience {
            None => read(request, response, &self.tuning).await,
            Some(patience) => tokio::time::timeout(patience, read(request, response, &self.tuning))
                .await
                .map_err(|_| Failure::Silent)?,
        }
    }
}

/// The response, if it is one of success.
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

/// How often a request was sent, and whether it is worth another time.
struct Retries<'a> {
    requests: &'a Requests,
    kind: observe::Request,
    started: Instant,
    attempts: usize,
    /// How often it may be sent again.
    most: usize,
    /// Some failure did not say whether the store has done what was asked.
    was_undecided: bool,
}

impl<'a> Retries<'a> {
    fn new(requests: &'a Requests, request: &Request) -> Self {
        let most = requests.tuning.retries.saturating_mul(if request.is_persistent { 2 } else { 1 });
        let (kind, started) = (request.kind, Instant::now());
        Self { requests, kind, started, attempts: 0, most, was_undecided: false }
    }

    /// Waits before the next time.
    ///
    /// # Errors
    /// The failure, if there is to be no next time.
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
        // Those who were refused together must not come back together.
        tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
        Ok(())
    }
}

/// Reads a document of the store. Each piece may be as late as any silence, but all together have to keep a pace: a document
/// that drips would hold up its reader for days. That of a request which may take long, a copy, comes when that is done;
/// until then S3 sends a space now and then.
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
