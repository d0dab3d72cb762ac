//! Uploads into a local directory.
//!
//! What arrives is kept in a file without a name. At the end that file gets its name, or, if it holds what comes behind the
//! end of another one, is [put there](super::append). Where that is stands in its [target](super::target).

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::JoinHandle;

use super::append;
use super::publish::{Published, Received};
use super::root::OpenRoot;
use super::target::{Base, Target};
use super::temporary::NewFile;
use crate::stream::{Wanted, blocking};
use crate::{CHUNK_SIZE, CreateMode, Error, ErrorKind, Metadata, Result, StoragePath, Upload};

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
    /// It is not needed yet: what is short is put behind the end of another one as it is.
    NotYet,
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
        new: NewFile,
        wanted: &Wanted,
    ) -> Result<Self> {
        let (target, file) = Target::begin(root, path, mode, sync, new, wanted)?;
        let file = file.map_or(Written::NotYet, Written::Idle);
        Ok(Self { target, file, waiting: Vec::new(), waiting_bytes: 0 })
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
            Written::NotYet => {
                let (opening, path) = (self.target.opening()?, self.target.path.clone());
                let opened = blocking(move || opening.open()).await?;
                Ok(self.target.take(opened.map_err(|error| Error::from_io(&path, error))?))
            }
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
        let mut received = match self.file {
            Written::NotYet => Received::Held(std::mem::take(&mut self.waiting)),
            _ => Received::File(self.idle().await?),
        };
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
                    received = received.complete(&bytes, &target)?;
                }
                let published = target.publish(&mut received, turn)?;
                Ok::<_, Error>((published, target, received))
            };
            let published;
            (published, target, received) = blocking(attempt).await??;
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
        if let Written::Busy(writing) = std::mem::replace(&mut self.file, Written::Failed) {
            let _ = writing.await;
        }
        let Self { target, .. } = *self;
        blocking(move || drop(target)).await
    }
}

pub(super) fn write_all(file: &mut File, chunks: &[Bytes]) -> io::Result<()> {
    chunks.iter().try_for_each(|bytes| file.write_all(bytes))
}
