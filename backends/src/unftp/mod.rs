//! Storage backends of the libunftp project, as storages of this crate.
//!
//! Any `unftp_core::storage::StorageBackend` can be used. Its trait promises less than [`Storage`] does, and this
//! bridge doesn't hide that: an upload is passed on as it arrives, so the backend decides whether half a file is
//! visible, or stays when the connection is lost. The guide lists the laws that the two supported backends break, as
//! the contract suite found them.

mod upload;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::BytesMut;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncRead, AsyncReadExt};
use unftp_core::auth::DefaultUser;
use unftp_core::storage::{ErrorKind as UnftpKind, FEATURE_RESTART, StorageBackend};

use self::upload::BridgeUpload;
use crate::{
    Body, ByteRange, ByteStream, CHUNK_SIZE, Capabilities, Content, CreateMode, Entry, EntryKind,
    EntryStream, Error, ErrorKind, Metadata, Result, Storage, StoragePath, Upload,
};

pub use unftp_sbe_fs::Filesystem;
pub use unftp_sbe_gcs::{CloudStorage, options::AuthMethod};

/// A storage backend made for libunftp.
///
/// It acts as libunftp's default user: this program checks users, their roots and permissions before a storage.
pub struct UnftpStorage<B> {
    backend: Arc<B>,
    capabilities: Capabilities,
}

impl<B> UnftpStorage<B>
where
    B: StorageBackend<DefaultUser> + 'static,
{
    /// Wraps a backend. Its trait can't report how it differs from a disk, so `capabilities` does. Times can never be
    /// set through it.
    pub fn new(backend: B, capabilities: Capabilities) -> Self {
        let capabilities = Capabilities { set_modified: false, ..capabilities };
        Self { backend: Arc::new(backend), capabilities }
    }

    async fn found(&self, path: &StoragePath) -> Result<Metadata> {
        let looked_up = self.backend.metadata(&DefaultUser, native(path)).await;
        let error = match looked_up {
            Ok(theirs) => return Ok(metadata(&theirs)),
            Err(error) => from_unftp(path, error),
        };
        // A backend of a bucket has metadata only for objects; entering a directory shows whether it exists.
        if error.kind() == ErrorKind::NotFound
            && self.capabilities.implicit_directories
            && self.backend.cwd(&DefaultUser, native(path)).await.is_ok()
        {
            return Ok(Metadata::directory(None));
        }
        Err(error)
    }

    async fn missing(&self, path: &StoragePath) -> Result<bool> {
        match self.found(path).await {
            Ok(_) => Ok(false),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }
}

impl<B> fmt::Debug for UnftpStorage<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnftpStorage({})", std::any::type_name::<B>())
    }
}

/// The path in the form in which libunftp passes it to these backends.
fn native(path: &StoragePath) -> PathBuf {
    PathBuf::from(path.as_str())
}

fn metadata(theirs: &impl unftp_core::storage::Metadata) -> Metadata {
    let modified = theirs.modified().ok();
    if theirs.is_dir() {
        return Metadata::directory(modified);
    }
    let kind = if theirs.is_file() { EntryKind::File } else { EntryKind::Other };
    Metadata { kind, ..Metadata::file(theirs.len(), modified) }
}

/// The meaning of libunftp's failures. They leave out much: only the system's own error shows that a name exists
/// already, or is not a directory.
fn from_unftp(path: &StoragePath, error: unftp_core::storage::Error) -> Error {
    if let Some(io) = error.get_io_error() {
        let known = io.raw_os_error().map(std::io::Error::from_raw_os_error);
        let io = known.unwrap_or_else(|| std::io::Error::new(io.kind(), io.to_string()));
        return Error::from_io(path, io);
    }
    let kind = match error.kind() {
        UnftpKind::PermanentFileNotAvailable | UnftpKind::PermanentDirectoryNotAvailable => {
            ErrorKind::NotFound
        }
        UnftpKind::PermanentDirectoryNotEmpty => ErrorKind::NotEmpty,
        UnftpKind::PermissionDenied => ErrorKind::PermissionDenied,
        UnftpKind::InsufficientStorageSpaceError => ErrorKind::NoSpace,
        UnftpKind::ExceededStorageAllocationError => ErrorKind::QuotaExceeded,
        UnftpKind::FileNameNotAllowedError => ErrorKind::InvalidName,
        UnftpKind::CommandNotImplemented | UnftpKind::PageTypeUnknown => ErrorKind::Unsupported,
        UnftpKind::TransientFileNotAvailable | UnftpKind::ConnectionClosed => ErrorKind::Unavailable,
        UnftpKind::LocalError => ErrorKind::Other,
    };
    Error::with_source(kind, path, error)
}

