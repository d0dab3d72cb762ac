//! An upload as its user sees it.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{self, FutureExt};
use wharf_backends::{
    Beside, CreateMode, Error, ErrorKind, Intake, Metadata, Result, Storage, StoragePath, Supply, Upload,
};

use super::layers::{Change, Layers, Operation, Slot, Tap, ended};
use super::partials::Owned;
use super::standing::{self, Standing};
use super::view::denied;
use super::{Guest, Room, Site, changes};

/// An upload whose errors name the path that the user knows.
pub(super) struct ViewUpload {
    pub(super) upload: Box<dyn Upload>,
    pub(super) path: StoragePath,
    /// The user may not overwrite.
    pub(super) only_new: bool,
    /// It was to be an append, and is an upload that goes on from what stood there.
    pub(super) appends: bool,
    /// Whose it is, if it may be kept.
    pub(super) kept: Keeper,
    /// Where it goes to, and what it is called there.
    pub(super) storage: Arc<dyn Storage>,
    pub(super) stored_at: StoragePath,
}

/// Whose an upload is that may be kept, for as long as nobody knows what became of it.
pub(super) struct Keeper(Option<Owned>);

impl Keeper {
    pub(super) fn new(owned: Option<Owned>) -> Self {
        Self(owned)
    }

    fn ends(mut self) -> Option<Owned> {
        self.0.take()
    }
}

impl Drop for Keeper {
    /// As if the server had been killed: what has arrived may be kept.
    fn drop(&mut self) {
        if let Some(owned) = &self.0 {
            owned.is_doubtful();
        }
    }
}

#[async_trait]
impl Upload for ViewUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let Self { upload, path, only_new, .. } = self;
        upload.write(bytes).await.map_err(|error| upload_error(error, path, *only_new))
    }

    async fn intake(&mut self, supply: Supply) -> Result<Intake> {
        self.upload.intake(supply).await.map_err(|error| error.at(&self.path))
    }

    fn mark(&mut self) -> Option<u128> {
        self.upload.mark()
    }

    async fn prepare(&mut self, beside: Option<Box<dyn Beside>>) -> Result<()> {
        let Self { upload, path, only_new, .. } = self;
        upload.prepare(beside).await.map_err(|error| upload_error(error, path, *only_new))
    }

    async fn finish(self: Box<Self>) -> Result<Metadata> {
        let Self { upload, path, only_new, appends, kept, storage, stored_at } = *self;
        let finished = upload.finish().await;
        changes::note(&storage, &stored_at);
        match (&finished, kept) {
            (Ok(_), kept) => kept.ends().iter().for_each(|owned| owned.key.is_over()),
            // What could not be finished may be there still.
            (Err(_), kept) => drop(kept),
        }
        finished.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists | ErrorKind::Conflict if appends => standing::changed(&path),
            _ => upload_error(error, &path, only_new),
        })
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        let Self { upload, path, kept, .. } = *self;
        let aborted = upload.abort().await;
        if aborted.is_ok() {
            kept.ends();
        }
        aborted.map_err(|error| error.at(&path))
    }

    async fn leave(self: Box<Self>) -> Result<Option<u64>> {
        let Self { upload, path, kept, storage, stored_at, .. } = *self;
        let left = upload.leave().await;
        changes::note(&storage, &stored_at);
        if let (Ok(bytes), Some(owned)) = (&left, left.is_ok().then(|| kept.ends()).flatten()) {
            owned.changes(None, *bytes);
        }
        left.map_err(|error| error.at(&path))
    }
}

/// An upload that passes the limits and the layers of a visit.
pub struct LayeredUpload {
    upload: Box<dyn Upload>,
    guest: Arc<Guest>,
    layers: Layers,
    path: StoragePath,
    mode: CreateMode,
    taps: Vec<Box<dyn Tap>>,
    /// What it goes on with, if a layer has to see that, too.
    standing: Option<Standing>,
    room: Room,
    /// Where it is stored.
    site: Site,
    /// By what its file is recognised, if somebody has to know right before its end.
    followed: Option<Option<u128>>,
    is_kept: bool,
}

/// An upload whose line broke, and which is kept.
pub(crate) struct Left {
    /// What stands under its name for everybody else.
    pub(crate) old: Option<Metadata>,
}

/// What has to be known of the place of an upload when it ends.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// What it goes on with, if a layer has to see that, too.
    pub(super) standing: Option<Standing>,
    /// Where it is stored.
    pub(super) site: Site,
    /// Whether somebody has to know of it right before its end.
    pub(super) is_followed: bool,
    /// Whether it is kept if its line breaks.
    pub(super) is_kept: bool,
}

impl LayeredUpload {
    pub(super) fn new(
        mut upload: Box<dyn Upload>,
        guest: Arc<Guest>,
        layers: Layers,
        path: StoragePath,
        mode: CreateMode,
        room: Room,
        surroundings: Surroundings,
    ) -> Self {
        let Surroundings { standing, site, is_followed, is_kept } = surroundings;
        let mut taps = layers.taps(&guest, Operation::Store(&path, mode));
        if let Some(standing) = &standing {
            taps.iter_mut().for_each(|tap| tap.stands(standing));
        }
        let followed = is_followed.then(|| upload.mark());
        Self { upload, guest, layers, path, mode, taps, standing, room, site, followed, is_kept }
    }

