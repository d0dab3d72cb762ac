//! What a user is told of one path.

use wharf_backends::{EntryKind, Metadata, Result, StoragePath};

use super::Permissions;
use super::entries::with_link;
use super::view::UserView;

impl UserView {
    /// What stands under a path. Needs `list`.
    ///
    /// # Errors
    /// As [`wharf_backends::Storage::stat`], and [`wharf_backends::ErrorKind::PermissionDenied`].
    pub async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        self.look(path, true).await
    }

    /// The same for a client that has asked for this very name, and nothing else: it goes by what it is told of an upload.
    ///
    /// # Errors
    /// As for [`stat`](Self::stat).
    pub async fn stat_named(&self, path: &StoragePath) -> Result<Metadata> {
        let place = self.authorize(path, Permissions::LIST)?;
        let partial = match self.mounts.is_fixed(path) {
            true => None,
            false => self.own_partial(&place, true).await.map_err(|error| error.at(path))?,
        };
        match partial {
            Some(partial) => Ok(partial),
            None => self.look(path, false).await,
        }
    }

    async fn look(&self, path: &StoragePath, sees_kept: bool) -> Result<Metadata> {
        let place = self.authorize(path, Permissions::LIST)?;
        if self.mounts.is_fixed(path) {
            return Ok(Metadata::directory(None));
        }
        if sees_kept
            && let Some(partial) = self.own_partial(&place, false).await.map_err(|error| error.at(path))?
        {
            return Ok(partial);
        }
        let found = place.storage().stat(&place.path).await.map_err(|error| error.at(path))?;
        Ok(with_link(place.mount, &place.path, found))
    }

    /// What is known of a file. Needs `list`, or `download`: whoever may have the file may know how long and how old it is. Who
    /// has the latter alone hears of nothing but files.
    ///
    /// # Errors
    /// As for [`stat`](Self::stat).
    pub async fn stat_file(&self, path: &StoragePath) -> Result<Metadata> {
        self.look_at_file(path, true).await
    }

    /// The same for who knows that nothing is kept there of an upload.
    ///
    /// # Errors
    /// As for [`stat`](Self::stat).
    pub async fn stat_stored_file(&self, path: &StoragePath) -> Result<Metadata> {
        self.look_at_file(path, false).await
    }

    async fn look_at_file(&self, path: &StoragePath, sees_kept: bool) -> Result<Metadata> {
        let place = self.authorize(path, Permissions::empty())?;
        if place.may(Permissions::LIST) {
            return self.look(path, sees_kept).await;
        }
        if sees_kept
            && let Some(partial) = self.own_partial(&place, false).await.map_err(|error| error.at(path))?
        {
            return Ok(partial);
        }
        if !place.may(Permissions::DOWNLOAD) {
            return self.look(path, sees_kept).await;
        }
        let is_file = |found: &Metadata| found.kind == EntryKind::File;
        match place.storage().stat(&place.path).await.map_err(|error| error.at(path))? {
            found if is_file(&found) && !self.mounts.is_fixed(path) => Ok(found),
            _ => self.look(path, sees_kept).await,
        }
    }
}
