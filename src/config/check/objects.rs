//! What the objects of a bucket have beside their content.

use wharf_backends::object::{ContentType, CustomerKey, ObjectOptions, S3Options, is_exposed};

use super::super::suggest::quote;
use super::*;

/// Amazon's classes (PutObject, `x-amz-storage-class`). Other stores have others.
const STORAGE_CLASSES: &[&str] = &[
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
    "OUTPOSTS",
    "EXPRESS_ONEZONE",
];

/// The kinds of encryption (PutObject, `x-amz-server-side-encryption`).
const ENCRYPTIONS: &[&str] = &["AES256", "aws:kms", "aws:kms:dsse"];

/// Amazon's canned ACLs for objects.
const ACLS: &[&str] = &[
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
];

/// Google's classes. The older words are those of buckets that had them before.
const GOOGLE_CLASSES: &[&str] = &[
    "STANDARD",
    "NEARLINE",
    "COLDLINE",
    "ARCHIVE",
    "MULTI_REGIONAL",
    "REGIONAL",
    "DURABLE_REDUCED_AVAILABILITY",
];

/// Azure's tiers of single blobs (Put Blob, `x-ms-access-tier`).
const TIERS: &[&str] = &["Hot", "Cool", "Cold", "Archive"];

/// What the tags of S3 may have beside letters, digits and spaces.
const SIGNS_OF_TAGS: &str = "+-=._:/@";

const MOST_TAGS: usize = 10;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// The keys that only S3 has.
pub(super) struct Options {
    pub(super) cache_control: Option<At<String>>,
    pub(super) storage_class: Option<At<String>>,
    pub(super) server_side_encryption: Option<At<String>>,
    pub(super) kms_key_id: Option<At<String>>,
    pub(super) sse_customer_key: Option<At<raw::Secret>>,
    pub(super) acl: Option<At<String>>,
    pub(super) tags: Option<At<raw::Named<String>>>,
    pub(super) requester_pays: Option<At<bool>>,
}

impl Checker<'_> {
    pub(super) fn content_type(&self, field: Option<At<String>>) -> ContentType {
        let Some((text, span)) = field.and_then(|at| Some((at.value?, at.span))) else {
            return ContentType::ByExtension;
        };
        match text.as_str() {
            "by-extension" => return ContentType::ByExtension,
            "none" => return ContentType::None,
            _ => {}
        }
        let is_token = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
        };
        let essence = text.split(';').next().unwrap_or_default().trim_end();
        let fits = text.bytes().all(|b| (b' '..=b'~').contains(&b))
            && essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
        if !fits {
            self.problem(span, "expected `by-extension`, `none`, or a type such as text/plain");
        } else if essence.eq_ignore_ascii_case("application/x-directory") {
            self.problem(span, "with this type, empty files would be taken for directories");
        }
        ContentType::Fixed(text)
    }

    pub(super) fn s3_options(&self, raw: Options, endpoint: Option<&str>) -> S3Options {
        let amazon = endpoint.is_none().then_some("Amazon");
        let encrypts = raw.server_side_encryption.is_some();
        let server_side_encryption = self.word(raw.server_side_encryption, ENCRYPTIONS, amazon);
        let is_kms = server_side_encryption.as_deref().is_some_and(|kind| kind.starts_with("aws:kms"));
        if let (Some(at), false) = (&raw.kms_key_id, is_kms) {
            self.problem(at.key, "`kms_key_id` goes with `server_side_encryption: aws:kms`");
        }
        if let (Some(at), true) = (&raw.sse_customer_key, encrypts) {
            let text = "`sse_customer_key` and `server_side_encryption` exclude each other: one key encrypts an object";
            self.problem(at.key, text);
        }
        if let (Some(at), true) = (&raw.sse_customer_key, endpoint.is_some_and(is_exposed)) {
            let text =
                "with this endpoint, `sse_customer_key` would be sent without encryption; it takes https://";
            self.problem(at.key, text);
        }
        let customer_key = raw
            .sse_customer_key
            .and_then(|at| self.secret(at))
            .and_then(|(key, span)| self.accept(CustomerKey::from_base64(key.expose()), span));
        S3Options {
            storage_class: self.word(raw.storage_class, STORAGE_CLASSES, amazon),
            server_side_encryption,
            kms_key_id: self.header(raw.kms_key_id),
            customer_key,
            acl: self.word(raw.acl, ACLS, amazon),
            tags: self.tags(raw.tags),
            cache_control: self.header(raw.cache_control),
            requester_pays: raw.requester_pays.and_then(|at| at.value).unwrap_or(false),
        }
    }

    pub(super) fn google_options(
        &self,
        class: Option<At<String>>,
        cache_control: Option<At<String>>,
        endpoint: Option<&str>,
    ) -> ObjectOptions {
        let google = endpoint.is_none().then_some("Google");
        ObjectOptions {
            storage_class: self.word(class, GOOGLE_CLASSES, google),
            cache_control: self.header(cache_control),
        }
    }

    pub(super) fn azure_options(
        &self,
        tier: Option<At<String>>,
        cache_control: Option<At<String>>,
    ) -> ObjectOptions {
        ObjectOptions {
            storage_class: self.word(tier, TIERS, Some("Azure")),
            cache_control: self.header(cache_control),
        }
    }

    /// One of the words of a cloud; other stores may have words of their own.
    fn word(&self, field: Option<At<String>>, words: &[&str], cloud: Option<&str>) -> Option<String> {
        let span = field.as_ref()?.span;
        let text = self.header(field)?;
        if let (Some(cloud), false) = (cloud, words.contains(&text.as_str())) {
            let words = words.join(", ");
            self.problem(span, format!("{cloud} does not know {}; it knows {words}", quote(&text)));
            return None;
        }
        Some(text)
    }

    /// A text that goes into a header as it is.
    fn header(&self, field: Option<At<String>>) -> Option<String> {
        let (text, span) = field.and_then(|at| Some((at.value?, at.span)))?;
        if text.trim().is_empty() || !text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            self.problem(span, "this may hold letters, digits and signs of ASCII only, and not be empty");
            return None;
        }
        Some(text)
    }

    fn tags(&self, field: Option<At<raw::Named<String>>>) -> Vec<(String, String)> {
        let Some((raw::Named(list), span)) = field.and_then(|at| Some((at.value?, at.span))) else {
            return Vec::new();
        };
        if list.len() > MOST_TAGS {
            self.problem(span, format!("an object has at most {MOST_TAGS} tags"));
        }
        let mut tags = Vec::new();
        for (key, value) in list {
            let (Some(name), Some(text)) = (key.value, value.value) else { continue };
            if name.is_empty() || name.chars().count() > LONGEST_KEY {
                self.problem(key.span, format!("the key of a tag has 1 to {LONGEST_KEY} characters"));
            }
            if name.starts_with("aws:") {
                self.problem(key.span, "tags that begin with aws: are Amazon's own");
            }
            for (text, span) in [(&name, key.span), (&text, value.span)] {
                let fits = |c: char| c.is_alphanumeric() || c == ' ' || SIGNS_OF_TAGS.contains(c);
                if let Some(sign) = text.chars().find(|c| !fits(*c)) {
                    let sign = quote(&sign.to_string());
                    let text = format!(
                        "a tag can't have {sign}: letters, digits, spaces and {SIGNS_OF_TAGS} are possible"
                    );
                    self.problem(span, text);
                }
            }
            if text.chars().count() > LONGEST_VALUE {
                self.problem(
                    value.span,
                    format!("the value of a tag has at most {LONGEST_VALUE} characters"),
                );
            }
            tags.push((name, text));
        }
        tags
    }
}