    /// Whether it is kept if its line breaks.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// The room for its bytes: whoever puts some straight into a file takes it first. What is written has its room.
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// As [`leave`](Upload::leave); what is there to know of it later, if it is kept.
    ///
    /// # Errors
    /// Those.
    pub(crate) async fn leave_for_later(self: Box<Self>) -> Result<Option<Left>> {
        let site = self.site.clone();
        if self.leave().await?.is_none() {
            return Ok(None);
        }
        // Who comes back may find another file, which somebody has made of what is kept.
        Ok(Some(Left { old: site.storage.stat(&site.stored_at).await.ok() }))
    }
}

#[async_trait]
impl Upload for LayeredUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.room.take(bytes.len(), &self.path)?;
        if self.taps.is_empty() {
            return self.upload.write(bytes).await;
        }
        // Neither waits for the other: what is stored of a file that a tap refuses is never visible.
        let Self { upload, taps, .. } = self;
        let seen = async {
            for tap in taps {
                tap.bytes(&bytes).await?;
            }
            Ok(())
        };
        let (seen, written) = future::join(seen, upload.write(bytes.clone())).await;
        seen.and(written)
    }

    async fn intake(&mut self, supply: Supply) -> Result<Intake> {
        // What goes straight into a file is seen by nobody here.
        let supply = if self.taps.is_empty() { supply } else { Supply::Bytes };
        self.upload.intake(supply).await
    }

    async fn finish(self: Box<Self>) -> Result<Metadata> {
        let Self { upload, guest, layers, path, mode, taps, standing, site, followed, .. } = *self;
        let followed = followed.map(|mark| (site, mark));
        let completed = async {
            complete(taps).await?;
            let Some(standing) = &standing else { return Ok(None) };
            let turn = standing.turn().await;
            standing.is_as_it_was().await?;
            Ok(turn)
        };
        let finished = match completed.await {
            Ok(_turn) => end(upload, &guest, &layers, followed, Operation::Store(&path, mode)).await,
            Err(refusal) => {
                give_up(upload, &path).await;
                Err(refusal)
            }
        };
        layers.after(&guest, Operation::Store(&path, mode), finished.as_ref().map(drop));
        finished
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.upload.abort().await
    }

    async fn leave(self: Box<Self>) -> Result<Option<u64>> {
        let Self { upload, guest, path, .. } = *self;
        let left = upload.leave().await;
        if let Ok(Some(bytes)) = &left {
            guest.journal().upload_kept(&path, *bytes);
        }
        left
    }
}

/// Makes the file visible, with those who have to know of it before.
async fn end(
    mut upload: Box<dyn Upload>,
    guest: &Guest,
    layers: &Layers,
    followed: Option<(Site, Option<u128>)>,
    operation: Operation<'_>,
) -> Result<Metadata> {
    let Some((site, mark)) = followed else { return upload.finish().await };
    let slot = Slot::default();
    let change = Change { operation, site: &site, from: None, mark, slot: Some(&slot) };
    let mut changing = pin!(layers.changing(guest, &change));
    // The disk has both to keep: at once, they share what it takes. Most often this task is woken once for both.
    let begun = changing.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let pending = async {
        match begun {
            Poll::Ready(pending) => pending,
            Poll::Pending => changing.await,
        }
    };
    let preparing = upload.prepare(slot.close());
    let (prepared, pending) = if mark.is_some() {
        match preparing.await {
            Ok(()) => (Ok(()), pending.await),
            // A disk that hangs may have what the other one waits for.
            Err(failure) => (Err(failure), pending.now_or_never().unwrap_or_else(|| Ok(Vec::new()))),
        }
    } else {
        future::join(preparing, pending).await
    };
    let pending = match (prepared, pending) {
        (Err(failure), Ok(pending)) => {
            // Nothing is visible, whatever the failure says of the disk.
            ended(pending, Err(&Error::new(ErrorKind::Other, &site.path)));
            Err(failure)
        }
        (prepared, pending) => prepared.and(pending),
    };
    match pending {
        Ok(pending) => {
            let finished = upload.finish().await;
            ended(pending, finished.as_ref().map(Some));
            finished
        }
        Err(refusal) => {
            give_up(upload, &site.path).await;
            Err(refusal)
        }
    }
}

async fn complete(taps: Vec<Box<dyn Tap>>) -> Result<()> {
    for mut tap in taps {
        tap.complete().await?;
    }
    Ok(())
}

/// Aborts an upload that somebody else has ended with an error.
async fn give_up(upload: Box<dyn Upload>, path: &StoragePath) {
    if let Err(cause) = upload.abort().await {
        let (path, cause) = (path.as_str(), cause.to_string());
        tracing::warn!(path, cause, "can't clean up after an upload that was refused");
    }
}

pub(super) fn upload_error(error: Error, path: &StoragePath, only_new: bool) -> Error {
    match error.kind() {
        // It was this view that asked for a new file.
        ErrorKind::AlreadyExists if only_new => {
            denied(path, "the file exists, and the user lacks the permission: overwrite")
        }
        _ => error.at(path),
    }
}
