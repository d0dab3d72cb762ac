//! The storage contract: the operations of every backend, and their results.
//!
//! The laws (each a test in `contract`):
//!
//! 1. **All or nothing.** An upload appears whole at [`Upload::finish`]; before that, and after an abort or a
//!    crash, the old content is there and nothing else is.
//! 2. **No lost bytes.** What `finish` accepted is durable to the backend's own promise. All appends to one file, new
//!    or old, keep their bytes, in the order in which they end.
//! 3. **Read your writes**, in `stat`, `list` and `open`, at once.
//! 4. **Names never alias.** A name that the backend can't hold is refused; a foreign name that can't be
//!    shown never breaks a listing.
//! 5. **Directories behave** as on a disk.
//! 6. **Rename never loses the source**; it replaces a file, never a directory.
//! 7. **Bounded memory**, whatever the size of the file or the directory.
//! 8. **A confined root.** No name or symbolic link leads out of it.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;

use crate::below;
use crate::threads::DiskThreads;
use crate::{
    ByteStream, Digest, DigestAlgorithm, EntryKind, EntryStream, Error, ErrorKind, FileSlice, Metadata,
    Partials, Result, StoragePath, Upload,
};

/// A part of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByteRange {
    /// The first byte. The length of the file is allowed and gives an empty body.
    pub offset: u64,
    /// The number of bytes; cut at the end of the file. `None` means to the end.
    pub length: Option<u64>,
}

impl ByteRange {
    /// The whole file.
    pub const ALL: Self = Self { offset: 0, length: None };

    /// From `offset` to the end.
    pub fn from_offset(offset: u64) -> Self {
        Self { offset, length: None }
    }

    /// The length of this range in a file of `size` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRange`] if the offset lies behind the end.
    pub fn length_in(&self, size: u64, path: &StoragePath) -> Result<u64> {
        let rest = size.checked_sub(self.offset).ok_or_else(|| Error::new(ErrorKind::InvalidRange, path))?;
        Ok(self.length.map_or(rest, |length| length.min(rest)))
    }
}

/// An opened file: its metadata at that moment, and its bytes.
pub struct Body {
    /// Metadata of the whole file, whatever range was asked for.
    pub metadata: Metadata,
    /// The bytes of the range.
    pub content: Content,
}

/// Where the bytes of a [`Body`] come from.
pub enum Content {
    /// A part of an open file, so that a sender can use `sendfile(2)`.
    File(FileSlice),
    /// Chunks as they arrive. It ends after the first error, or when the range is complete: a stream
    /// that ends early without an error is a defect of the backend.
    Stream(ByteStream),
}

impl Body {
    /// A part of a file whose whole content is in memory.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRange`] if the range begins behind the end.
    pub fn from_bytes(
        metadata: Metadata,
        content: &Bytes,
        range: ByteRange,
        path: &StoragePath,
    ) -> Result<Self> {
        let (size, index) = (content.len() as u64, |at| usize::try_from(at).unwrap_or(content.len()));
        let length = range.length_in(size, path)?;
        let part = content.slice(index(range.offset)..index(range.offset + length));
        Ok(Self { metadata, content: Content::Stream(Box::pin(stream::iter([Ok(part)]))) })
    }

