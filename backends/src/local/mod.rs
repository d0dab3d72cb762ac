//! A directory of the local file system.
//!
//! Everything goes through a handle on the root (`cap-std`), so that neither `..` nor a symbolic link nor a
//! race between the two leads out of it. Calls that may block run on threads made for that.

mod append;
mod listing;
mod rename;
mod temporary;
mod upload;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt};
use futures_util::{StreamExt, stream};
use rustix::fs::OFlags;

use self::temporary::is_reserved;
use crate::stream::blocking;
use crate::{
    Body, ByteRange, Capabilities, Content, CreateMode, Digest, DigestAlgorithm, EntryKind, EntryStream,
    Error, ErrorKind, FileSlice, Metadata, Result, Storage, StoragePath, Upload,
};

/// A file of at most so many bytes is read while it is opened. A socket's buffer takes as much at once, so that a client
/// which doesn't read holds no memory of ours.
const READ_AT_ONCE: u64 = 16 * 1024;

/// How a [`LocalStorage`] treats its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalOptions {
    /// Make the root, and what is above it, if it is missing.
    pub create_root: bool,
    /// Sync data and directory to the disk before an upload counts as finished. Without it, what was
    /// uploaded in the last seconds can be lost when the machine (not just the server) goes down.
    pub sync: bool,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self { create_root: false, sync: true }
    }
}

/// A storage in a local directory.
#[derive(Debug, Clone)]
pub struct LocalStorage {
    root: Arc<Dir>,
    options: LocalOptions,
    /// Uploads go to files without a name where the file system has them.
    unnamed: bool,
}

impl LocalStorage {
    /// Opens a directory, and removes what uploads of a process that was killed have left in it.
    ///
    /// # Errors
    /// Those of the system: the directory is missing, is no directory, may not be entered.
    pub fn open(root: &Path, options: LocalOptions) -> io::Result<Self> {
        if options.create_root {
            std::fs::create_dir_all(root)?;
        }
        let root = Dir::open_ambient_dir(root, cap_std::ambient_authority())?;
        match temporary::sweep(&root) {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed what interrupted uploads had left behind"),
            // A root that can only be read is fine; uploads will say so themselves.
            Err(error) => tracing::debug!(%error, "can't look for leftovers of interrupted uploads"),
        }
        Ok(Self { root: Arc::new(root), options, unnamed: true })
    }

    /// Runs `work` with the root on a thread that may block.
    async fn with_root<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Dir) -> Result<T> + Send + 'static,
    {
        let root = Arc::clone(&self.root);
        blocking(move || work(&root)).await?
    }
}

#[async_trait]
impl Storage for LocalStorage {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            implicit_directories: false,
            set_modified: true,
            lists_set_times: true,
            rename_directories: true,
        }
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        let path = path.clone();
        self.with_root(move |root| stat(root, &path)).await
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        let owned = path.clone();
        let directory = self.with_root(move |root| open_directory(root, &owned)).await?;
        listing::list(Arc::clone(&self.root), directory, path.clone()).await
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        let path = path.clone();
        self.with_root(move |root| {
            let body = open(root, &path, range)?;
            match body.content {
                // To change threads again for these few bytes would take longer than to read them.
                Content::File(slice) if slice.length <= READ_AT_ONCE => {
                    let blocks = slice.read_all().map_err(|error| error.at(&path))?;
                    Ok(Body { content: Content::Stream(stream::iter(blocks).map(Ok).boxed()), ..body })
                }
                _ => Ok(body),
            }
        })
        .await
    }

    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
        let (path, root) = (path.clone(), Arc::clone(&self.root));
        let (sync, unnamed) = (self.options.sync, self.unnamed);
        let upload = blocking(move || upload::LocalUpload::start(root, path, mode, sync, unnamed)).await??;
        Ok(Box::new(upload))
    }

    async fn available(&self) -> Result<Option<u64>> {
        self.with_root(|root| {
            let found =
                rustix::fs::fstatvfs(root).map_err(|e| Error::from_io(&StoragePath::root(), e.into()))?;
            // What is kept for the superuser is not for files.
            Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
        })
        .await
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        let path = path.clone();
        self.with_root(move |root| {
            let name = relative(&path)?;
            let found = root.symlink_metadata(name).map_err(|error| Error::from_io(&path, error))?;
            if found.is_dir() {
                return Err(Error::new(ErrorKind::IsADirectory, &path));
            }
            root.remove_file(name).map_err(|error| Error::from_io(&path, error))
        })
        .await
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        let path = path.clone();
        let sync = self.options.sync;
        self.with_root(move |root| {
            if path.is_root() {
                return Err(Error::new(ErrorKind::AlreadyExists, &path));
            }
            let (parent, name) = parent_of(root, &path)?;
            if is_reserved(name) {
                return Err(Error::new(ErrorKind::InvalidName, &path));
            }
            parent.create_dir(name).map_err(|error| Error::from_io(&path, error))?;
            if sync { sync_directory(&parent, &path) } else { Ok(()) }
        })
        .await
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        let path = path.clone();
        self.with_root(move |root| {
            if path.is_root() {
                return Err(Error::new(ErrorKind::PermissionDenied, &path));
            }
            let name = relative(&path)?;
            let found = root.symlink_metadata(name).map_err(|error| Error::from_io(&path, error))?;
            if !found.is_dir() {
                return Err(Error::new(ErrorKind::NotADirectory, &path));
            }
            root.remove_dir(name).map_err(|error| Error::from_io(&path, error))
        })
        .await
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        let (from, to) = (from.clone(), to.clone());
        let sync = self.options.sync;
        self.with_root(move |root| rename::rename(root, &from, &to, replace, sync)).await
    }

    async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        let path = path.clone();
        self.with_root(move |root| {
            let file = open_read(root, &path)?;
            file.set_modified(modified).map_err(|error| Error::from_io(&path, error))
        })
        .await
    }

    /// Reads and hashes on one thread, without handing each block to another.
    async fn digest(
        &self,
        path: &StoragePath,
        algorithm: DigestAlgorithm,
        range: ByteRange,
    ) -> Result<Vec<u8>> {
        let path = path.clone();
        self.with_root(move |root| {
            let body = open(root, &path, range)?;
            let mut digest = Digest::new(algorithm);
            if let Content::File(slice) = body.content {
                slice.for_each_block(|block| digest.update(block)).map_err(|error| error.at(&path))?;
            }
            Ok(digest.finish())
        })
        .await
    }
}

