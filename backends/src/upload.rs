//! The writes of the storage contract.

use std::fs::File;

use async_trait::async_trait;
use bytes::Bytes;

use crate::threads::OfDisk;
use crate::{Metadata, Result};

/// The ways in which a caller can pass on the next bytes of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supply {
    /// Only by [`Upload::write`]. A caller that has to see the bytes (to count or to scan them) offers only this.
    Bytes,
    /// Also by writing to a file, as the kernel does when it moves bytes from a socket.
    File,
}

/// The way in which an upload takes the next bytes. [`Upload::write`] always works, for as many bytes as are given
/// here; a file is an offer.
#[derive(Debug)]
pub enum Intake {
    /// By [`Upload::write`]. The upload keeps nothing in memory, so the next bytes may be read while others are
    /// written.
    Bytes,
    /// By [`Upload::write`], for this many bytes: there is room for them, and for no more. Read bytes from a client
    /// only after this, so that bytes that wait for room take no memory.
    Reserved(usize),
    /// A handle on the file with all bytes so far: the next ones are written at its position. A failure to write there
    /// is a reason to abort. Only if [`Supply::File`] was offered.
    File(OfDisk<File>),
}

/// Something else that has to be on a disk before an upload may end. It blocks as long as a disk does, but not much longer than it
/// needs. If it is dropped before it was done, it is done elsewhere.
pub trait Beside: Send {
    /// The bytes of the upload are synced next.
    fn before(&mut self);

    /// The bytes of the upload are synced.
    fn after(&mut self);
}

/// A write that is not visible until it is finished.
///
/// A wrapper that does not implement [`intake`](Self::intake) sees every byte in [`write`](Self::write): bytes bypass a
/// wrapper only if it passes the offer of its caller on.
///
/// Dropping it is the same as [`abort`](Self::abort), without a way to learn of a failure.
#[async_trait]
pub trait Upload: Send {
    /// Takes the next bytes. It may return before they are stored, but keeps no more than a bounded amount.
    ///
    /// # Errors
    /// After an error the upload can only be aborted.
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Prepares for the next bytes, which may take a while, and returns the way in which they are taken.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    async fn intake(&mut self, supply: Supply) -> Result<Intake> {
        let _ = supply;
        Ok(Intake::Bytes)
    }

    /// What [`Metadata::mark`] of its file will be, so that somebody can ask later, after the end of this process too, whether it
    /// was finished. To be asked for before the first byte. `None` if its file will not be recognised: the backend keeps no
    /// marks, or the upload adds to a file that is there.
    fn mark(&mut self) -> Option<u128> {
        None
    }

    /// All bytes have come: does ahead what makes them durable, so that it can be done beside whatever else has to be done before
    /// the file is visible. Unless it is implemented, it does nothing; an upload that wraps another has to pass it on.
    ///
    /// A thread that syncs the bytes may do something else [beside](Beside) this. Where there is no such thread, it is dropped.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    async fn prepare(&mut self, beside: Option<Box<dyn Beside>>) -> Result<()> {
        drop(beside);
        Ok(())
    }

    /// Makes the whole file visible, durable to the backend's own promise, and returns its metadata.
    ///
    /// # Errors
    /// After an error the old entry is unchanged, unless the kind is [`Unavailable`](crate::ErrorKind::Unavailable): then the store or the
    /// disk was lost before it answered, and it is not known whether the old or the new file is there.
    async fn finish(self: Box<Self>) -> Result<Metadata>;

    /// Gives up: nothing of the upload becomes visible and nothing stays behind. Unless it is implemented, it only drops the
    /// upload; an upload that wraps another has to pass it on.
    ///
    /// # Errors
    /// The upload could not be cleaned up.
    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }

    /// Gives up because the line to whoever sent the bytes is lost: an upload of [`Partials`](crate::Partials) keeps them for its owner, and tells
    /// of how many its owner will hear. Any other upload is aborted, as is one that has nothing to keep.
    ///
    /// # Errors
    /// As for [`abort`](Self::abort).
    async fn leave(self: Box<Self>) -> Result<Option<u64>> {
        self.abort().await.map(|()| None)
    }
}