    /// The bytes as a stream, whichever form the backend chose. A file is read in large blocks on the threads of its
    /// disk.
    pub fn into_stream(self) -> ByteStream {
        match self.content {
            Content::File(slice) => slice.into_stream(),
            Content::Stream(stream) => stream,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

/// The effect of an upload on the entry under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateMode {
    /// The name must be free: otherwise `finish` returns [`ErrorKind::AlreadyExists`], decided atomically if the store
    /// can. `create` already refuses it if the file exists by then.
    New,
    /// Replaces a file, or makes a new one.
    Replace,
    /// Keeps the first bytes of the existing file, as many as given, and continues after them. Offset 0 is
    /// [`Replace`](Self::Replace). An offset behind the end is [`ErrorKind::InvalidRange`], a missing file
    /// [`ErrorKind::NotFound`].
    ///
    /// If the existing file is changed, replaced or removed before the end of this upload, `finish` returns
    /// [`ErrorKind::Conflict`]: the upload's bytes belong behind the ones that were there, and files that others stored
    /// are never lost.
    Resume(u64),
    /// Adds to the end of the file as it is at `finish`, or makes a new one. Appends to one file take turns in the
    /// order in which they end, and none is refused because of another: if the file was replaced meanwhile, the bytes
    /// are added to the new one; if it was removed, they become a new file.
    Append,
}

impl CreateMode {
    /// Whether an upload to `path` may begin, where a file of `size` bytes exists, or none.
    ///
    /// # Errors
    /// Those of the modes: [`ErrorKind::AlreadyExists`], [`ErrorKind::NotFound`], [`ErrorKind::InvalidRange`].
    pub fn allows(self, size: Option<u64>, path: &StoragePath) -> Result<()> {
        match (self, size) {
            (Self::New, Some(_)) => Err(Error::new(ErrorKind::AlreadyExists, path)),
            (Self::Resume(1..), None) => Err(Error::new(ErrorKind::NotFound, path)),
            (Self::Resume(offset), Some(size)) if offset > size => {
                Err(Error::new(ErrorKind::InvalidRange, path))
            }
            _ => Ok(()),
        }
    }
}

/// How a backend differs from a disk. It never changes during the life of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Each look at a file is a request to a server: fewer looks save time and money.
    pub remote: bool,
    /// A file may be created below a directory that doesn't exist, which then exists; and a directory that nobody made
    /// disappears with its last file. True of object stores.
    pub implicit_directories: bool,
    /// [`Storage::set_modified`] works.
    pub set_modified: bool,
    /// [`Storage::list`] reports the times that were set. Not true of stores that keep them as metadata.
    pub lists_set_times: bool,
    /// Directories can be renamed.
    pub rename_directories: bool,
}

impl Capabilities {
    /// The capabilities of a disk.
    pub const DISK: Self = Self {
        remote: false,
        implicit_directories: false,
        set_modified: true,
        lists_set_times: true,
        rename_directories: true,
    };
}

/// Is told of files, each with its path and its size.
pub type EachFile<'a> = &'a mut (dyn FnMut(&StoragePath, u64) + Send);

/// A storage: a tree of files and directories.
///
/// Operations on the root never fail because the root is missing. All methods can be called from any
/// number of tasks at once; none blocks the thread of its caller.
#[async_trait]
pub trait Storage: Send + Sync + fmt::Debug {
    /// How it differs from a disk.
    fn capabilities(&self) -> Capabilities;

    /// Tries whether the storage can be reached and used: the root exists, credentials are accepted.
    ///
    /// # Errors
    /// A sentence for the operator.
    async fn check(&self) -> Result<()> {
        self.stat(&StoragePath::root()).await.map(drop)
    }

    /// How many bytes are available; `None` if there is no limit, or no known one.
    ///
    /// # Errors
    /// Those of the backend.
    async fn available(&self) -> Result<Option<u64>> {
        Ok(None)
    }

    /// The metadata of `path`. Symbolic links are followed if they stay inside the root.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::PermissionDenied`] for a link that leads out.
    async fn stat(&self, path: &StoragePath) -> Result<Metadata>;

    /// Whether `path` is a directory, with as little effort as that takes.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::NotADirectory`], and as for [`stat`](Self::stat).
    async fn enter(&self, path: &StoragePath) -> Result<()> {
        match self.stat(path).await?.kind {
            EntryKind::Directory => Ok(()),
            EntryKind::File | EntryKind::Other => Err(Error::new(ErrorKind::NotADirectory, path)),
        }
    }

    /// The entries of a directory.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::NotADirectory`]: at once, not as an item of the stream.
    async fn list(&self, path: &StoragePath) -> Result<EntryStream>;

