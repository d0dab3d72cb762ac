//! Requests of the S3 protocol that the library can't send, or not for every key.
//!
//! Keys are plain strings here. What the library's path type changes, refuses or trims (`dir/`, `a//b`, control
//! characters) is sent as it is, signed by the library's own signer, with its credentials and over its connections.

mod documents;
mod list;
mod multipart;
mod objects;

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{HttpClient, HttpErrorKind, HttpRequest, HttpResponse};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use self::documents::Document;
pub(super) use self::list::Dialect;
pub(super) use self::multipart::OpenUpload;
pub(super) use self::objects::{COPY_OF, with_mtime};
use super::error::Failure;
use super::settings::Tuning;
use crate::observe;

/// What a URL may hold as it is (RFC 3986, section 2.3); a signature covers the rest in this form.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const STRICT_PATH: &AsciiSet = &STRICT.remove(b'/');

/// The most that a document of the store may have, in bytes: a page of a thousand keys of a kilobyte each, encoded.
const LONGEST_DOCUMENT: usize = 16 << 20;

/// The first pause before a request is sent again, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A bucket, by the requests of its protocol.
pub(super) struct S3 {
    /// The URL of the bucket, without a slash at the end.
    pub(super) bucket_url: String,
    pub(super) bucket: String,
    pub(super) region: String,
    /// `None` if nothing is signed.
    pub(super) credentials: Option<AwsCredentialProvider>,
    /// Gives up when the store is silent.
    pub(super) http: HttpClient,
    /// Waits for what takes long in the store; each request needs a limit of its own.
    pub(super) patient: HttpClient,
    pub(super) tuning: Tuning,
    pub(super) dialect: Dialect,
}

/// A request that isn't signed yet.
pub(super) struct Request<'a> {
    method: Method,
    /// `None` for the bucket itself.
    key: Option<&'a str>,
    query: Vec<(&'static str, String)>,
    headers: HeaderMap,
    /// How long the store may take to answer, where that is longer than it may be silent.
    patience: Option<Duration>,
}

impl<'a> Request<'a> {
    fn new(method: Method, key: Option<&'a str>) -> Self {
        Self { method, key, query: Vec::new(), headers: HeaderMap::new(), patience: None }
    }

    fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    fn header(mut self, name: &'static str, value: &str) -> Result<Self, Failure> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Failure::Malformed(format!("{name} can't be sent: {value:?}")))?;
        self.headers.insert(name, value);
        Ok(self)
    }

    fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }
}

