//! A directory of the local file system.
//!
//! Everything is reached through a handle on the root (`cap-std`), so that neither `..` nor a symbolic link nor a race
//! between the two leads out of it. Calls that may block run on the threads of the disk.

mod append;
mod append_record;
mod attributes;
mod disk;
mod kept;
mod links;
mod listing;
mod located;
mod mountpoints;
mod names;
mod naming;
mod one_file;
mod open_root;
mod partial;
mod publish;
mod reading;
mod removal;
mod rename;
mod reserved;
mod root;
mod sweep;
mod target;
mod temporary;
mod upload;

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use cap_std::fs::{Dir, DirBuilderExt, MetadataExt};
use futures_util::{StreamExt, stream};

use self::links::{Last, followed, following, own_metadata};
use self::located::{located, open_directory, parent_of, standing_at};
use self::open_root::OpenRoot;
use self::reading::{open, open_read};
use self::removal::{not_removed, remove_directory};
use self::reserved::is_reserved;
use self::root::Root;
use self::sweep::{sweep, sweep_and_log};
use self::target::Begin;
use self::temporary::NewFile;
use crate::stream::{Wanted, while_wanted};
use crate::threads::{DiskThreads, OfDisk, Operation, confirm_wanted};
use crate::{
    Body, ByteRange, Capabilities, Content, CreateMode, Digest, DigestAlgorithm, EntryKind, EntryStream,
    Error, ErrorKind, Metadata, Partials, Result, Storage, StoragePath, Upload,
};

/// A file of at most this many bytes is read while it is opened. A socket's buffer accepts as much at once, so a client
/// that doesn't read holds no memory of the server.
const READ_AT_ONCE: u64 = 16 * 1024;

/// The mode of directories that are made above a root.
const ABOVE_ROOT: u32 = 0o755;

/// How a [`LocalStorage`] treats its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalOptions {
    /// Make the root and missing directories above it.
    pub create_root: bool,
    /// Sync data and directory to the disk before an upload counts as finished. Without it, uploads of the last seconds
    /// can be lost when the machine (not just the server) goes down.
    pub sync: bool,
    /// The permission bits of new files, before the umask of the process.
    pub file_mode: u32,
    /// The same for new directories.
    pub directory_mode: u32,
    /// Follow symbolic links below the root, if they stay inside the confinement of a path. Without it, each link
    /// counts as dangling: it can be listed, renamed, removed and replaced.
    pub follow_links: bool,
    /// The process can reach no other directory than the one that is opened first. If the path leads to another one
    /// later, every operation is refused until it leads back; without `fixed_root`, the other directory is opened.
    pub fixed_root: bool,
    /// Remove what uploads of a process that was killed have left behind, when the root is opened. Who only looks does not.
    pub sweep: bool,
    /// How long the disk may take for one step of an operation.
    pub timeout: Duration,
}

impl LocalOptions {
    /// Longer than a disk takes to start, or an NFS server takes to fail over.
    pub const TIMEOUT: Duration = Duration::from_secs(60);
    /// The server writes, its group reads, and others do neither.
    pub const FILE_MODE: u32 = 0o640;
    /// The same for directories.
    pub const DIRECTORY_MODE: u32 = 0o750;
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            create_root: false,
            sync: true,
            file_mode: Self::FILE_MODE,
            directory_mode: Self::DIRECTORY_MODE,
            follow_links: true,
            fixed_root: false,
            sweep: true,
            timeout: Self::TIMEOUT,
        }
    }
}

/// A storage in a local directory.
#[derive(Debug, Clone)]
pub struct LocalStorage {
    root: Arc<Root>,
    options: LocalOptions,
    threads: DiskThreads,
    /// Uploads go to files without a name if the file system has them.
    unnamed: bool,
}

impl LocalStorage {
    /// Opens a directory, and removes temporary files of a process that was killed, unless the options say otherwise.
    ///
    /// # Errors
    /// Errors of the system: the directory is missing, is not a directory, or may not be entered.
    pub fn open(root: &Path, options: LocalOptions) -> io::Result<Self> {
        Self::open_as(&root.display().to_string(), root, options)
    }

