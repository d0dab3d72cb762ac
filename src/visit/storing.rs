//! Storing files in a user's tree, with the directories that they need.

use std::sync::Arc;

use wharf_backends::{CreateMode, Error, ErrorKind, Result, StoragePath, Upload};

use super::quota::Hold;
use super::standing::Standing;
use super::upload::{ViewUpload, upload_error};
use super::view::{Place, UserView};
use super::{Permissions, copy};

/// An upload that was begun.
pub(crate) struct Begun {
    pub(crate) upload: Box<dyn Upload>,
    pub(crate) hold: Option<Hold>,
    /// What it goes on with, if that was asked for.
    pub(crate) standing: Option<Standing>,
}

impl UserView {
    /// Starts an upload, of which a client has announced so many bytes, or 0. Needs `upload` for a new file and `overwrite` to change
    /// one that exists. What is not written by [`Upload::write`] alone is taken from the hold before it is stored, if there is one.
    /// If somebody has to see the whole file, it tells what stands there already.
    ///
    /// # Errors
    /// As [`wharf_backends::Storage::create`], and [`ErrorKind::PermissionDenied`]; [`ErrorKind::QuotaExceeded`].
    pub(crate) async fn create(
        &self,
        path: &StoragePath,
        mode: CreateMode,
        announced: u64,
        shows_whole: bool,
    ) -> Result<Begun> {
        let place = self.authorize(path, Permissions::empty())?;
        if self.mounts.is_fixed(path) {
            return Err(Error::new(ErrorKind::IsADirectory, path));
        }
        let mode = match (place.may(Permissions::UPLOAD), place.may(Permissions::OVERWRITE)) {
            (true, true) => mode,
            (true, false) => self.create_only(path, mode)?,
            (false, true) => {
                // Without `upload` there must be something to overwrite.
                match place.storage().stat(&place.path).await {
                    Ok(_) => mode,
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        self.authorize(path, Permissions::UPLOAD)?;
                        mode
                    }
                    Err(error) => return Err(error.at(path)),
                }
            }
            (false, false) => {
                self.authorize(path, Permissions::UPLOAD)?;
                mode
            }
        };
        let appends = shows_whole && mode == CreateMode::Append;
        let (standing, mode) = match shows_whole {
            true => {
                let (standing, mode) = Standing::of(&place.mount.storage, &place.path, path, mode).await?;
                (Some(standing), mode)
            }
            false => (None, mode),
        };
        // A resume needs a file that is there.
        let is_whole = !matches!(mode, CreateMode::Resume(1..));
        let expected = place.mount.counted.expect(&place.path, mode, announced).await;
        let expected = expected.map_err(|error| error.at(path))?;
        let created = match place.storage().create(&place.path, mode).await {
            Err(error)
                if error.kind() == ErrorKind::NotFound
                    && self.make_parent(&place, path, is_whole).await? =>
            {
                place.storage().create(&place.path, mode).await
            }
            created => created,
        };
        let only_new = !place.may(Permissions::OVERWRITE);
        let upload = created.map_err(|error| upload_error(error, path, only_new))?;
        let hold = expected.as_ref().and_then(|incoming| incoming.hold().cloned());
        let upload = ViewUpload {
            upload: match expected {
                Some(incoming) => incoming.follow(upload),
                None => upload,
            },
            path: path.clone(),
            only_new,
            appends,
            storage: Arc::clone(&place.mount.storage),
            stored_at: place.path,
        };
        Ok(Begun { upload: Box::new(upload), hold, standing })
    }

    /// How many bytes of what stands there are a part of the file that an upload makes.
    ///
    /// # Errors
    /// As [`wharf_backends::Storage::stat`], and [`ErrorKind::PermissionDenied`] for who may store nothing there.
    pub(super) async fn stays(&self, path: &StoragePath, mode: CreateMode) -> Result<u64> {
        match mode {
            CreateMode::New | CreateMode::Replace => Ok(0),
            CreateMode::Resume(offset) => Ok(offset),
            CreateMode::Append => {
                let place = self.authorize(path, Permissions::empty())?;
                if !place.may(Permissions::UPLOAD) && !place.may(Permissions::OVERWRITE) {
                    self.authorize(path, Permissions::UPLOAD)?;
                }
                match place.storage().stat(&place.path).await {
                    Ok(found) => Ok(found.size),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
                    Err(error) => Err(error.at(path)),
                }
            }
        }
    }

    /// The mode of a user who may make files but not change them.
    fn create_only(&self, path: &StoragePath, mode: CreateMode) -> Result<CreateMode> {
        match mode {
            CreateMode::New | CreateMode::Replace | CreateMode::Append | CreateMode::Resume(0) => {
                Ok(CreateMode::New)
            }
            CreateMode::Resume(_) => {
                self.authorize(path, Permissions::OVERWRITE)?;
                Ok(mode)
            }
        }
    }

    /// Makes the directory that `path` stands in, if that is one which users see whatever the storage has: their root
    /// or the way to a mount. Nobody has to prepare a folder for each user. Says whether it is there now. Others are made where
    /// that is wanted for whoever stores a file and may make directories.
    pub(super) async fn make_parent(
        &self,
        place: &Place<'_>,
        path: &StoragePath,
        wants_parents: bool,
    ) -> Result<bool> {
        let (Some(parent), Some(backend_parent)) = (path.parent(), place.path.parent()) else {
            return Ok(false);
        };
        let is_wanted = wants_parents && self.creates_parents && place.may(Permissions::MKDIR);
        if backend_parent.is_root() || !(is_wanted || self.mounts.is_fixed(&parent)) {
            return Ok(false);
        }
        let made = copy::create_directories(place.storage(), &backend_parent).await;
        // Somebody else may just have made it.
        made.map(|_| true).map_err(|error| error.at(&parent))
    }
}
