//! An upload that stays when it is left.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use rustix::fs::{FlockOperation, flock, renameat};

use super::super::append::FileId;
use super::super::disk;
use super::super::publish::write_all;
use super::super::target::{Begin, Target};
use super::super::temporary::HiddenName;
use super::super::upload::LocalUpload;
use super::slot::{Record, Slot};
use crate::partial::{Keeping, told};
use crate::stream::Wanted;
use crate::threads::{DiskThreads, OfDisk, Operation, step_of};
use crate::{Beside, Error, ErrorKind, Intake, Metadata, Result, StoragePath, Supply, Upload};

/// How much is copied before the next look whether somebody still waits.
const COPY: u64 = 64 * 1024 * 1024;

/// How long bytes wait for others before they are written: what is not in the file is lost with the server, and a file to which nothing
/// is added looks like one that was left.
const SOON: Duration = Duration::from_secs(1);

/// An upload whose bytes have a name from the beginning.
pub(super) struct PartialUpload {
    inner: LocalUpload,
    slot: OfDisk<Slot>,
    record: Record,
    file: FileId,
    path: StoragePath,
    /// When bytes were last written before there were many.
    flushed: Instant,
}

/// The start of an upload.
pub(super) enum Started {
    Partial(PartialUpload),
    /// There is no folder for names of ours: it is one like any other.
    Other(LocalUpload),
    /// An upload that is under way holds the bytes.
    Held,
}

impl Started {
    pub(super) fn into_upload(self, path: &StoragePath) -> Result<Box<dyn Upload>> {
        match self {
            Self::Partial(upload) => Ok(Box::new(upload)),
            Self::Other(upload) => Ok(Box::new(upload)),
            Self::Held => Err(Error::new(ErrorKind::Conflict, path)),
        }
    }
}

/// Begins one in place of what is kept. Blocks.
pub(super) fn begin(
    begin: Begin,
    path: &StoragePath,
    keeping: &Keeping,
    threads: &DiskThreads,
    wanted: &Wanted,
) -> Result<Started> {
    let io = |error: io::Error| Error::from_io(path, error);
    let (mut target, file) = Target::begin(begin, threads, wanted)?;
    let Some(file) = file else { return Err(Error::new(ErrorKind::Other, path)) };
    let slot = Slot::of(&target.root, &target.directory, &keeping.owner, path, true).ok().flatten();
    let Some(slot) = slot else {
        tracing::warn!(%path, "an upload can't be kept if its line breaks: there is no folder for it");
        return Ok(Started::Other(LocalUpload::of(target, file, threads)));
    };
    let record = Record::new(path, keeping, 0);
    slot.write(&record).map_err(io)?;
    let Some(hidden) = named(&mut target, &slot).map_err(io)? else {
        slot.remove_record();
        return Ok(Started::Other(LocalUpload::of(target, file, threads)));
    };
    target.hidden = Some(hidden);
    keep_record(&slot, &record).map_err(io)?;
    PartialUpload::started(target, file, slot, record, path, threads)
}

/// Writes the record again if it has gone: an older upload that ended may have taken it for its own.
fn keep_record(slot: &Slot, record: &Record) -> io::Result<()> {
    match slot.record()? {
        Some(_) => Ok(()),
        None => slot.write(record),
    }
}

/// Gives the file of an upload the name under which it stays; `None` if it is where no such names are.
fn named(target: &mut Target, slot: &Slot) -> io::Result<Option<HiddenName>> {
    let Some(mut hidden) = target.hidden.take() else { return Ok(None) };
    if disk::Mount::of(&hidden.directory)? != disk::Mount::of(&slot.folder)? {
        target.hidden = Some(hidden);
        return Ok(None);
    }
    renameat(&hidden.directory, &hidden.name, &slot.folder, &slot.data)?;
    hidden.renamed = true;
    slot.hidden().map(Some)
}

/// Goes on behind the first bytes of what is kept. If an upload that is under way holds them, they are copied, or not.
/// Blocks.
pub(super) fn resume(
    begin: Begin,
    (path, keeping, offset): (&StoragePath, &Keeping, u64),
    copies: bool,
    threads: &DiskThreads,
    wanted: &Wanted,
) -> Result<Started> {
    let io = |error: io::Error| Error::from_io(path, error);
    let missing = || Error::new(ErrorKind::NotFound, path);
    let (mut target, file) = Target::begin(begin, threads, wanted)?;
    let slot = Slot::of(&target.root, &target.directory, &keeping.owner, path, false).map_err(io)?;
    let slot = slot.ok_or_else(missing)?;
    let before = slot.record().map_err(io)?.ok_or_else(missing)?;
    let mut kept = slot.open().map_err(io)?.ok_or_else(missing)?;
    let is_free = flock(&kept, FlockOperation::NonBlockingLockExclusive).is_ok();
    if !is_free && !copies {
        return Ok(Started::Held);
    }
    let found = kept.metadata().map_err(io)?;
    // Another one has taken its place before it was locked.
    if is_free && !slot.is_of((found.dev(), found.ino())) {
        return Ok(Started::Held);
    }
    if offset > before.arrived(found.len(), found.modified().map_err(io)?) {
        return Err(Error::new(ErrorKind::InvalidRange, path));
    }
    let record = Record::new(path, keeping, before.synced.min(offset));
    slot.write(&record).map_err(io)?;
    if is_free {
        kept.set_len(offset).and_then(|()| kept.seek(SeekFrom::Start(offset))).map_err(io)?;
        // The file that was opened for new bytes ends with its name.
        target.hidden = Some(slot.hidden().map_err(io)?);
        return PartialUpload::started(target, kept, slot, record, path, threads);
    }
    let Some(mut file) = file else { return Err(Error::new(ErrorKind::Other, path)) };
    copy(&kept, &mut file, offset, path, wanted)?;
    let Some(hidden) = named(&mut target, &slot).map_err(io)? else { return Ok(Started::Held) };
    target.hidden = Some(hidden);
    keep_record(&slot, &record).map_err(io)?;
    PartialUpload::started(target, file, slot, record, path, threads)
}

