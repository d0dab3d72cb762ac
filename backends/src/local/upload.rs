//! Uploads into a local directory.
//!
//! The plan. Arriving bytes are kept in a file without a name. At the end, this file gets the upload's name, or, for an
//! append, its bytes are [added](super::append) to the end of another file. The [target](super::target) says where.

use std::fs::File;
use std::io;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::append::{self, FileId};
use super::disk;
use super::publish::{Published, Received, write_all};
use super::target::{Base, Begin, Target};
use crate::stream::Wanted;
use crate::threads::{DiskThreads, Job, OfDisk, Operation, step};
use crate::turns::Turn;
use crate::{Beside, CHUNK_SIZE, Error, ErrorKind, Intake, Metadata, Result, Supply, Upload};

/// How often an append looks again for its file if the file is replaced at every look.
const LOOKS: usize = 100;

/// Chunks shorter than this are joined: a slow client sends many, and each may be a slice of a buffer that is much larger.
const SMALL: usize = 4 * 1024;

pub(super) struct LocalUpload {
    target: OfDisk<Target>,
    file: Written,
    /// Bytes that wait for the running write to end.
    waiting: Waiting,
    /// What its file will be recognised by, unless the bytes are added to another one.
    mark: Option<u128>,
}

/// Bytes that wait to be written.
#[derive(Default)]
struct Waiting {
    chunks: Vec<Bytes>,
    /// Those behind the chunks.
    small: BytesMut,
    bytes: usize,
}

impl Waiting {
    fn push(&mut self, bytes: Bytes) {
        self.bytes += bytes.len();
        if bytes.len() < SMALL {
            self.small.extend_from_slice(&bytes);
        } else {
            self.close_small();
            self.chunks.push(bytes);
        }
    }

    fn close_small(&mut self) {
        if !self.small.is_empty() {
            self.chunks.push(self.small.split().freeze());
        }
    }

    fn take(&mut self) -> Vec<Bytes> {
        self.close_small();
        self.bytes = 0;
        std::mem::take(&mut self.chunks)
    }
}

/// The file is here, or with the thread that writes to it, or lost after an error.
enum Written {
    /// No file is needed yet: few bytes are added to the end of another file directly.
    NotYet,
    Idle(OfDisk<File>),
    Busy(Job<io::Result<OfDisk<File>>>),
    Failed,
}

impl LocalUpload {
    /// Blocks.
    pub(super) fn start(begin: Begin, threads: DiskThreads, wanted: &Wanted) -> Result<Self> {
        let (target, file) = Target::begin(begin, &threads, wanted)?;
        let mark = match target.base {
            Base::End { .. } => None,
            Base::Nothing | Base::Anything | Base::Copy { .. } => file.as_ref().and_then(mark_of_file),
        };
        let file = file.map_or(Written::NotYet, |file| Written::Idle(OfDisk::new(file, &threads)));
        Ok(Self { target: OfDisk::new(target, &threads), file, waiting: Waiting::default(), mark })
    }

