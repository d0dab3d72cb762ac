//! An upload as its user sees it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use wharf_backends::{Error, ErrorKind, Intake, Metadata, Result, Storage, StoragePath, Supply, Upload};

use super::changes;
use super::view::denied;

/// An upload whose errors name the path that the user knows.
pub(super) struct ViewUpload {
    pub(super) upload: Box<dyn Upload>,
    pub(super) path: StoragePath,
    /// The user may not overwrite.
    pub(super) only_new: bool,
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

    async fn finish(self: Box<Self>) -> Result<Metadata> {
        let Self { upload, path, only_new, storage, stored_at } = *self;
        let finished = upload.finish().await;
        changes::note(&storage, &stored_at);
        finished.map_err(|error| upload_error(error, &path, only_new))
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        let Self { upload, path, .. } = *self;
        upload.abort().await.map_err(|error| error.at(&path))
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
