//! Requests for single objects.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{CONTENT_TYPE, ETAG, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use md5::{Digest as _, Md5};
use object_store::PutPayload;
use object_store::client::HttpResponse;

use super::conditions::Condition;
use super::documents::Tagging;
use super::options::{TAG_COUNT, TAGGING, encoded_tags};
use super::{Failure, Request, S3, on_object};
use crate::object::store::object::{Object, quoted};
use crate::object::wire::patience::patience;
use crate::observe;

/// The prefix of an object's own metadata.
pub(super) const METADATA: &str = "x-amz-meta-";

/// Headers that a copy with other metadata loses unless they are sent again.
const KEPT: &[&str] = &[
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
    "x-amz-tagging-count",
    "x-amz-website-redirect-location",
];

/// The metadata of a copy that can't be compared with what it was copied from by its entity tag.
pub(crate) const COPY_OF: &str = "x-amz-meta-wharf-copy-of";

/// The time that was set for a file.
pub(super) const MTIME: HeaderName = HeaderName::from_static("x-amz-meta-mtime");

impl S3 {
    /// The object with this key, and the headers that a copy has to send again.
    pub(crate) async fn describe(&self, key: &str) -> Result<(Object, HeaderMap), Failure> {
        match self.requests.send(on_object(Method::HEAD, key, observe::Request::Head)?).await {
            Ok(response) => Ok((object(key, response.headers())?, kept(response.headers()))),
            // The answer may come from somebody in the store's place. A request for one byte is answered with a document.
            Err(failure) if failure.is_bare() => {
                let (object, response) = self.get_object(key, Some((0, Some(0))), None).await?;
                Ok((object, kept(response.headers())))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether an object is under a retention or a legal hold (Object Lock).
    pub(crate) async fn has_lock(&self, key: &str) -> Result<bool, Failure> {
        match self.requests.send(on_object(Method::HEAD, key, observe::Request::Head)?).await {
            Ok(response) => {
                let headers = response.headers();
                let hold = headers.get("x-amz-object-lock-legal-hold");
                Ok(headers.contains_key("x-amz-object-lock-mode") || hold.is_some_and(|hold| hold == "ON"))
            }
            Err(failure) if failure.is_not_found() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// The same headers with the tags of the object, of which answers only have the number: an object that is stored anew or made
    /// of parts would lose them.
    pub(crate) async fn with_tags(&self, key: &str, mut headers: HeaderMap) -> HeaderMap {
        if headers.remove(TAG_COUNT).is_none_or(|count| count == "0") {
            return headers;
        }
        let tags = async {
            let request = on_object(Method::GET, key, observe::Request::Metadata)?.query("tagging", "");
            let Tagging { tag_set } = self.requests.document(request).await?;
            let tags: Vec<_> = tag_set.tag.into_iter().map(|tag| (tag.key, tag.value)).collect();
            HeaderValue::from_str(&encoded_tags(&tags))
                .map_err(|_| Failure::Malformed("tags that can't be sent".to_owned()))
        };
        match tags.await {
            Ok(tags) => drop(headers.insert(TAGGING, tags)),
            Err(failure) => {
                tracing::warn!(bucket = self.requests.bucket, key, %failure, "the tags of an object are lost");
            }
        }
        headers
    }

    /// Opens an object for reading: all of it, or the bytes from `first` up to and with `last`.
    pub(crate) async fn get_object(
        &self,
        key: &str,
        range: Option<(u64, Option<u64>)>,
        if_match: Option<&str>,
    ) -> Result<(Object, HttpResponse), Failure> {
        let mut request = on_object(Method::GET, key, observe::Request::Get)?.range("range", range)?;
        if let Some(e_tag) = if_match {
            request = request.header("if-match", e_tag)?;
        }
        let response = self.requests.send(request).await?;
        Ok((object(key, response.headers())?, response))
    }

    pub(super) async fn put_if(
        &self,
        key: &str,
        content: PutPayload,
        headers: HeaderMap,
        condition: Condition,
    ) -> Result<Option<String>, Failure> {
        let patience = patience(&self.requests.tuning, content.content_length() as u64);
        let mut request = on_object(Method::PUT, key, observe::Request::Put)?.patience(patience).persistent();
        request.headers = self.headers_of_new(key, headers);
        if let Some((name, value)) = condition {
            request = request.header(name, &value)?;
        }
        let response = self.send_content(request, content).await?;
        Ok(e_tag_of(response.headers()))
    }

    /// Sends content, with a digest where the store demands one: for buckets with Object Lock, Amazon does.
    pub(super) async fn send_content(
        &self,
        request: Request,
        content: PutPayload,
    ) -> Result<HttpResponse, Failure> {
        if !self.learned.wants_digest() {
            match self.requests.send(request.clone().body(content.clone())).await {
                Err(failure) if wants_digest(&failure) => self.learned.learn_that_it_wants_digests(),
                sent => return sent,
            }
        }
        let hashed = content.clone();
        let hash = move || {
            let mut digest = Md5::new();
            hashed.iter().for_each(|bytes| digest.update(bytes));
            BASE64_STANDARD.encode(digest.finalize())
        };
        let digest = tokio::task::spawn_blocking(hash)
            .await
            .map_err(|error| Failure::Malformed(format!("no digest could be made: {error}")))?;
        self.requests.send(request.header("content-md5", &digest)?.body(content)).await
    }

    /// Stores the marker of a directory.
    pub(crate) async fn put_empty(&self, key: &str) -> Result<(), Failure> {
        let mut request = on_object(Method::PUT, key, observe::Request::Put)?;
        request.headers = self.headers_of_new(key, HeaderMap::new());
        self.send_content(request, PutPayload::new()).await.map(drop)
    }

    /// The headers of every object that is stored or begun, without those that only requests have: it keeps the headers of the
    /// object that it extends, if there is one.
    pub(super) fn headers_of_new(&self, key: &str, mut kept: HeaderMap) -> HeaderMap {
        // Headers that can't be signed are lost, so that the upload is not.
        let lost: Vec<_> =
            kept.iter().filter(|(_, value)| value.to_str().is_err()).map(|(name, _)| name.clone()).collect();
        for name in lost {
            tracing::debug!(key, %name, "metadata that is no ASCII is not kept");
            kept.remove(name);
        }
        self.headers.of_new(key, kept)
    }
}

/// Whether the store refuses content because it comes without a digest. The code alone says it of all kinds of requests.
fn wants_digest(failure: &Failure) -> bool {
    let text = failure.to_string();
    match failure.code() {
        Some("MissingContentMD5") => true,
        Some("InvalidRequest") => text.contains("Content-MD5") || text.contains("x-amz-checksum"),
        _ => false,
    }
}

/// The entity tag in an answer.
pub(super) fn e_tag_of(headers: &HeaderMap) -> Option<String> {
    let e_tag = headers.get(ETAG).and_then(|value| value.to_str().ok())?;
    Some(quoted(e_tag.to_owned())).filter(|e_tag| !e_tag.is_empty())
}

/// An object by the headers of an answer.
fn object(key: &str, headers: &HeaderMap) -> Result<Object, Failure> {
    let mut object = Object::from_headers(key, headers, METADATA)?;
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // Written by tools that mount buckets.
    object.is_folder =
        object.size == 0 && kind.is_some_and(|kind| kind.starts_with("application/x-directory"));
    Ok(object)
}

/// The headers of an object that a copy of it has to have again.
pub(super) fn kept(headers: &HeaderMap) -> HeaderMap {
    let is_kept = |name: &HeaderName| KEPT.contains(&name.as_str()) || name.as_str().starts_with(METADATA);
    headers
        .iter()
        .filter(|(name, _)| is_kept(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Gives a copy another time.
pub(crate) fn with_mtime(mut headers: HeaderMap, time: &str) -> Result<HeaderMap, Failure> {
    let value = HeaderValue::from_str(time).map_err(|_| Failure::Malformed("no time".to_owned()))?;
    headers.insert(MTIME, value);
    Ok(headers)
}