/// The kernel copies, or shares the blocks.
fn copy(mut from: &File, to: &mut File, bytes: u64, path: &StoragePath, wanted: &Wanted) -> Result<()> {
    let mut left = bytes;
    while left > 0 {
        wanted.check()?;
        let piece = left.min(COPY);
        step_of(piece);
        let copied = io::copy(&mut io::Read::take(&mut from, piece), to);
        match copied.map_err(|error| Error::from_io(path, error))? {
            0 => return Err(Error::new(ErrorKind::InvalidRange, path)),
            copied => left -= copied,
        }
    }
    Ok(())
}

fn id_of(file: &File) -> io::Result<FileId> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

impl PartialUpload {
    fn started(
        target: Target,
        file: File,
        slot: Slot,
        record: Record,
        path: &StoragePath,
        threads: &DiskThreads,
    ) -> Result<Started> {
        let id = id_of(&file).map_err(|error| Error::from_io(path, error))?;
        let inner = LocalUpload::of(target, file, threads);
        let (slot, file) = (OfDisk::new(slot, threads), id);
        let (path, flushed) = (path.clone(), Instant::now());
        Ok(Started::Partial(Self { inner, slot, record, file, path, flushed }))
    }

    /// From now on, every write fails.
    #[cfg(test)]
    pub(super) async fn breaks(&mut self) {
        let file = self.inner.settled().await.unwrap();
        let threads = file.threads().clone();
        let to_read = {
            use std::os::fd::AsRawFd;
            format!("/proc/self/fd/{}", file.as_raw_fd())
        };
        self.inner.returned(OfDisk::new(File::open(to_read).unwrap(), &threads));
    }
}

#[async_trait]
impl Upload for PartialUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.inner.write(bytes).await?;
        if self.flushed.elapsed() >= SOON {
            self.flushed = Instant::now();
            self.inner.flush().await?;
        }
        Ok(())
    }

    async fn intake(&mut self, supply: Supply) -> Result<Intake> {
        self.inner.intake(supply).await
    }

    fn mark(&mut self) -> Option<u128> {
        self.inner.mark()
    }

    async fn prepare(&mut self, beside: Option<Box<dyn Beside>>) -> Result<()> {
        self.inner.prepare(beside).await
    }

    async fn finish(self: Box<Self>) -> Result<Metadata> {
        let Self { mut inner, slot, file, path, .. } = *self;
        let threads = slot.threads().clone();
        // While the bytes go to the disk they still have the name under which they stay: a server that is killed meanwhile loses
        // none of them.
        let mut bytes = inner.settled().await?;
        let waiting = inner.take_waiting();
        let sync = inner.target().sync;
        let at = path.clone();
        let (bytes, name) = threads
            .run(Operation::Finish, move || {
                let io = |error| Error::from_io(&at, error);
                write_all(&mut bytes, &waiting).map_err(io)?;
                if sync {
                    disk::sync(&*bytes).map_err(io)?;
                }
                let name = slot.take(file, &at)?;
                // Not later: a newer upload may begin, which writes one of its own.
                if let Err(error) = slot.remove_lone_record() {
                    tracing::debug!(path = %at, %error, "the record of an upload is left to the sweep");
                }
                Ok::<_, Error>((bytes, name))
            })
            .await
            .map_err(|error| error.at(&path))??;
        inner.returned(bytes);
        if let Some(hidden) = &mut inner.target_mut().hidden {
            (hidden.name, hidden.renamed) = (name, false);
        }
        Box::new(inner).finish().await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        let Self { inner, slot, file, path, .. } = *self;
        let threads = slot.threads().clone();
        let aborted = Box::new(inner).abort().await;
        let remove = move || slot.remove_own(file).map(drop);
        let removed = threads.run(Operation::Abort, remove).await.map_err(|error| error.at(&path))?;
        removed.map_err(|error| Error::from_io(&path, error)).and(aborted)
    }

    async fn leave(self: Box<Self>) -> Result<Option<u64>> {
        let Self { mut inner, slot, mut record, file, path, .. } = *self;
        let threads = slot.threads().clone();
        let bytes = inner.settled().await;
        let waiting = inner.take_waiting();
        let at = path.clone();
        let left = move || {
            // A newer upload has the name: there is nothing here to keep, and nothing to touch.
            if !slot.is_of(file) {
                return Ok(None);
            }
            let bytes = match bytes {
                Ok(mut bytes) => {
                    if let Err(error) = write_all(&mut bytes, &waiting) {
                        tracing::warn!(path = %at, %error, "the last bytes of an upload that was broken off are lost");
                    }
                    bytes.into_inner()
                }
                // A write has failed. What was written before is there; what came later has no place behind it any more.
                Err(_) => match slot.open()? {
                    Some(bytes) if id_of(&bytes)? == file => bytes,
                    _ => return Ok(None),
                },
            };
            let arrived = bytes.metadata()?.len();
            let Some(told) = told(arrived) else {
                slot.remove_own(file)?;
                return Ok(None);
            };
            disk::sync_data(&bytes)?;
            record.synced = arrived;
            slot.write(&record)?;
            Ok(Some(told))
        };
        let left = threads.run(Operation::Abort, left).await.map_err(|error| error.at(&path))?;
        let left = left.map_err(|error: io::Error| Error::from_io(&path, error));
        Box::new(inner).abort().await?;
        left
    }
}
