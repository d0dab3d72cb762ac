//! Uploads into a local directory.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use cap_std::fs::Dir;
use rustix::fs::{AtFlags, RenameFlags, linkat, renameat, renameat_with, unlinkat};
use rustix::io::Errno;
use tokio::task::JoinHandle;

use super::temporary::{self, HiddenName, is_reserved};
use super::{metadata_of, open, parent_of, sync_directory};
use crate::stream::blocking;
use crate::{
    ByteRange, CHUNK_SIZE, Content, CreateMode, Error, ErrorKind, Metadata, Result, StoragePath, Upload,
};

/// What is known of an upload besides its bytes.
struct Target {
    root: Arc<Dir>,
    directory: Dir,
    path: StoragePath,
    replace: bool,
    sync: bool,
    hidden: Option<HiddenName>,
    /// The version of the file that this goes on from.
    kept: Option<u64>,
}

/// Held for writing while an append looks at what it goes on from and then replaces it, and for reading while anything
/// else is given its name, so that nothing comes between the two. Other processes are not kept out.
static NAMES: RwLock<()> = RwLock::new(());

pub(super) struct LocalUpload {
    target: Target,
    file: Written,
    /// Bytes that wait for the write that runs.
    waiting: Vec<Bytes>,
    waiting_bytes: usize,
}

/// The file is here, or with the thread that writes to it, or lost with an error.
enum Written {
    Idle(File),
    Busy(JoinHandle<io::Result<File>>),
    Failed,
}

impl LocalUpload {
    /// Blocks.
    pub(super) fn start(
        root: Arc<Dir>,
        path: StoragePath,
        mode: CreateMode,
        sync: bool,
        unnamed: bool,
    ) -> Result<Self> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::IsADirectory, &path));
        }
        if path.name().is_some_and(is_reserved) {
            return Err(Error::with_source(ErrorKind::InvalidName, &path, "the name is kept for uploads"));
        }
        let io = |error| Error::from_io(&path, error);
        let (directory, name) = parent_of(&root, &path)?;
        // The name itself and what it leads to: a link to a directory is one, a dangling link is replaced.
        let own = match directory.symlink_metadata(name) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io(error)),
        };
        let existing = own.is_some().then(|| directory.metadata(name).ok()).flatten();
        if existing.as_ref().is_some_and(|found| found.is_dir()) {
            return Err(Error::new(ErrorKind::IsADirectory, &path));
        }
        if own.is_some() && mode == CreateMode::New {
            return Err(Error::new(ErrorKind::AlreadyExists, &path));
        }
        let kept = match mode {
            CreateMode::New | CreateMode::Replace | CreateMode::Resume(0) => None,
            CreateMode::Append if existing.is_none() => None,
            CreateMode::Append => Some(open(&root, &path, ByteRange::ALL)?),
            CreateMode::Resume(offset) => {
                let range = ByteRange { offset: 0, length: Some(offset) };
                let body = open(&root, &path, range)?;
                ByteRange::from_offset(offset).length_in(body.metadata.size, &path)?;
                Some(body)
            }
        };

        let anonymous = if unnamed { temporary::unnamed(&directory).map_err(io)? } else { None };
        let (mut file, hidden) = match anonymous {
            Some(file) => (file, None),
            None => {
                let (file, hidden) = temporary::named(&root, &directory).map_err(io)?;
                (file, Some(hidden))
            }
        };
        if let Some(existing) = &existing {
            // Whoever replaces the content of a file doesn't expect to change who may read it.
            let mode = cap_std::fs::PermissionsExt::mode(&existing.permissions());
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode & 0o777);
            file.set_permissions(mode).map_err(io)?;
        }
        let kept_version = kept.as_ref().and_then(|body| body.metadata.version);
        if let Some(Content::File(slice)) = kept.map(|body| body.content) {
            // The kernel copies, or shares the blocks, without the bytes passing through here.
            let mut source = io::Read::take(&slice.file, slice.length);
            let copied = io::copy(&mut source, &mut file).map_err(io)?;
            if copied != slice.length {
                let reason = "the file became shorter while it was copied";
                return Err(Error::with_source(ErrorKind::Conflict, &path, reason));
            }
        }
        let replace = mode != CreateMode::New;
        let target = Target { root, directory, path, replace, sync, hidden, kept: kept_version };
        Ok(Self { target, file: Written::Idle(file), waiting: Vec::new(), waiting_bytes: 0 })
    }

    fn error(&self, error: io::Error) -> Error {
        Error::from_io(&self.target.path, error)
    }

    /// Waits for the write that runs, and takes the file.
    async fn idle(&mut self) -> Result<File> {
        match std::mem::replace(&mut self.file, Written::Failed) {
            Written::Idle(file) => Ok(file),
            Written::Busy(writing) => match writing.await {
                Ok(written) => written.map_err(|error| self.error(error)),
                Err(panic) => Err(self.error(io::Error::other(panic))),
            },
            Written::Failed => Err(self.error(io::Error::other("an earlier write failed"))),
        }
    }

    /// Hands what waits to a thread that writes it while more arrives.
    async fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut file = self.idle().await?;
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        self.file = Written::Busy(tokio::task::spawn_blocking(move || {
            write_all(&mut file, &waiting)?;
            Ok(file)
        }));
        Ok(())
    }
}

