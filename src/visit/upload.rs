//! An upload as its user sees it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future;
use wharf_backends::{
    CreateMode, Error, ErrorKind, Intake, Metadata, Result, Storage, StoragePath, Supply, Upload,
};

use super::layers::{Change, Layers, Operation, Tap, ended};
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
    pub(super) owned: Option<Owned>,
    /// Where it goes to, and what it is called there.
    pub(super) storage: Arc<dyn Storage>,
    pub(super) stored_at: StoragePath,
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

    async fn prepare(&mut self) -> Result<()> {
        let Self { upload, path, only_new, .. } = self;
        upload.prepare().await.map_err(|error| upload_error(error, path, *only_new))
    }

    async fn finish(self: Box<Self>) -> Result<Metadata> {
        let Self { upload, path, only_new, appends, storage, stored_at, .. } = *self;
        let finished = upload.finish().await;
        changes::note(&storage, &stored_at);
        finished.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists | ErrorKind::Conflict if appends => standing::changed(&path),
            _ => upload_error(error, &path, only_new),
        })
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        let Self { upload, path, .. } = *self;
        upload.abort().await.map_err(|error| error.at(&path))
    }

    async fn leave(self: Box<Self>) -> Result<Option<u64>> {
        let Self { upload, path, owned, storage, stored_at, .. } = *self;
        let left = upload.leave().await;
        changes::note(&storage, &stored_at);
        if let (Ok(kept @ Some(_)), Some(owned)) = (&left, &owned) {
            owned.changes(None, *kept);
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
    /// Where it is stored, and by what its file is recognised, if somebody has to know right before its end.
    followed: Option<(Site, Option<u128>)>,
}

/// What has to be known of the place of an upload when it ends.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// What it goes on with, if a layer has to see that, too.
    pub(super) standing: Option<Standing>,
    /// Where it is stored, if somebody has to know right before its end.
    pub(super) site: Option<Site>,
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
        let Surroundings { standing, site } = surroundings;
        let mut taps = layers.taps(&guest, Operation::Store(&path, mode));
        if let Some(standing) = &standing {
            taps.iter_mut().for_each(|tap| tap.stands(standing));
        }
        let followed = site.map(|site| (site, upload.mark()));
        Self { upload, guest, layers, path, mode, taps, standing, room, followed }
    }

    /// The room for its bytes: whoever puts some straight into a file takes it first. What is written has its room.
    pub(crate) fn room(&self) -> &Room {
        &self.room
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
        let Self { upload, guest, layers, path, mode, taps, standing, followed, .. } = *self;
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
    let change = Change { operation, site: &site, from: None, mark };
    // The disk has both to keep: at once, they share what it takes.
    let (prepared, pending) = future::join(upload.prepare(), layers.changing(guest, &change)).await;
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