    /// One whose file is open already.
    pub(super) fn of(target: Target, file: File, threads: &DiskThreads) -> Self {
        let mark = mark_of_file(&file);
        let file = Written::Idle(OfDisk::new(file, threads));
        Self { target: OfDisk::new(target, threads), file, waiting: Waiting::default(), mark }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn target_mut(&mut self) -> &mut Target {
        &mut self.target
    }

    /// The file, when the running write has ended. Until it is [returned](Self::returned) nothing can be written.
    pub(super) async fn settled(&mut self) -> Result<OfDisk<File>> {
        self.idle().await
    }

    pub(super) fn returned(&mut self, file: OfDisk<File>) {
        self.file = Written::Idle(file);
    }

    /// The bytes that are not in the file yet.
    pub(super) fn take_waiting(&mut self) -> Vec<Bytes> {
        self.waiting.take()
    }

    fn error(&self, error: io::Error) -> Error {
        Error::from_io(&self.target.path, error)
    }

    fn failed(&self, reason: &'static str) -> Error {
        self.error(io::Error::other(reason))
    }

    /// Waits for the running write, and takes the file.
    async fn idle(&mut self) -> Result<OfDisk<File>> {
        match std::mem::replace(&mut self.file, Written::Failed) {
            Written::Idle(file) => Ok(file),
            Written::Busy(writing) => {
                let written = writing.await.map_err(|error| error.at(&self.target.path))?;
                written.map_err(|error| self.error(error))
            }
            Written::Failed => Err(self.failed("an earlier write failed")),
            Written::NotYet => {
                let (opening, threads) = (self.target.opening()?, self.target.threads().clone());
                let opened = {
                    let threads = threads.clone();
                    move || Ok(OfDisk::new(opening.open()?, &threads))
                };
                let opened =
                    threads.run(Operation::Write, opened).await?.map_err(|error| self.error(error))?;
                Ok(OfDisk::new(self.target.take(opened.into_inner()), &threads))
            }
        }
    }

    /// Passes waiting bytes to a thread that writes them while more arrive.
    pub(super) async fn flush(&mut self) -> Result<()> {
        if self.waiting.bytes == 0 {
            return Ok(());
        }
        let mut file = self.idle().await?;
        let waiting = self.waiting.take();
        let threads = file.threads().clone();
        self.file = Written::Busy(threads.begin(Operation::Write, move || {
            write_all(&mut file, &waiting)?;
            Ok(file)
        }));
        Ok(())
    }
}

#[async_trait]
impl Upload for LocalUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.target.is_synced = false;
        if matches!(self.file, Written::Failed) {
            return self.idle().await.map(drop);
        }
        self.waiting.push(bytes);
        if self.waiting.bytes >= CHUNK_SIZE { self.flush().await } else { Ok(()) }
    }

    async fn intake(&mut self, supply: Supply) -> Result<Intake> {
        if supply == Supply::Bytes {
            return Ok(Intake::Bytes);
        }
        self.flush().await?;
        self.target.is_synced = false;
        let file = self.idle().await?;
        let handle = file.try_clone().map(|handle| OfDisk::new(handle, file.threads()));
        self.file = Written::Idle(file);
        // No descriptors are left: the bytes can be written without a further one.
        Ok(handle.map_or(Intake::Bytes, Intake::File))
    }

    fn mark(&mut self) -> Option<u128> {
        self.mark
    }

    async fn prepare(&mut self, mut beside: Option<Box<dyn Beside>>) -> Result<()> {
        // What is added to the end of another file is synced there.
        if !self.target.sync || self.mark.is_none() {
            return Ok(());
        }
        let mut file = self.idle().await?;
        let waiting = self.waiting.take();
        let threads = file.threads().clone();
        let synced = move || {
            write_all(&mut file, &waiting)?;
            if let Some(beside) = &mut beside {
                beside.before();
                step();
            }
            disk::sync(&*file)?;
            if let Some(beside) = &mut beside {
                beside.after();
            }
            Ok(file)
        };
        let synced =
            threads.run(Operation::Finish, synced).await.map_err(|error| error.at(&self.target.path))?;
        self.file = Written::Idle(synced.map_err(|error| self.error(error))?);
        self.target.is_synced = true;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Metadata> {
        let received = match self.file {
            Written::NotYet => Received::Held(self.waiting.take()),
            _ => Received::File(self.idle().await?.into_inner()),
        };
        let Self { target, mut waiting, .. } = *self;
        let waiting = waiting.take();
        let (threads, path) = (target.threads().clone(), target.path.clone());
        let base = target.base;
        let ending = Ending { target: target.into_inner(), received, turn: None };
        let mut ending = OfDisk::new(ending, &threads);
        if let Base::Copy { file, .. } = base {
            ending.turn = Some(turn(&threads, file).await?);
        }
        // Most files are small: changing threads once for the bytes and once for the name would take longer than both.
        let mut waiting = Some(waiting);
        for _ in 0..LOOKS {
            let bytes = waiting.take();
            let own = threads.clone();
            // A complete file is closed there, before its client reads the reply: some disks (NFS, FUSE) keep a file
            // that is removed while it is open under another name.
            let attempt = move || {
                Ok::<_, Error>(match ending.into_inner().attempt(bytes)? {
                    (Published::As(metadata), _) => Attempted::Complete(metadata),
                    (Published::Again, ending) => Attempted::Again(OfDisk::new(ending, &own), None),
                    (Published::After(file), ending) => {
                        Attempted::Again(OfDisk::new(ending, &own), Some(file))
                    }
                })
            };
            let attempted = threads.run(Operation::Finish, attempt).await.map_err(|e| e.at(&path))??;
            let file;
            (ending, file) = match attempted {
                Attempted::Complete(metadata) => return Ok(metadata),
                Attempted::Again(ending, file) => (ending, file),
            };
            if let Some(file) = file {
                ending.turn = Some(turn(&threads, file).await?);
            }
        }
        let reason = "it was replaced again and again";
        Err(Error::with_source(ErrorKind::Conflict, &path, reason))
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.take_waiting();
        // Wait for the running write: otherwise it would go on using space after the reply.
        if let Written::Busy(writing) = std::mem::replace(&mut self.file, Written::Failed) {
            let _ = writing.await;
        }
        let Self { target, .. } = *self;
        let threads = target.threads().clone();
        threads.run(Operation::Abort, move || drop(target)).await
    }
}

/// An upload that is about to get its name.
struct Ending {
    target: Target,
    received: Received,
    /// The turn at a file that it extends.
    turn: Option<(FileId, Turn)>,
}

/// The result of an attempt to end an upload.
enum Attempted {
    Complete(Metadata),
    /// The end has to be tried again, in its turn at the file if there is one to wait for.
    Again(OfDisk<Ending>, Option<FileId>),
}

impl Ending {
    /// Blocks.
    fn attempt(mut self, bytes: Option<Vec<Bytes>>) -> Result<(Published, Self)> {
        if let Some(bytes) = bytes {
            self.received = self.received.complete(&bytes, &self.target)?;
        }
        let turn = self.turn.take();
        let published = self.target.publish(&mut self.received, turn)?;
        Ok((published, self))
    }
}

fn mark_of_file(file: &File) -> Option<u128> {
    let metadata = file.metadata().ok()?;
    super::metadata_of(&cap_std::fs::Metadata::from_just_metadata(metadata)).mark
}

/// The turn at a file; its holder may wait for a disk that does not answer.
async fn turn(threads: &DiskThreads, file: FileId) -> Result<(FileId, Turn)> {
    Ok((file, threads.unless_it_hangs(Operation::Finish, append::turn(file)).await?))
}