impl S3 {
    fn url(&self, request: &Request<'_>) -> String {
        let mut url = self.bucket_url.clone();
        if let Some(key) = request.key {
            url.push('/');
            url.extend(utf8_percent_encode(key, STRICT_PATH));
        } else {
            url.push('/');
        }
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

    async fn signed(&self, request: &Request<'_>) -> Result<HttpRequest, Failure> {
        let mut builder = http::Request::builder().method(request.method.clone()).uri(self.url(request));
        if let Some(headers) = builder.headers_mut() {
            headers.clone_from(&request.headers);
        }
        // The signer takes them for text.
        if request.headers.values().any(|value| value.to_str().is_err()) {
            return Err(Failure::Malformed("metadata that is no ASCII can't be sent again".to_owned()));
        }
        let mut signed = builder
            .body(Bytes::new().into())
            .map_err(|error| Failure::Malformed(format!("a request can't be made: {error}")))?;
        if let Some(provider) = &self.credentials {
            let credential = provider.get_credential().await.map_err(Failure::Library)?;
            AwsAuthorizer::new(&credential, "s3", &self.region)
                .try_authorize(&mut signed, None)
                .map_err(Failure::Library)?;
        }
        Ok(signed)
    }

    /// Sends a request, again if its failure may pass: each request here can be repeated without harm.
    async fn send(&self, request: Request<'_>) -> Result<HttpResponse, Failure> {
        let mut retries = Retries::new(self, &request);
        loop {
            match self.attempt(&request).await {
                Ok(response) => return Ok(response),
                Err(failure) => retries.pause(failure).await?,
            }
        }
    }

    async fn attempt(&self, request: &Request<'_>) -> Result<HttpResponse, Failure> {
        let signed = self.signed(request).await?;
        let http = if request.patience.is_some() { &self.patient } else { &self.http };
        let answered = async {
            let response = http.execute(signed).await.map_err(Failure::Transport)?;
            judged(request, response).await
        };
        match request.patience {
            None => answered.await,
            Some(patience) => tokio::time::timeout(patience, answered).await.unwrap_or(Err(Failure::Silent)),
        }
    }

    /// Sends a request whose answer is a document. One that turns out to tell of an error is a failure like others.
    async fn document<T: Document>(&self, request: Request<'_>) -> Result<T, Failure> {
        let mut retries = Retries::new(self, &request);
        loop {
            match self.attempt_document(&request).await {
                Ok(document) => return Ok(document),
                Err(failure) => retries.pause(failure).await?,
            }
        }
    }

    async fn attempt_document<T: Document>(&self, request: &Request<'_>) -> Result<T, Failure> {
        let response = self.attempt(request).await?;
        let body = match request.patience {
            None => read(response).await?,
            Some(patience) => {
                tokio::time::timeout(patience, read(response)).await.map_err(|_| Failure::Silent)??
            }
        };
        documents::parse(&body)
    }

    /// `bucket/key` as copies name their source.
    fn source(&self, key: &str) -> String {
        format!("{}/{}", self.bucket, utf8_percent_encode(key, STRICT_PATH))
    }
}

/// The response, if it is one of success.
async fn judged(request: &Request<'_>, response: HttpResponse) -> Result<HttpResponse, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = match request.method {
        Method::HEAD => String::new(),
        _ => String::from_utf8_lossy(&read(response).await.unwrap_or_default()).into_owned(),
    };
    Err(Failure::answered(status.as_u16(), status.canonical_reason(), body))
}

/// How often a request was sent, and whether it is worth another time.
struct Retries<'a> {
    s3: &'a S3,
    kind: observe::Request,
    started: Instant,
    attempts: usize,
}

impl<'a> Retries<'a> {
    fn new(s3: &'a S3, request: &Request<'_>) -> Self {
        let kind = match (&request.method, request.key) {
            (&Method::HEAD, _) => observe::Request::Head,
            (&Method::GET, None) => observe::Request::List,
            (&Method::GET, Some(_)) => observe::Request::Get,
            (&Method::DELETE, _) => observe::Request::Delete,
            (&Method::POST, _) => observe::Request::Begin,
            _ => observe::Request::Copy,
        };
        Self { s3, kind, started: Instant::now(), attempts: 0 }
    }

    /// Waits before the next time.
    ///
    /// # Errors
    /// The failure, if there is to be no next time.
    async fn pause(&mut self, failure: Failure) -> Result<(), Failure> {
        let Self { s3, started, attempts, kind } = self;
        let enough = *attempts >= s3.tuning.retries || started.elapsed() > s3.tuning.retry_timeout;
        if enough || !failure.may_pass() {
            return Err(failure);
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << (*attempts).min(16)).min(LONGEST_PAUSE);
        *attempts += 1;
        s3.tuning.observers.retry(*kind);
        tracing::debug!(bucket = s3.bucket, attempts, cause = %failure, "a request is sent again");
        // Those who were refused together must not come back together.
        tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
        Ok(())
    }
}

/// Reads a document of the store.
async fn read(response: HttpResponse) -> Result<Vec<u8>, Failure> {
    use futures_util::StreamExt;
    let mut body = response.into_body().bytes_stream();
    let mut document = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(Failure::Transport)?;
        if document.len() + chunk.len() > LONGEST_DOCUMENT {
            return Err(Failure::Malformed("the store's answer is too long".to_owned()));
        }
        document.extend_from_slice(&chunk);
    }
    Ok(document)
}

/// Whether a transport failed in a way that may pass.
pub(super) fn transport_may_pass(kind: HttpErrorKind) -> bool {
    matches!(
        kind,
        HttpErrorKind::Connect | HttpErrorKind::Request | HttpErrorKind::Timeout | HttpErrorKind::Interrupted
    )
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3").field("bucket_url", &self.bucket_url).finish_non_exhaustive()
    }
}
