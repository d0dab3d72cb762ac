//! Reading files.

use cap_std::fs::{OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::located::{located, open_flags, refuse_link};
use super::metadata_of;
use super::open_root::OpenRoot;
use crate::threads::{DiskThreads, OfDisk};
use crate::{Body, ByteRange, Content, Error, ErrorKind, FileSlice, Result, StoragePath};

/// Opens a file for reading. Blocks.
pub(super) fn open_read(root: &OpenRoot, path: &StoragePath) -> Result<std::fs::File> {
    let mut options = OpenOptions::new();
    // Opening a named pipe would wait for a writer, possibly for ever.
    options.read(true).custom_flags(open_flags(root, OFlags::NONBLOCK | OFlags::NOCTTY));
    let (base, rest) = located(root, path)?;
    refuse_link(root, &base, rest).map_err(|error| Error::from_io(path, error))?;
    let file = base.open_with(rest, &options).map_err(|error| Error::from_io(path, error))?;
    Ok(file.into_std())
}

/// The bytes of a range of a file, and its metadata. Blocks.
pub(super) fn open(
    root: &OpenRoot,
    path: &StoragePath,
    range: ByteRange,
    threads: &DiskThreads,
) -> Result<Body> {
    let file = open_read(root, path)?;
    let found = file.metadata().map_err(|error| Error::from_io(path, error))?;
    if found.is_dir() {
        return Err(Error::new(ErrorKind::IsADirectory, path));
    }
    if !found.is_file() {
        return Err(Error::with_source(ErrorKind::PermissionDenied, path, "not a regular file"));
    }
    let length = range.length_in(found.len(), path)?;
    let metadata = metadata_of(&cap_std::fs::Metadata::from_just_metadata(found));
    let file = OfDisk::new(file, threads);
    Ok(Body { metadata, content: Content::File(FileSlice { file, offset: range.offset, length }) })
}