/// The path as the handle on the root wants it. A name that is kept for temporary files doesn't exist.
fn relative(path: &StoragePath) -> Result<&str> {
    if path.segments().any(is_reserved) {
        return Err(Error::new(ErrorKind::NotFound, path));
    }
    Ok(if path.is_root() { "." } else { path.relative() })
}

fn open_directory(root: &Dir, path: &StoragePath) -> Result<Dir> {
    root.open_dir(relative(path)?).map_err(|error| Error::from_io(path, error))
}

/// The directory that `path` stands in, opened, and the name in it. Not for the root.
fn parent_of<'a>(root: &Dir, path: &'a StoragePath) -> Result<(Dir, &'a str)> {
    match (path.parent(), path.name()) {
        (Some(parent), Some(name)) => {
            Ok((open_directory(root, &parent).map_err(|error| error.at(path))?, name))
        }
        _ => Err(Error::new(ErrorKind::PermissionDenied, path)),
    }
}

fn metadata_of(found: &cap_std::fs::Metadata) -> Metadata {
    let modified = found.modified().ok().map(cap_std::time::SystemTime::into_std);
    if found.is_dir() {
        return Metadata::directory(modified);
    }
    let kind = if found.is_file() { EntryKind::File } else { EntryKind::Other };
    let metadata = Metadata { kind, ..Metadata::file(found.len(), modified) };
    let changed = (found.ctime(), found.ctime_nsec(), found.mtime(), found.mtime_nsec());
    metadata.with_version(&(found.dev(), found.ino(), found.len(), changed))
}

/// Follows links. One that leads nowhere, or out of the root, is an entry that can only be listed and removed.
fn stat(root: &Dir, path: &StoragePath) -> Result<Metadata> {
    let own = root.symlink_metadata(relative(path)?).map_err(|error| Error::from_io(path, error))?;
    Ok(followed(root, path, &own))
}

/// What a name leads to, of which `own` is known without following it.
fn followed(root: &Dir, path: &StoragePath, own: &cap_std::fs::Metadata) -> Metadata {
    if !own.is_symlink() {
        return metadata_of(own);
    }
    // The link may go up from where it is, so it is followed from the root.
    let target = root.metadata(path.relative());
    Metadata { is_link: true, ..metadata_of(target.as_ref().unwrap_or(own)) }
}

fn open_read(root: &Dir, path: &StoragePath) -> Result<std::fs::File> {
    let mut options = OpenOptions::new();
    // Opening a named pipe would wait for a writer, maybe for ever.
    options.read(true).custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32);
    let file = root.open_with(relative(path)?, &options).map_err(|error| Error::from_io(path, error))?;
    Ok(file.into_std())
}

fn open(root: &Dir, path: &StoragePath, range: ByteRange) -> Result<Body> {
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
    Ok(Body { metadata, content: Content::File(FileSlice { file, offset: range.offset, length }) })
}

/// Makes the names in a directory durable.
fn sync_directory(directory: &Dir, path: &StoragePath) -> Result<()> {
    use rustix::io::Errno;
    match rustix::fs::fsync(directory) {
        // Some network and FUSE file systems can't sync a directory; they promise nothing then.
        Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::BADF) => Ok(()),
        Err(error) => Err(Error::from_io(path, error.into())),
    }
}

#[cfg(test)]
#[path = "local_tests.rs"]
mod tests;