#[async_trait]
impl Upload for LocalUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if matches!(self.file, Written::Failed) {
            return self.idle().await.map(drop);
        }
        self.waiting_bytes += bytes.len();
        self.waiting.push(bytes);
        if self.waiting_bytes >= CHUNK_SIZE { self.flush().await } else { Ok(()) }
    }

    async fn file(&mut self) -> Result<Option<File>> {
        self.flush().await?;
        let file = self.idle().await?;
        let handle = file.try_clone();
        self.file = Written::Idle(file);
        // Out of descriptors: what calls `write` needs no further one.
        Ok(handle.ok())
    }

    async fn finish(mut self: Box<Self>) -> Result<Metadata> {
        let mut file = self.idle().await?;
        let Self { target, waiting, .. } = *self;
        // Most files are small: to change threads once for the bytes and once for the name would take longer than both.
        blocking(move || {
            write_all(&mut file, &waiting).map_err(|error| Error::from_io(&target.path, error))?;
            target.publish(&file)
        })
        .await?
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.waiting.clear();
        // Not before the write that runs is over: it would go on using space after the reply.
        let _ = self.idle().await;
        let Self { target, .. } = *self;
        blocking(move || drop(target)).await
    }
}

fn write_all(file: &mut File, chunks: &[Bytes]) -> io::Result<()> {
    chunks.iter().try_for_each(|bytes| file.write_all(bytes))
}

impl Target {
    /// Gives the file its name. Blocks.
    fn publish(mut self, file: &File) -> Result<Metadata> {
        let path = self.path.clone();
        let io = |error| Error::from_io(&path, error);
        if self.sync {
            file.sync_all().map_err(io)?;
        }
        match self.give_name(file, path.name().unwrap_or_default())? {
            Ok(()) => {}
            Err(Errno::EXIST) => return Err(Error::new(ErrorKind::AlreadyExists, &path)),
            Err(error) => return Err(io(error.into())),
        }
        if self.sync {
            sync_directory(&self.directory, &path)?;
        }
        let found = file.metadata().map_err(io)?;
        Ok(metadata_of(&cap_std::fs::Metadata::from_just_metadata(found)))
    }

    fn give_name(&mut self, file: &File, name: &str) -> Result<Result<(), Errno>> {
        let (_alone, _with_others);
        match self.kept {
            Some(kept) => {
                _alone = NAMES.write().unwrap_or_else(PoisonError::into_inner);
                let found = self.directory.metadata(name).ok().and_then(|found| metadata_of(&found).version);
                if found != Some(kept) {
                    return Err(Error::new(ErrorKind::Conflict, &self.path));
                }
            }
            None => _with_others = NAMES.read().unwrap_or_else(PoisonError::into_inner),
        }
        Ok(match self.hidden.take() {
            Some(hidden) => self.rename(hidden, name),
            None => match temporary::link(file, &self.directory, name) {
                Err(Errno::EXIST) if self.replace => {
                    let hidden = temporary::link_hidden(file, &self.root, &self.directory)
                        .map_err(|error| Error::from_io(&self.path, error))?;
                    self.rename(hidden, name)
                }
                linked => linked,
            },
        })
    }

    fn rename(&self, mut hidden: HiddenName, name: &str) -> Result<(), Errno> {
        let (from, to) = (&hidden.directory, &self.directory);
        if self.replace {
            renameat(from, &hidden.name, to, name)?;
            hidden.renamed = true;
            return Ok(());
        }
        match renameat_with(from, &hidden.name, to, name, RenameFlags::NOREPLACE) {
            // A hard link refuses an existing name on every file system that has links.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                linkat(from, &hidden.name, to, name, AtFlags::empty())?;
                let _ = unlinkat(from, &hidden.name, AtFlags::empty());
            }
            other => other?,
        }
        hidden.renamed = true;
        Ok(())
    }
}