    /// Tells of every file below a directory with its size, in no particular order, as they are found: none of them is kept in
    /// memory. Links are neither followed nor told of. What lies more than 128 directories deep may be left out.
    ///
    /// # Errors
    /// As for [`list`](Self::list), and then not all were told of; where directories are implicit, an empty one may be
    /// [`ErrorKind::NotFound`], too.
    async fn files_below(&self, directory: &StoragePath, each: EachFile<'_>) -> Result<()> {
        below::walk(self, directory, each).await
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::IsADirectory`], [`ErrorKind::InvalidRange`].
    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body>;

    /// Starts an upload.
    ///
    /// # Errors
    /// [`ErrorKind::IsADirectory`]; [`ErrorKind::NotFound`] if the directory of the file is missing (unless directories
    /// are implicit); [`ErrorKind::NotADirectory`]; those of [`CreateMode`].
    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>>;

    /// Stores a small file whole, and replaces one that is there. Nobody but the caller uses this name, and those above it are
    /// directories: a backend need not look whether that is so. In a bucket it takes one request.
    ///
    /// # Errors
    /// As for [`create`](Self::create) and [`Upload::finish`].
    async fn put(&self, path: &StoragePath, content: Bytes) -> Result<()> {
        let mut upload = self.create(path, CreateMode::Replace).await?;
        upload.write(content).await?;
        upload.finish().await.map(drop)
    }

    /// Removes a file. Removes a symbolic link, not its target.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::IsADirectory`].
    async fn remove_file(&self, path: &StoragePath) -> Result<()>;

    /// Makes a directory.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if the name is taken, and as for [`create`](Self::create).
    async fn create_directory(&self, path: &StoragePath) -> Result<()>;

    /// Removes an empty directory. Removes a symbolic link to one, not its target.
    ///
    /// # Errors
    /// [`ErrorKind::NotEmpty`], [`ErrorKind::NotFound`], [`ErrorKind::NotADirectory`];
    /// [`ErrorKind::PermissionDenied`] for the root.
    async fn remove_directory(&self, path: &StoragePath) -> Result<()>;

    /// Renames a file or directory. A file at the target is replaced, unless `replace` is false; then the result is
    /// [`ErrorKind::AlreadyExists`]. A directory is never replaced, nor is a symbolic link that leads to anything but a
    /// file. A link itself is renamed, not its target.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for the source or the directory of the target;
    /// [`ErrorKind::AlreadyExists`] if the target is a directory, or if a directory would replace a file;
    /// [`ErrorKind::InvalidName`] if a directory would move into itself;
    /// [`ErrorKind::PermissionDenied`] for the root.
    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()>;

    /// Whether a path can be renamed or removed at all, as far as that is known without a request over the network: not
    /// if the system has something mounted there. It does not check that the path exists.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`].
    async fn may_move(&self, path: &StoragePath) -> Result<()> {
        let _ = path;
        Ok(())
    }

    /// Sets the time of the last change of a file.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] unless [`Capabilities::set_modified`]; [`ErrorKind::NotFound`];
    /// [`ErrorKind::InvalidTime`] for a time that the storage can't keep: then the file keeps its old one.
    async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()>;

    /// Whether files and directories have their own permission bits, which [`set_mode`](Self::set_mode) sets.
    fn keeps_modes(&self) -> bool {
        false
    }

    /// Sets the nine permission bits of a file or directory, as in `chmod(2)`; further bits are ignored.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] unless [`keeps_modes`](Self::keeps_modes); [`ErrorKind::NotFound`].
    async fn set_mode(&self, path: &StoragePath, mode: u32) -> Result<()> {
        let _ = mode;
        Err(Error::new(ErrorKind::Unsupported, path))
    }

    /// The uploads that were broken off and are kept for their owners, if the storage can keep any.
    fn partials(&self) -> Option<&dyn Partials> {
        None
    }

    /// The threads of the storage's disk, if it is on one.
    fn disk(&self) -> Option<&DiskThreads> {
        None
    }

    /// Whether the storage is still where it was opened, as far as that is known without a request over the network:
    /// the directory of a disk can be removed or unmounted. It takes as long as the disk takes to answer.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`].
    async fn is_there(&self) -> Result<()> {
        Ok(())
    }

    /// Removes leftovers of uploads that were neither finished nor aborted, for instance because the server was killed,
    /// if they are this server's kind and old enough to be abandoned. Returns how many. It is called at the start, and
    /// then every hour.
    ///
    /// # Errors
    /// Those of the backend.
    async fn sweep(&self) -> Result<u64> {
        Ok(0)
    }

    /// The checksum of a part of a file, computed by reading it unless the backend knows a better way.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    async fn digest(
        &self,
        path: &StoragePath,
        algorithm: DigestAlgorithm,
        range: ByteRange,
    ) -> Result<Vec<u8>> {
        let body = self.open(path, range).await?;
        Digest::of_stream(algorithm, body.into_stream()).await
    }
}
