//! The names that are reserved for uploads that are not finished.

/// The folder for hidden names, at the top of a file system.
pub(super) const FOLDER: &str = ".wharf-uploads";
/// What hidden names begin with.
pub(super) const PREFIX: &str = ".wharf-upload-";
/// What the names of records of appends begin with.
pub(super) const RECORD_PREFIX: &str = ".wharf-upload-append-";

/// Whether a name is reserved for uploads: it is never listed and can't be used.
pub(super) fn is_reserved(name: &str) -> bool {
    name == FOLDER || name.starts_with(PREFIX)
}
