//! The operator's wishes for the objects of an S3 bucket, as headers of its protocol.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest as _, Md5};
use percent_encoding::utf8_percent_encode;

use crate::object::settings::SettingsError;
use crate::object::settings::options::{Added, ContentType, header};
use crate::object::wire::requests::STRICT;

const STORAGE_CLASS: HeaderName = HeaderName::from_static("x-amz-storage-class");
const ENCRYPTION: HeaderName = HeaderName::from_static("x-amz-server-side-encryption");
const KMS_KEY: HeaderName = HeaderName::from_static("x-amz-server-side-encryption-aws-kms-key-id");
const ACL: HeaderName = HeaderName::from_static("x-amz-acl");
pub(super) const TAGGING: HeaderName = HeaderName::from_static("x-amz-tagging");
pub(super) const TAG_COUNT: HeaderName = HeaderName::from_static("x-amz-tagging-count");
const REQUEST_PAYER: HeaderName = HeaderName::from_static("x-amz-request-payer");

/// Properties of objects at Amazon S3, and at some stores that speak its protocol. The names and the values are those of the
/// protocol: the store refuses unknown ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct S3Options {
    /// The storage class of new objects and copies, such as `STANDARD_IA`.
    pub storage_class: Option<String>,
    /// How the store encrypts new objects and copies: `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub server_side_encryption: Option<String>,
    /// The key of `aws:kms`, if it isn't that of the account.
    pub kms_key_id: Option<String>,
    /// The canned ACL of new objects and copies, such as `bucket-owner-full-control`.
    pub acl: Option<String>,
    /// A key of our own that the store encrypts with and does not keep. It excludes the encryptions above.
    pub customer_key: Option<CustomerKey>,
    /// The tags of new objects.
    pub tags: Vec<(String, String)>,
    /// The header Cache-Control of new objects.
    pub cache_control: Option<String>,
    /// Whether each request says that its sender pays for it.
    pub requester_pays: bool,
}

/// A key of 256 bits that is sent with each request (SSE-C).
#[derive(Clone, PartialEq, Eq)]
pub struct CustomerKey([u8; 32]);

impl CustomerKey {
    /// From base64.
    ///
    /// # Errors
    /// A sentence that doesn't show the key.
    pub fn from_base64(text: &str) -> Result<Self, String> {
        let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|_| "this is not base64".to_owned())?;
        let length = bytes.len();
        let key = bytes.try_into().map_err(|_| {
            format!("this key has {length} bytes; it has to have 32: `openssl rand -base64 32` makes one")
        })?;
        Ok(Self(key))
    }

    /// The headers with the key; `prefix` begins the name of each.
    fn headers(&self, prefix: &str) -> HeaderMap {
        let values = [
            ("algorithm", "AES256".to_owned()),
            ("key", BASE64_STANDARD.encode(self.0)),
            ("key-md5", BASE64_STANDARD.encode(Md5::digest(self.0))),
        ];
        let header = |(name, value): (&str, String)| {
            let name = HeaderName::from_bytes(format!("{prefix}-{name}").as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(&value).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        };
        values.into_iter().filter_map(header).collect()
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(***)")
    }
}

/// The same as headers.
#[derive(Debug)]
pub(crate) struct S3Headers {
    content_type: ContentType,
    /// The tags of new objects, which copies take along.
    tags: Option<HeaderValue>,
    /// Headers of new objects that are no markers, unless the object keeps another value.
    files: HeaderMap,
    /// Headers that copies lose.
    lost: HeaderMap,
    /// The class, which copies don't take along either.
    class: Option<HeaderValue>,
    /// Objects are encrypted with a key of ours.
    has_customer_key: bool,
}