    /// The same, under the operator's name for it. Blocks until the disk answers.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_as(name: &str, root: &Path, options: LocalOptions) -> io::Result<Self> {
        Self::make_root(root, options)?;
        let root = Root::open(root, options)?;
        if options.sweep
            && let Ok(opened) = root.current()
        {
            sweep_and_log(&opened);
        }
        let threads = DiskThreads::new(name, options.timeout);
        Ok(Self { root: Arc::new(root), options, threads, unnamed: true })
    }

    /// Makes the directory, if the options say so and it is missing; opening it does so, too.
    ///
    /// # Errors
    /// Errors of the system.
    pub fn make_root(root: &Path, options: LocalOptions) -> io::Result<()> {
        if !options.create_root {
            return Ok(());
        }
        // Directories above the root may be for others, too.
        if let Some(above) = root.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(ABOVE_ROOT).create(above)?;
        }
        match std::fs::DirBuilder::new().mode(options.directory_mode).create(root) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    /// Runs `work` with the root on a thread of the disk.
    async fn with_root<T, F>(&self, operation: Operation, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Arc<OpenRoot>) -> Result<T> + Send + 'static,
    {
        let root = Arc::clone(&self.root);
        self.threads.run(operation, move || work(&root.current()?)).await?
    }

    /// The same for long work, which ends when no task waits for it.
    async fn with_root_while_wanted<T, F>(&self, operation: Operation, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Arc<OpenRoot>, &Wanted) -> Result<T> + Send + 'static,
    {
        let root = Arc::clone(&self.root);
        while_wanted(&self.threads, operation, move |wanted| work(&root.current()?, wanted)).await?
    }
}

#[async_trait]
impl Storage for LocalStorage {
    fn capabilities(&self) -> Capabilities {
        Capabilities::DISK
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        let path = path.clone();
        let look = move |root: &Arc<OpenRoot>| following(root, &path, Last::Keep, |path| stat(root, path));
        self.with_root(Operation::Stat, look).await
    }

