//! Entries of directories, and their metadata.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::time::SystemTime;

use futures_core::Stream;

use crate::Result;

/// Entries of a directory in no particular order, page by page as the store sends them.
///
/// It ends after the first error.
pub type EntryStream = Pin<Box<dyn Stream<Item = Result<Entry>> + Send>>;

/// The kind of a directory entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file or an object.
    File,
    /// A directory; on an object store a prefix that holds keys, or a marker.
    Directory,
    /// An entry that can be listed and removed but neither read nor entered: a symbolic link that is dangling or leads
    /// out of the root, a socket, a device.
    Other,
}

/// The properties of an entry that a backend knows without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Its kind.
    pub kind: EntryKind,
    /// Length in bytes; 0 for a directory.
    pub size: u64,
    /// When the content last changed; `None` if the store doesn't know, as for a prefix.
    pub modified: Option<SystemTime>,
    /// A fingerprint of this version of a file, like an entity tag (RFC 9110, section 8.8.3): while it is the same, it
    /// is the same file with the same content. `None` if the store has no such value.
    pub version: Option<u64>,
    /// What distinguishes the upload that made the file from all others, also after a restart of the server: see
    /// [`Upload::mark`](crate::Upload::mark). A rename keeps it. `None` if the store keeps no such value.
    pub mark: Option<u128>,
    /// The entity tag that the store reports, as it is. Listings leave it out.
    pub e_tag: Option<String>,
    /// The name is a symbolic link, and the other fields describe its target: removing the name leaves the target as it
    /// is.
    pub is_link: bool,
    /// The entry of a listing could not be looked at: its name and kind come from the directory, and its size and time
    /// are not known.
    pub is_unseen: bool,
    /// It is no file yet, but what is kept of an upload for whoever looks: see [`Partials`](crate::Partials).
    pub is_partial: bool,
    /// The text of the link, if it leads to a place in this storage and fits into a line: relative to the directory of
    /// the link, or, with a slash before it, from the root of the storage.
    pub link_target: Option<String>,
}

impl Metadata {
    /// The metadata of a directory.
    pub fn directory(modified: Option<SystemTime>) -> Self {
        Self { kind: EntryKind::Directory, ..Self::file(0, modified) }
    }

    /// The metadata of a file of `size` bytes.
    pub fn file(size: u64, modified: Option<SystemTime>) -> Self {
        Self {
            kind: EntryKind::File,
            size,
            modified,
            version: None,
            mark: None,
            e_tag: None,
            is_link: false,
            is_unseen: false,
            is_partial: false,
            link_target: None,
        }
    }

    /// The same with a fingerprint of `version`, which distinguishes one version of a file from another.
    #[must_use]
    pub fn with_version(mut self, version: &impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        version.hash(&mut hasher);
        self.version = Some(hasher.finish());
        self
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == EntryKind::Directory
    }
}

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, which [`StoragePath::child`](crate::StoragePath::child) accepts.
    pub name: String,
    /// Its metadata.
    pub metadata: Metadata,
}
