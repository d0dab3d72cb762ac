//! Uploads into a local directory.
//!
//! What arrives is kept in a file without a name. At the end that file gets its name, or, if it holds what comes behind the
//! end of another one, is [put there](super::append).

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use cap_std::fs::Dir;
use rustix::fs::{AtFlags, RenameFlags, linkat, renameat, renameat_with, unlinkat};
use rustix::io::Errno;
use tokio::task::JoinHandle;

use super::append::{self, FileId};
use super::links::followed;
use super::root::OpenRoot;
use super::temporary::{self, HiddenName, is_reserved};
use super::{NAMES, metadata_of, open, parent_of, standing_at, sync_directory};
use crate::stream::blocking;
use crate::turns::Turn;
use crate::{
    ByteRange, CHUNK_SIZE, Content, CreateMode, Error, ErrorKind, FileSlice, Metadata, Result, StoragePath,
    Upload,
};

/// What is known of an upload besides its bytes.
struct Target {
    root: Arc<OpenRoot>,
    directory: Dir,
    path: StoragePath,
    sync: bool,
    hidden: Option<HiddenName>,
    base: Base,
}

/// What an upload makes of what stands under its name.
#[derive(Clone, Copy)]
enum Base {
    /// Nothing may stand there.
    Nothing,
    Anything,
    /// The file begins with a copy of this one, which must still stand there.
    Copy {
        file: FileId,
        version: u64,
    },
    /// The file holds what comes behind the end of what stands there. If there is a version, it must still be that.
    End {
        version: Option<u64>,
    },
}

/// How often an append looks again for its file when that is replaced at every look.
const LOOKS: usize = 100;

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
        root: Arc<OpenRoot>,
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
        let own = standing_at(&directory, name).map_err(io)?;
        if let Some(own) = &own
            && followed(&root, &path, own)?.is_directory()
        {
            return Err(Error::new(ErrorKind::IsADirectory, &path));
        }
        let existing = own.is_some().then(|| directory.metadata(name).ok()).flatten();
        if own.is_some() && mode == CreateMode::New {
            return Err(Error::new(ErrorKind::AlreadyExists, &path));
        }
        let (base, kept) = match mode {
            CreateMode::New => (Base::Nothing, None),
            CreateMode::Replace | CreateMode::Resume(0) => (Base::Anything, None),
            CreateMode::Append => {
                // Better told now than when all has arrived.
                if own.is_some()
                    && let Err(error) = append::open(&root, &path)
                    && error.kind() != ErrorKind::NotFound
                {
                    return Err(error);
                }
                (Base::End { version: None }, None)
            }
            CreateMode::Resume(offset) => resumed(&root, &path, offset)?,
        };

        let anonymous = if unnamed { temporary::unnamed(&directory).map_err(io)? } else { None };
        let (mut file, hidden) = match anonymous {
            Some(file) => (file, None),
            None => {
                let (file, hidden) = temporary::named(&root, &directory).map_err(io)?;
                (file, Some(hidden))
            }
        };
        if let (Some(existing), Base::Nothing | Base::Anything | Base::Copy { .. }) = (&existing, base) {
            // Whoever replaces the content of a file doesn't expect to change who may read it.
            let mode = cap_std::fs::PermissionsExt::mode(&existing.permissions());
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode & 0o777);
            file.set_permissions(mode).map_err(io)?;
        }
        if let Some(slice) = kept {
            // The kernel copies, or shares the blocks, without the bytes passing through here.
            let mut source = io::Read::take(&slice.file, slice.length);
            let copied = io::copy(&mut source, &mut file).map_err(io)?;
            if copied != slice.length {
                let reason = "the file became shorter while it was copied";
                return Err(Error::with_source(ErrorKind::Conflict, &path, reason));
            }
        }
        let target = Target { root, directory, path, sync, hidden, base };
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
        let Self { mut target, waiting, .. } = *self;
        let mut turn = match target.base {
            Base::Copy { file, .. } => Some((file, append::turn(file).await)),
            Base::Nothing | Base::Anything | Base::End { .. } => None,
        };
        // Most files are small: to change threads once for the bytes and once for the name would take longer than both.
        let mut waiting = Some(waiting);
        for _ in 0..LOOKS {
            let bytes = waiting.take();
            let attempt = move || {
                if let Some(bytes) = bytes {
                    write_all(&mut file, &bytes).map_err(|error| Error::from_io(&target.path, error))?;
                }
                let published = target.publish(&file, turn)?;
                Ok::<_, Error>((published, target, file))
            };
            let published;
            (published, target, file) = blocking(attempt).await??;
            turn = match published {
                Published::As(metadata) => return Ok(metadata),
                Published::Again => None,
                Published::After(file) => Some((file, append::turn(file).await)),
            };
        }
        let reason = "it was replaced again and again";
        Err(Error::with_source(ErrorKind::Conflict, &target.path, reason))
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