impl S3Options {
    pub(crate) fn headers(&self, content_type: ContentType) -> Result<S3Headers, SettingsError> {
        content_type.check()?;
        let (mut files, mut lost) = (HeaderMap::new(), HeaderMap::new());
        let set = |headers: &mut HeaderMap, setting, name, text: &Option<String>| {
            if let Some(text) = text {
                headers.insert(name, header(setting, text)?);
            }
            Ok::<_, SettingsError>(())
        };
        if self.kms_key_id.is_some()
            && !self.server_side_encryption.as_deref().is_some_and(|kind| kind.starts_with("aws:kms"))
        {
            return Err(SettingsError::invalid("kms_key_id", "goes with `server_side_encryption: aws:kms`"));
        }
        if self.customer_key.is_some() && self.server_side_encryption.is_some() {
            return Err(SettingsError::invalid("customer_key", "excludes `server_side_encryption`"));
        }
        set(&mut lost, "server_side_encryption", ENCRYPTION, &self.server_side_encryption)?;
        set(&mut lost, "kms_key_id", KMS_KEY, &self.kms_key_id)?;
        set(&mut lost, "acl", ACL, &self.acl)?;
        set(&mut files, "cache_control", CACHE_CONTROL, &self.cache_control)?;
        let tags = (!self.tags.is_empty()).then(|| header("tags", &encoded_tags(&self.tags))).transpose()?;
        let class = self.storage_class.as_deref().map(|class| header("storage_class", class)).transpose()?;
        let has_customer_key = self.customer_key.is_some();
        Ok(S3Headers { content_type, tags, files, lost, class, has_customer_key })
    }

    /// The headers that requests have beside their own.
    pub(crate) fn added(&self) -> Added {
        let mut added = Added::default();
        if self.requester_pays {
            added.every.insert(REQUEST_PAYER, HeaderValue::from_static("requester"));
        }
        if let Some(key) = &self.customer_key {
            added.content = key.headers("x-amz-server-side-encryption-customer");
            added.source = key.headers("x-amz-copy-source-server-side-encryption-customer");
        }
        added
    }
}

impl S3Headers {
    pub(crate) fn content_type(&self) -> &ContentType {
        &self.content_type
    }

    /// The headers of a new object, with what it keeps of another.
    pub(crate) fn of_new(&self, key: &str, kept: HeaderMap) -> HeaderMap {
        let mut headers = self.of_copy(key, kept);
        if let Some(tags) = &self.tags {
            headers.entry(TAGGING).or_insert_with(|| tags.clone());
        }
        if !key.ends_with('/') {
            for (name, value) in &self.files {
                headers.entry(name).or_insert_with(|| value.clone());
            }
            if let Some(Ok(value)) = self.content_type.of(key).map(HeaderValue::from_str) {
                headers.entry(CONTENT_TYPE).or_insert(value);
            }
        }
        headers
    }

    /// Whether entity tags are no digests, and differ between an object and its copy.
    pub(crate) fn hide_digests(&self) -> bool {
        self.has_customer_key
            || self.lost.get(ENCRYPTION).is_some_and(|kind| kind.as_bytes().starts_with(b"aws:kms"))
    }

    /// The headers of a copy in place of the object's, if the new name stands for another type.
    pub(crate) fn retyped(&self, from: &str, to: &str, mut has: HeaderMap) -> Option<HeaderMap> {
        let new = self.content_type.after_rename(from, to, has.get(CONTENT_TYPE))?;
        has.insert(CONTENT_TYPE, new);
        Some(has)
    }

    /// The headers of a copy, with what it keeps of another: the store drops some of that, and would give it its defaults.
    pub(crate) fn of_copy(&self, key: &str, mut kept: HeaderMap) -> HeaderMap {
        kept.remove(TAG_COUNT);
        // A key goes with its kind of encryption only.
        if self.has_customer_key || self.lost.contains_key(ENCRYPTION) {
            kept.remove(ENCRYPTION);
            kept.remove(KMS_KEY);
        }
        kept.extend(self.lost.clone());
        // Markers are too small for the classes that have a least size.
        if let Some(class) = self.class.as_ref().filter(|_| !key.ends_with('/')) {
            kept.entry(STORAGE_CLASS).or_insert_with(|| class.clone());
        }
        kept
    }
}

/// Tags as their header has them.
pub(super) fn encoded_tags(tags: &[(String, String)]) -> String {
    let encoded = |text| utf8_percent_encode(text, STRICT);
    let pairs = tags.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
