//! The names that are reserved for uploads that are not finished.

/// The folder for hidden names, at the top of a file system.
pub(super) const FOLDER: &str = ".wharf-uploads";
/// The prefix of hidden names.
pub(super) const PREFIX: &str = ".wharf-upload-";
/// The prefix of the names of records of appends.
pub(super) const RECORD_PREFIX: &str = ".wharf-upload-append-";
/// The prefix of the names of uploads that are kept for their owners.
pub(super) const PARTIAL_PREFIX: &str = ".wharf-upload-partial-";

/// Whether a name is reserved for uploads: it is never listed and can't be used.
pub(super) fn is_reserved(name: &str) -> bool {
    name == FOLDER || name.starts_with(PREFIX)
}