/// What a resumed upload goes on from: what it is copied to, or what it is put behind.
fn resumed(root: &Dir, path: &StoragePath, offset: u64) -> Result<(Base, Option<FileSlice>)> {
    let body = open(root, path, ByteRange { offset: 0, length: Some(offset) })?;
    ByteRange::from_offset(offset).length_in(body.metadata.size, path)?;
    let (Content::File(slice), Some(version)) = (body.content, body.metadata.version) else {
        return Err(Error::with_source(ErrorKind::Other, path, "not a file of a disk"));
    };
    // What lies behind the offset would be lost with a crash, and readers of it would see a mixture: that is copied instead.
    if offset == body.metadata.size && append::open(root, path).is_ok() {
        return Ok((Base::End { version: Some(version) }, None));
    }
    let found = slice.file.metadata().map_err(|error| Error::from_io(path, error))?;
    Ok((Base::Copy { file: (found.dev(), found.ino()), version }, Some(slice)))
}

/// What came of an attempt to publish.
enum Published {
    As(Metadata),
    /// The name stands for another file than a moment ago.
    Again,
    /// Somebody else has the turn at this file.
    After(FileId),
}

impl Target {
    /// Makes what the file holds visible. Blocks.
    fn publish(&mut self, file: &File, turn: Option<(FileId, Turn)>) -> Result<Published> {
        // Below a disk that was mounted meanwhile, or in a directory that was removed, nobody would find the file.
        self.root.confirm()?;
        if let Base::End { version } = self.base {
            match append::open(&self.root, &self.path) {
                Ok((end, id)) => return self.put_behind(file, &end, id, version, turn),
                // A new file, then.
                Err(error) if error.kind() == ErrorKind::NotFound && version.is_none() => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(Error::new(ErrorKind::Conflict, &self.path));
                }
                Err(error) => return Err(error),
            }
        }
        self.give_name_to(file)
    }

    fn put_behind(
        &self,
        tail: &File,
        end: &File,
        id: FileId,
        version: Option<u64>,
        turn: Option<(FileId, Turn)>,
    ) -> Result<Published> {
        let turn = turn.filter(|(of, _)| *of == id).map(|(_, turn)| turn);
        let Some(_turn) = turn.or_else(|| append::turn_now(id)) else { return Ok(Published::After(id)) };
        let Self { root, directory, path, sync, .. } = self;
        let place = append::Place { root, directory, path, sync: *sync };
        // While others had their turn, it may have got another name, or none.
        if append::open(root, path).is_ok_and(|(_, now)| now == id) {
            return place.put_behind(end, tail, version).map(Published::As);
        }
        Ok(Published::Again)
    }

    /// Gives the file its name.
    fn give_name_to(&mut self, file: &File) -> Result<Published> {
        let path = self.path.clone();
        let io = |error| Error::from_io(&path, error);
        if self.sync {
            file.sync_all().map_err(io)?;
        }
        match self.give_name(file, path.name().unwrap_or_default())? {
            Ok(()) => {}
            // Somebody else has made it meanwhile.
            Err(Errno::EXIST) if matches!(self.base, Base::End { .. }) => return Ok(Published::Again),
            Err(Errno::EXIST) => return Err(Error::new(ErrorKind::AlreadyExists, &path)),
            Err(error) => return Err(io(error.into())),
        }
        if self.sync {
            sync_directory(&self.directory, &path)?;
        }
        let found = file.metadata().map_err(io)?;
        Ok(Published::As(metadata_of(&cap_std::fs::Metadata::from_just_metadata(found))))
    }

    /// Whether a file that stands there is replaced.
    fn replaces(&self, name: &str) -> bool {
        match self.base {
            Base::Nothing => false,
            Base::Anything | Base::Copy { .. } => true,
            // A link that leads nowhere is no file to go on from.
            Base::End { .. } => self.directory.symlink_metadata(name).is_ok_and(|found| found.is_symlink()),
        }
    }

    fn give_name(&mut self, file: &File, name: &str) -> Result<Result<(), Errno>> {
        let (_alone, _with_others);
        match self.base {
            Base::Copy { version, .. } => {
                _alone = NAMES.write().unwrap_or_else(PoisonError::into_inner);
                let found = match self.directory.metadata(name) {
                    Ok(found) => metadata_of(&found).version,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                    Err(error) => return Err(Error::from_io(&self.path, error)),
                };
                if found != Some(version) {
                    return Err(Error::new(ErrorKind::Conflict, &self.path));
                }
            }
            _ => _with_others = NAMES.read().unwrap_or_else(PoisonError::into_inner),
        }
        let replace = self.replaces(name);
        Ok(match self.hidden.take() {
            Some(hidden) => self.rename(hidden, name, replace),
            None => match temporary::link(file, &self.directory, name) {
                Err(Errno::EXIST) if replace => {
                    let hidden = temporary::link_hidden(file, &self.root, &self.directory)
                        .map_err(|error| Error::from_io(&self.path, error))?;
                    self.rename(hidden, name, replace)
                }
                linked => linked,
            },
        })
    }

    fn rename(&mut self, hidden: HiddenName, name: &str, replace: bool) -> Result<(), Errno> {
        let hidden = self.hidden.insert(hidden);
        let (from, to) = (&hidden.directory, &self.directory);
        if replace {
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
