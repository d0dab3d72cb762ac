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
            e_tag: meta.e_tag,
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

    /// Whether another object has the same content, as far as the entity tags of single requests tell; those of several
    /// parts depend on how it was cut.
    pub(super) fn same_content(&self, other: &Self) -> Option<bool> {
        match (&self.e_tag, &other.e_tag) {
            _ if self.size != other.size => Some(false),
            (Some(one), Some(two)) if one == two => Some(true),
            (Some(one), Some(two)) if !is_of_parts(one) && !is_of_parts(two) => Some(false),
            _ => None,
        }
    }
}

/// Whether an entity tag is one that depends on how the upload was cut into parts.
pub(super) fn is_of_parts(e_tag: &str) -> bool {
    e_tag.contains('-')
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