#[async_trait]
impl<B> Storage for UnftpStorage<B>
where
    B: StorageBackend<DefaultUser> + 'static,
{
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn check(&self) -> Result<()> {
        self.list(&StoragePath::root()).await.map(drop)
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        if path.is_root() {
            return Ok(Metadata::directory(None));
        }
        self.found(path).await
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        if !self.stat(path).await?.is_directory() {
            return Err(Error::new(ErrorKind::NotADirectory, path));
        }
        let listed = self.backend.list(&DefaultUser, native(path)).await;
        let entries = listed.map_err(|error| from_unftp(path, error))?;
        let path = path.clone();
        let entries = entries.into_iter().filter_map(move |entry| {
            let name = Path::file_name(&entry.path)?.to_str()?.to_owned();
            path.child(&name).ok()?;
            Some(Ok(Entry { name, metadata: metadata(&entry.metadata) }))
        });
        Ok(stream::iter(entries.collect::<Vec<_>>()).boxed())
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        let metadata = self.stat(path).await?;
        if metadata.is_directory() {
            return Err(Error::new(ErrorKind::IsADirectory, path));
        }
        let length = range.length_in(metadata.size, path)?;
        let content = if length == 0 {
            stream::empty().boxed()
        } else {
            let reader = self.backend.get(&DefaultUser, native(path), range.offset).await;
            read(reader.map_err(|error| from_unftp(path, error))?, length, path.clone())
        };
        Ok(Body { metadata, content: Content::Stream(content) })
    }

    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
        let existing = match self.stat(path).await {
            Ok(existing) if existing.is_directory() => return Err(Error::new(ErrorKind::IsADirectory, path)),
            Ok(existing) => Some(existing.size),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if let Some(parent) = path.parent()
            && !self.capabilities.implicit_directories
            && !self.stat(&parent).await.map_err(|error| error.at(path))?.is_directory()
        {
            return Err(Error::new(ErrorKind::NotADirectory, path));
        }
        let offset = match (mode, existing) {
            (CreateMode::New, Some(_)) => return Err(Error::new(ErrorKind::AlreadyExists, path)),
            (CreateMode::New | CreateMode::Replace, _) => 0,
            (CreateMode::Append, existing) => existing.unwrap_or(0),
            (CreateMode::Resume(0), _) => 0,
            (CreateMode::Resume(_), None) => return Err(Error::new(ErrorKind::NotFound, path)),
            (CreateMode::Resume(offset), Some(size)) => {
                ByteRange::from_offset(offset).length_in(size, path)?;
                offset
            }
        };
        if offset != 0 && self.backend.supported_features() & FEATURE_RESTART == 0 {
            // Such a backend ignores the offset: it would keep only the new bytes.
            return Err(Error::new(ErrorKind::Unsupported, path));
        }
        Ok(Box::new(BridgeUpload::start(Arc::clone(&self.backend), path.clone(), offset)))
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        if self.stat(path).await?.is_directory() {
            return Err(Error::new(ErrorKind::IsADirectory, path));
        }
        let removed = self.backend.del(&DefaultUser, native(path)).await;
        removed.map_err(|error| from_unftp(path, error))
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        if path.is_root() || !self.missing(path).await? {
            return Err(Error::new(ErrorKind::AlreadyExists, path));
        }
        let result = self.backend.mkd(&DefaultUser, native(path)).await;
        result.map_err(|error| from_unftp(path, error))
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::PermissionDenied, path));
        }
        if !self.stat(path).await?.is_directory() {
            return Err(Error::new(ErrorKind::NotADirectory, path));
        }
        let removed = self.backend.rmd(&DefaultUser, native(path)).await;
        removed.map_err(|error| from_unftp(path, error))
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        if from.is_root() || to.is_root() {
            return Err(Error::new(ErrorKind::PermissionDenied, from));
        }
        let source = self.stat(from).await?;
        if from == to {
            return Ok(());
        }
        if source.is_directory() && to.starts_with(from) {
            return Err(Error::into_itself(to));
        }
        match self.stat(to).await {
            Ok(target) if target.is_directory() || source.is_directory() || !replace => {
                return Err(Error::new(ErrorKind::AlreadyExists, to));
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let renamed = self.backend.rename(&DefaultUser, native(from), native(to)).await;
        renamed.map_err(|error| from_unftp(to, error))
    }

    async fn set_modified(&self, path: &StoragePath, _: SystemTime) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, path))
    }
}

/// The next `length` bytes of a reader. An earlier end is an error.
fn read(reader: Box<dyn AsyncRead + Send + Sync + Unpin>, length: u64, path: StoragePath) -> ByteStream {
    let state = (reader, length, path);
    Box::pin(stream::try_unfold(state, async |(mut reader, left, path)| {
        if left == 0 {
            return Ok(None);
        }
        let size = usize::try_from(left).unwrap_or(CHUNK_SIZE).min(CHUNK_SIZE);
        let mut chunk = BytesMut::with_capacity(size);
        let mut limited = (&mut reader).take(size as u64);
        let count = limited.read_buf(&mut chunk).await.map_err(|error| Error::from_io(&path, error))?;
        if count == 0 {
            return Err(Error::with_source(ErrorKind::Other, &path, "the file ended early"));
        }
        let left = left - count as u64;
        Ok(Some((chunk.freeze(), (reader, left, path))))
    }))
}

#[cfg(test)]
#[path = "unftp_tests.rs"]
mod tests;
