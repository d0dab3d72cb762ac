//! What the objects of a bucket of S3 have beside their content.

use wharf_backends::object::{CustomerKey, S3Options, is_exposed};

use super::S3;
use crate::config::section::{At, Checker, Named, quote};
use crate::storages::bucket;

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

/// What the tags of S3 may have beside letters, digits and spaces.
const SIGNS_OF_TAGS: &str = "+-=._:/@";

const MOST_TAGS: usize = 10;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

impl S3 {
    pub(super) fn options(&mut self, checker: &Checker<'_>, endpoint: Option<&str>) -> S3Options {
        let amazon = endpoint.is_none().then_some("Amazon");
        let encrypts = self.server_side_encryption.is_some();
        let server_side_encryption =
            bucket::word(checker, self.server_side_encryption.take(), ENCRYPTIONS, amazon);
        let is_kms = server_side_encryption.as_deref().is_some_and(|kind| kind.starts_with("aws:kms"));
        if let (Some(at), false) = (&self.kms_key_id, is_kms) {
            checker.problem(at.key, "`kms_key_id` goes with `server_side_encryption: aws:kms`");
        }
        if let (Some(at), true) = (&self.sse_customer_key, encrypts) {
            let text = "`sse_customer_key` and `server_side_encryption` exclude each other: one key encrypts an object";
            checker.problem(at.key, text);
        }
        if let (Some(at), true) = (&self.sse_customer_key, endpoint.is_some_and(is_exposed)) {
            let text =
                "with this endpoint, `sse_customer_key` would be sent without encryption; it takes https://";
            checker.problem(at.key, text);
        }
        let customer_key = self
            .sse_customer_key
            .take()
            .and_then(|at| checker.secret(at))
            .and_then(|(key, span)| checker.accept(CustomerKey::from_base64(key.expose()), span));
        S3Options {
            storage_class: bucket::word(checker, self.storage_class.take(), STORAGE_CLASSES, amazon),
            server_side_encryption,
            kms_key_id: bucket::header(checker, self.kms_key_id.take()),
            customer_key,
            acl: bucket::word(checker, self.acl.take(), ACLS, amazon),
            tags: checked_tags(checker, self.tags.take()),
            cache_control: bucket::header(checker, self.cache_control.take()),
            requester_pays: self.requester_pays.take().and_then(|at| at.value).unwrap_or(false),
        }
    }
}

fn checked_tags(checker: &Checker<'_>, field: Option<At<Named<String>>>) -> Vec<(String, String)> {
    let Some((Named(list), span)) = field.and_then(|at| Some((at.value?, at.span))) else {
        return Vec::new();
    };
    if list.len() > MOST_TAGS {
        checker.problem(span, format!("an object has at most {MOST_TAGS} tags"));
    }
    let mut tags = Vec::new();
    for (key, value) in list {
        let (Some(name), Some(text)) = (key.value, value.value) else { continue };
        if name.is_empty() || name.chars().count() > LONGEST_KEY {
            checker.problem(key.span, format!("the key of a tag has 1 to {LONGEST_KEY} characters"));
        }
        if name.starts_with("aws:") {
            checker.problem(key.span, "tags that begin with aws: are Amazon's own");
        }
        for (text, span) in [(&name, key.span), (&text, value.span)] {
            let fits = |c: char| c.is_alphanumeric() || c == ' ' || SIGNS_OF_TAGS.contains(c);
            if let Some(sign) = text.chars().find(|c| !fits(*c)) {
                let sign = quote(&sign.to_string());
                let text = format!(
                    "a tag can't have {sign}: letters, digits, spaces and {SIGNS_OF_TAGS} are possible"
                );
                checker.problem(span, text);
            }
        }
        if text.chars().count() > LONGEST_VALUE {
            checker.problem(value.span, format!("the value of a tag has at most {LONGEST_VALUE} characters"));
        }
        tags.push((name, text));
    }
    tags
}
