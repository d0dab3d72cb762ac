//! Properties of objects, as stores report them.

use std::collections::HashSet;
use std::time::SystemTime;

use chrono::{DateTime, NaiveDateTime};
use http::HeaderMap;

use super::course::Course;
use super::failure::Failure;
use super::{marks, mtime};
use crate::Metadata;

/// An object as the store describes it.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// The whole key, with the slash of a marker.
    pub key: String,
    pub size: u64,
    pub e_tag: Option<String>,
    /// The version, where the bucket keeps several.
    pub version: Option<String>,
    /// The MD5 of its content in the store's own spelling, if the store sends it beside the entity tag.
    pub md5: Option<String>,
    /// When it was stored.
    pub stored: Option<SystemTime>,
    /// The time that was set for it, if it is known: listings of S3 don't have it.
    pub set: Option<SystemTime>,
    /// The mark of the upload that has stored it, if it is known: listings don't have it.
    pub mark: Option<u128>,
    /// Whether its metadata make it a directory's marker.
    pub is_folder: bool,
}

/// The condition for writing under a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Before<'a> {
    Anything,
    Nothing,
    This(&'a Object),
}

/// One page of a listing.
#[derive(Debug, Default)]
pub(crate) struct Page<N = String> {
    pub objects: Vec<Object>,
    /// Each with the slash that it ends with.
    pub prefixes: Vec<String>,
    /// Where the next page begins.
    pub next: Option<N>,
}

/// The beginning of the next page of a listing, with the way there.
#[derive(Debug)]
pub(crate) struct Next {
    token: String,
    course: Course,
    /// The prefixes of the page before: some stores list the last of them again.
    seen: HashSet<String>,
}

impl Next {
    /// The page behind one that was asked for with `asked`.
    ///
    /// # Errors
    /// If the listing has no end.
    pub(crate) fn after(asked: Option<Self>, page: Page) -> Result<Page<Self>, Failure> {
        let (mut course, seen) = asked.map_or_else(Default::default, |asked| (asked.course, asked.seen));
        if let Some(token) = &page.next {
            course.pass(token, page.last_key())?;
        }
        let Page { objects, mut prefixes, next } = page;
        let next = next.map(|token| Self { token, course, seen: prefixes.iter().cloned().collect() });
        prefixes.retain(|prefix| !seen.contains(prefix));
        Ok(Page { objects, prefixes, next })
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }
}

impl Object {
    /// An object by the headers of an answer; its own metadata start with `metadata`. An answer without a size is an error: the
    /// object would look empty.
    pub(crate) fn from_headers(key: &str, headers: &HeaderMap, metadata: &str) -> Result<Self, Failure> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let size = match header("content-range").and_then(|range| range.rsplit_once('/')) {
            Some((_, size)) => size.parse().ok(),
            None => header("content-length").and_then(|length| length.parse().ok()),
        };
        let size: u64 = size
            .ok_or_else(|| Failure::Malformed("the store doesn't say how large the object is".to_owned()))?;
        Ok(Self {
            key: key.to_owned(),
            size,
            e_tag: header("etag").map(|e_tag| strong(e_tag).to_owned()),
            version: None,
            md5: None,
            stored: header("last-modified").and_then(time_of),
            set: header(&format!("{metadata}{}", mtime::NAME)).and_then(mtime::parse),
            mark: header(&format!("{metadata}{}", marks::NAME)).and_then(marks::parse),
            is_folder: false,
        })
    }

    pub(crate) fn metadata(&self) -> Metadata {
        // Equal content has equal entity tags under every key, unless these are versions. The two protocols of Google may
        // report different times of one object.
        let stored = self.stored.filter(|_| self.version.is_none());
        let version = (&self.key, &self.e_tag, self.size, stored);
        let metadata = Metadata::file(self.size, self.set.or(self.stored)).with_version(&version);
        Metadata { mark: self.mark, ..metadata }
    }

    /// Whether the store has a digest of its content.
    pub(crate) fn has_digest(&self) -> bool {
        self.md5.is_some() || self.e_tag.as_deref().is_some_and(is_digest)
    }
}

/// Whether an entity tag has the form of a digest of the content. Those of uploads in parts depend on how these were cut,
/// and some stores give the same to many objects.
pub(crate) fn is_digest(e_tag: &str) -> bool {
    let digits = e_tag.trim_matches('"');
    digits.len() == 32
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && digits.bytes().any(|byte| byte != b'0')
}

/// An entity tag as answers to requests have it (RFC 9110, section 8.8.3); some listings leave the quotes out.
pub(crate) fn quoted(e_tag: String) -> String {
    match strong(&e_tag) {
        strong if strong.starts_with('"') || strong.is_empty() => strong.to_owned(),
        bare => format!("\"{bare}\""),
    }
}

/// An entity tag in the form of a condition. A proxy, for instance one that compresses, may have made it weak, and no weak tag is
/// ever equal to another (RFC 9110, section 8.8.3.2).
pub(crate) fn strong(e_tag: &str) -> &str {
    e_tag.strip_prefix("W/").unwrap_or(e_tag)
}

/// A time as in headers (RFC 9110, section 5.6.7).
pub(crate) fn time_of(text: &str) -> Option<SystemTime> {
    let zoned = DateTime::parse_from_rfc2822(text).ok().map(SystemTime::from);
    zoned.or_else(|| without_zone(text, "%a, %d %b %Y %H:%M:%S"))
}

/// A time as in documents (ISO 8601).
pub(crate) fn iso_time(text: &str) -> Option<SystemTime> {
    let zoned = DateTime::parse_from_rfc3339(text).ok().map(SystemTime::from);
    zoned.or_else(|| without_zone(text, "%Y-%m-%dT%H:%M:%S%.f"))
}

/// A time without the zone that it has to have: it is universal time.
fn without_zone(text: &str, format: &str) -> Option<SystemTime> {
    NaiveDateTime::parse_from_str(text.trim(), format).ok().map(|time| SystemTime::from(time.and_utc()))
}

impl<N> Page<N> {
    /// The last key that the page has reached: keys come in order, but objects and prefixes apart.
    pub(crate) fn last_key(&self) -> &str {
        let object = self.objects.iter().map(|object| object.key.as_str()).max();
        object.max(self.prefixes.iter().map(String::as_str).max()).unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "object_tests.rs"]
mod tests;
