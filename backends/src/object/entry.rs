//! What stores tell of objects.

use std::time::SystemTime;

use object_store::list::PaginatedListResult;
use object_store::{Attribute, Attributes, ObjectMeta};

use super::mtime;
use crate::Metadata;

/// The metadata that makes an empty blob a directory, as Azure's own tools write it.
pub(super) const FOLDER: &str = "hdi_isfolder";

/// An object as the store describes it.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// The whole key, with the slash of a marker.
    pub key: String,
    pub size: u64,
    pub e_tag: Option<String>,
    /// The version, where the bucket keeps several.
    pub version: Option<String>,
    /// When it was stored.
    pub stored: Option<SystemTime>,
    /// The time that was set for it, if that is known: listings don't tell.
    pub set: Option<SystemTime>,
    /// It is a directory's marker by its metadata.
    pub is_folder: bool,
}

/// One page of a listing.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub objects: Vec<Object>,
    /// Each with the slash that it ends with.
    pub prefixes: Vec<String>,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl Object {
    /// From what the library knows of an object.
    pub(super) fn new(meta: ObjectMeta) -> Self {
        let stored = SystemTime::from(meta.last_modified);
        Self {
            key: meta.location.to_string(),
            size: meta.size,
            e_tag: meta.e_tag.map(quoted),
            version: meta.version,
            // The library's way to say that the store didn't tell.
            stored: Some(stored).filter(|time| *time != SystemTime::UNIX_EPOCH),
            set: None,
            is_folder: false,
        }
    }

    /// The same, with the object's own metadata.
    pub(super) fn with_attributes(meta: ObjectMeta, attributes: &Attributes) -> Self {
        let mut object = Self::new(meta);
        for (name, value) in attributes {
            let Attribute::Metadata(name) = name else { continue };
            if name.eq_ignore_ascii_case(FOLDER) {
                object.is_folder = value.eq_ignore_ascii_case("true");
            } else if name.eq_ignore_ascii_case(mtime::NAME) {
                object.set = mtime::parse(value);
            }
        }
        object
    }

    pub(super) fn metadata(&self) -> Metadata {
        // Equal content has equal entity tags wherever it stands.
        let version = (&self.key, &self.e_tag, self.size, self.stored);
        Metadata::file(self.size, self.set.or(self.stored)).with_version(&version)
    }

    /// Whether another object has the same content, as far as entity tags tell that are digests of it.
    pub(super) fn same_content(&self, other: &Self) -> Option<bool> {
        match (&self.e_tag, &other.e_tag) {
            _ if self.size != other.size => Some(false),
            (Some(one), Some(two)) if is_digest(one) && is_digest(two) => Some(one == two),
            _ => None,
        }
    }

    /// Whether its entity tag tells its content.
    pub(super) fn has_digest(&self) -> bool {
        self.e_tag.as_deref().is_some_and(is_digest)
    }
}

/// Whether an entity tag has the form of a digest of the content. Those of uploads in parts depend on how these were cut,
/// and some stores give the same to many objects.
fn is_digest(e_tag: &str) -> bool {
    let digits = e_tag.trim_matches('"');
    digits.len() == 32
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && digits.bytes().any(|byte| byte != b'0')
}

/// An entity tag as answers to requests have it (RFC 9110, section 8.8.3); some listings leave the quotes out.
pub(super) fn quoted(e_tag: String) -> String {
    let is_quoted = e_tag.starts_with('"') || e_tag.starts_with("W/");
    if is_quoted || e_tag.is_empty() { e_tag } else { format!("\"{e_tag}\"") }
}

impl Page {
    /// From what the library knows of a page below `prefix`.
    pub(super) fn new(found: PaginatedListResult, prefix: &str) -> Self {
        let mut objects: Vec<Object> = found.result.objects.into_iter().map(Object::new).collect();
        for object in &mut objects {
            // Only the marker is shorter than what all keys here start with: the library trims its slash.
            if object.key.len() < prefix.len() {
                object.key.push('/');
            }
        }
        let prefixes = found.result.common_prefixes.iter().map(|below| format!("{below}/")).collect();
        Self { objects, prefixes, next: found.page_token }
    }

    /// The last key that the page has reached: keys come in order, but objects and prefixes apart.
    pub(super) fn last_key(&self) -> &str {
        let object = self.objects.iter().map(|object| object.key.as_str()).max();
        object.max(self.prefixes.iter().map(String::as_str).max()).unwrap_or_default()
    }
}