    /// A directory that can't be read is of no use.
    async fn enter(&self, path: &StoragePath) -> Result<()> {
        let path = path.clone();
        self.with_root(Operation::Stat, move |root| {
            following(root, &path, Last::Follow, |path| {
                let directory = open_directory(root, path)?;
                // To read its names is one right, to use them is another.
                let used = directory.entries().and_then(|_| directory.metadata("."));
                used.map(drop).map_err(|error| Error::from_io(path, error))
            })
        })
        .await
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        let path = path.clone();
        let threads = self.threads.clone();
        let begun = self.with_root(Operation::List, move |root| {
            following(root, &path, Last::Follow, |path| {
                let begun = listing::begin(Arc::clone(root), &open_directory(root, path)?, path.clone())?;
                Ok(OfDisk::new(begun, &threads))
            })
        });
        Ok(listing::stream(begun.await?))
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        let (path, threads) = (path.clone(), self.threads.clone());
        self.with_root(Operation::Open, move |root| {
            let body = following(root, &path, Last::Follow, |path| open(root, path, range, &threads))?;
            match body.content {
                // Changing threads again for these few bytes would take longer than reading them.
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
        let path = path.clone();
        let sync = self.options.sync;
        let new = NewFile { unnamed: self.unnamed, mode: self.options.file_mode };
        let threads = self.threads.clone();
        let upload = self.with_root_while_wanted(Operation::Begin, move |root, wanted| {
            let path = match mode {
                CreateMode::New | CreateMode::Replace | CreateMode::Resume(0) => path,
                CreateMode::Append | CreateMode::Resume(_) => links::file_behind(root, &path)?,
            };
            following(root, &path, Last::Keep, |path| {
                let begin = Begin { root: Arc::clone(root), path: path.clone(), mode, sync, new };
                upload::LocalUpload::start(begin, threads.clone(), wanted)
            })
        });
        Ok(Box::new(upload.await?))
    }

    async fn available(&self) -> Result<Option<u64>> {
        self.with_root(Operation::Available, |root| {
            let space =
                rustix::fs::fstatvfs(&***root).map_err(|e| Error::from_io(&StoragePath::root(), e.into()))?;
            // Space that is reserved for the superuser is not for files.
            Ok(Some(space.f_bavail.saturating_mul(space.f_frsize)))
        })
        .await
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        let path = path.clone();
        self.with_root(Operation::Remove, move |root| {
            following(root, &path, Last::Keep, |path| {
                if own_metadata(root, path)?.is_dir() {
                    return Err(Error::new(ErrorKind::IsADirectory, path));
                }
                let (base, rest) = located(root, path)?;
                confirm_wanted()?;
                base.remove_file(rest).map_err(|error| not_removed(root, path, error))
            })
        })
        .await
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        let path = path.clone();
        let LocalOptions { sync, directory_mode, .. } = self.options;
        self.with_root(Operation::MakeDirectory, move |root| {
            if path.is_root() {
                return Err(Error::new(ErrorKind::AlreadyExists, &path));
            }
            following(root, &path, Last::Keep, |path| {
                let (parent, name) = parent_of(root, path)?;
                if is_reserved(name) {
                    return Err(Error::new(ErrorKind::InvalidName, path));
                }
                confirm_wanted()?;
                parent
                    .create_dir_with(name, cap_std::fs::DirBuilder::new().mode(directory_mode))
                    .map_err(|error| Error::from_io(path, error))?;
                if sync { sync_directory(&parent, path) } else { Ok(()) }
            })
        })
        .await
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        let path = path.clone();
        self.with_root(Operation::Remove, move |root| {
            if path.is_root() {
                return Err(Error::new(ErrorKind::PermissionDenied, &path));
            }
            following(root, &path, Last::Keep, |path| remove_directory(root, path))
        })
        .await
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        let (from, to) = (from.clone(), to.clone());
        let sync = self.options.sync;
        self.with_root(Operation::Rename, move |root| rename::rename(root, &from, &to, replace, sync)).await
    }

    async fn may_move(&self, path: &StoragePath) -> Result<()> {
        let path = path.clone();
        self.with_root(Operation::Stat, move |root| {
            following(root, &path, Last::Keep, |path| {
                let (directory, name) = parent_of(root, path)?;
                if mountpoints::is_at(&directory, name) { Err(mountpoints::refusal(path)) } else { Ok(()) }
            })
        })
        .await
    }

    async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        let path = path.clone();
        self.with_root(Operation::SetAttributes, move |root| {
            following(root, &path, Last::Follow, |path| attributes::set_modified(root, path, modified))
        })
        .await
    }

    fn keeps_modes(&self) -> bool {
        true
    }

    async fn set_mode(&self, path: &StoragePath, mode: u32) -> Result<()> {
        let path = path.clone();
        self.with_root(Operation::SetAttributes, move |root| {
            following(root, &path, Last::Follow, |path| attributes::set_mode(root, path, mode))
        })
        .await
    }

    fn partials(&self) -> Option<&dyn Partials> {
        Some(self)
    }

    fn disk(&self) -> Option<&DiskThreads> {
        Some(&self.threads)
    }

    async fn is_there(&self) -> Result<()> {
        let root = Arc::clone(&self.root);
        self.threads.look(move || root.current().map(drop)).await?
    }

    async fn sweep(&self) -> Result<u64> {
        self.with_root(Operation::Sweep, |root| match sweep(root) {
            // A root that can only be read holds no temporary files.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(0),
            swept => swept.map_err(|error| Error::from_io(&StoragePath::root(), error)),
        })
        .await
    }

    /// Reads and hashes on one thread, without passing each block to another.
    async fn digest(
        &self,
        path: &StoragePath,
        algorithm: DigestAlgorithm,
        range: ByteRange,
    ) -> Result<Vec<u8>> {
        let (path, threads) = (path.clone(), self.threads.clone());
        self.with_root_while_wanted(Operation::Digest, move |root, wanted| {
            let body = following(root, &path, Last::Follow, |path| open(root, path, range, &threads))?;
            let mut digest = Digest::new(algorithm);
            if let Content::File(slice) = body.content {
                let each = |block: &[u8]| {
                    digest.update(block);
                    wanted.check()
                };
                slice.for_each_block(each).map_err(|error| error.at(&path))?;
            }
            Ok(digest.finish())
        })
        .await
    }
}

fn metadata_of(entry: &cap_std::fs::Metadata) -> Metadata {
    let modified = entry.modified().ok().map(cap_std::time::SystemTime::into_std);
    if entry.is_dir() {
        return Metadata::directory(modified);
    }
    let kind = if entry.is_file() { EntryKind::File } else { EntryKind::Other };
    let metadata = Metadata { kind, ..Metadata::file(entry.len(), modified) };
    let changed = (entry.ctime(), entry.ctime_nsec(), entry.mtime(), entry.mtime_nsec());
    let made = entry.created().ok().map(cap_std::time::SystemTime::into_std);
    let mark = entry.is_file().then(|| mark_of(entry.ino(), made));
    Metadata { mark, ..metadata.with_version(&(entry.dev(), entry.ino(), entry.len(), changed)) }
}

/// The mark of a file by its inode number and the time when it was made, where the file system knows that: numbers are used again.
fn mark_of(inode: u64, made: Option<SystemTime>) -> u128 {
    let made = made.and_then(|made| made.duration_since(SystemTime::UNIX_EPOCH).ok());
    let nanoseconds = made.map_or(0, |made| made.as_nanos() & u128::from(u64::MAX));
    u128::from(inode) << 64 | nanoseconds
}

/// Follows links. A link that is dangling or leads out of the root is an entry that can only be listed and removed.
fn stat(root: &OpenRoot, path: &StoragePath) -> Result<Metadata> {
    followed(root, path, &own_metadata(root, path)?)
}

/// Makes the names in a directory durable.
fn sync_directory(directory: &Dir, path: &StoragePath) -> Result<()> {
    disk::sync_names(directory).map_err(|error| Error::from_io(path, error))
}

#[cfg(test)]
#[path = "local_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "links_tests.rs"]
mod links_tests;
