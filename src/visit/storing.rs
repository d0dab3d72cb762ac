//! Storing files in a user's tree, with the directories that they need.

use std::sync::Arc;

use wharf_backends::{CreateMode, Error, ErrorKind, Result, StoragePath, Upload};

use super::beginning::Begin;
use super::quota::Hold;
use super::standing::Standing;
use super::upload::{Keeper, ViewUpload, upload_error};
use super::view::{Place, UserView};
use super::{Permissions, QuotaState, copy};

/// An upload that was begun.
pub(crate) struct Begun {
    pub(crate) upload: Box<dyn Upload>,
    pub(crate) hold: Option<Hold>,
    /// What it goes on with, if that was asked for.
    pub(crate) standing: Option<Standing>,
    /// The mode of one that goes on with what is kept.
    pub(crate) resumed: Option<CreateMode>,
    /// Whether it is kept if its line breaks.
    pub(crate) is_kept: bool,
}

impl UserView {
    /// Starts an upload, of which a client has announced so many bytes, or 0. Needs `upload` for a new file and `overwrite` to change
    /// one that exists. What is not written by [`Upload::write`] alone is taken from the hold before it is stored, if there is one.
    /// If somebody has to see the whole file, it tells what stands there already. It may be kept when its line breaks, or not.
    ///
    /// # Errors
    /// As [`wharf_backends::Storage::create`], and [`ErrorKind::PermissionDenied`]; [`ErrorKind::QuotaExceeded`].
    pub(crate) async fn create(
        &self,
        path: &StoragePath,
        mode: CreateMode,
        announced: u64,
        shows_whole: bool,
        may_keep: bool,
    ) -> Result<Begun> {
        let place = self.authorize(path, Permissions::empty())?;
        if self.mounts.is_fixed(path) {
            return Err(Error::new(ErrorKind::IsADirectory, path));
        }
        let only_new = !place.may(Permissions::OVERWRITE);
        let beginning = self.beginning(&place, path, mode, (may_keep, shows_whole)).await?;
        let resumes = beginning.resumes();
        let mode = match resumes {
            // What is kept is nobody else's, so that nothing is overwritten but by the whole file.
            true => beginning.mode,
            false => self.permitted(&place, path, mode).await?,
        };
        let appends = shows_whole && mode == CreateMode::Append;
        let (standing, mode) = match (shows_whole, &beginning.begin) {
            (true, Begin::Resumed(_, keeping, offset)) => {
                let (storage, at) = (&place.mount.storage, (&place.path, path));
                (Some(Standing::of_partial(storage, at, keeping.owner.clone(), *offset)), mode)
            }
            (true, _) => {
                let (standing, mode) = Standing::of(&place.mount.storage, &place.path, path, mode).await?;
                (Some(standing), mode)
            }
            (false, _) => (None, mode),
        };
        // A resume needs a file that is there.
        let is_whole = resumes || !matches!(mode, CreateMode::Resume(1..));
        let lent = beginning.lend();
        let begun = async {
            let expected = place.mount.counted.expect(&place.path, mode, announced).await;
            let expected = expected.map_err(|error| error.at(path))?;
            let whole = match (resumes, only_new) {
                (true, true) => CreateMode::New,
                (true, false) => CreateMode::Replace,
                (false, _) => mode,
            };
            let begin = &beginning.begin;
            let created = match begin.run(&place, whole).await {
                Err(error)
                    if error.kind() == ErrorKind::NotFound
                        && !resumes
                        && self.make_parent(&place, path, is_whole).await? =>
                {
                    begin.run(&place, whole).await
                }
                created => created,
            };
            Ok((expected, created.map_err(|error| upload_error(error, path, only_new))?))
        };
        let (expected, upload) = match begun.await {
            Ok(begun) => begun,
            Err(error) => {
                // A look may be a request.
                if lent.is_something() {
                    lent.give_back(&self.partial(&place).await);
                }
                return Err(error);
            }
        };
        lent.spend();
        let owned = beginning.has_begun();
        let is_kept = owned.is_some();
        let hold = expected.as_ref().and_then(|incoming| incoming.hold().cloned());
        let upload = ViewUpload {
            upload: match expected {
                Some(incoming) => incoming.follow(upload),
                None => upload,
            },
            path: path.clone(),
            only_new,
            appends,
            kept: Keeper::new(owned),
            storage: Arc::clone(&place.mount.storage),
            stored_at: place.path,
        };
        Ok(Begun { upload: Box::new(upload), hold, standing, resumed: resumes.then_some(mode), is_kept })
    }

    /// How many bytes there is room for at a path; `None` where that is not known. Needs `list`.
    ///
    /// # Errors
    /// As [`Storage::available`](wharf_backends::Storage::available), and [`ErrorKind::PermissionDenied`].
    pub async fn available(&self, path: &StoragePath) -> Result<Option<u64>> {
        let place = self.authorize(path, Permissions::LIST)?;
        let available = place.storage().available().await.map_err(|error| error.at(path))?;
        let left = place.mount.counted.state(&place.mount.at).await.and_then(|state| state.bytes_left());
        Ok(match (available, left) {
            (Some(available), Some(left)) => Some(available.min(left)),
            (available, left) => available.or(left),
        })
    }

    /// What is used of the quotas of this user.
    pub(crate) async fn quotas(&self) -> Vec<QuotaState> {
        let mut states = Vec::new();
        for mount in self.mounts.all() {
            states.extend(mount.counted.state(&mount.at).await);
        }
        states
    }

    /// The mode that the user may store a file in.
    async fn permitted(&self, place: &Place<'_>, path: &StoragePath, mode: CreateMode) -> Result<CreateMode> {
        match (place.may(Permissions::UPLOAD), place.may(Permissions::OVERWRITE)) {
            (true, true) => Ok(mode),
            (true, false) => self.create_only(path, mode),
            (false, true) => {
                // Without `upload` there must be something to overwrite.
                match place.storage().stat(&place.path).await {
                    Ok(_) => Ok(mode),
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        self.authorize(path, Permissions::UPLOAD)?;
                        Ok(mode)
                    }
                    Err(error) => Err(error.at(path)),
                }
            }
            (false, false) => {
                self.authorize(path, Permissions::UPLOAD)?;
                Ok(mode)
            }
        }
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
                // Who was not told of what is kept is refused.
                if let Some(partial) = self.partial(&place).await.map_err(|error| error.at(path))? {
                    return Ok(self.told(&place).map_or(partial.size, |told| told.size));
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
