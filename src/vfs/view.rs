//! A user's whole tree, with its permissions.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::{StreamExt, TryStreamExt, future, stream};
use wharf_backends::{
    Body, ByteRange, CreateMode, DigestAlgorithm, Entry, EntryKind, EntryStream, Error, ErrorKind, Metadata,
    Result, Storage, StoragePath, Upload,
};

use super::mounts::{Mount, MountTable};
use super::{Permissions, copy};

/// What one user may see and do: the only way by which an engine reaches storage.
///
/// Every operation says which permissions it needs, and one place (`authorize`) checks them. Errors name the path
/// as the user knows it.
#[derive(Clone)]
pub struct UserView {
    mounts: Arc<MountTable>,
}

/// A path of a user who was found to have the permission for what is about to be done there.
struct Place<'a> {
    mount: &'a Mount,
    /// The path in the storage of the mount.
    path: StoragePath,
}

impl Place<'_> {
    fn storage(&self) -> &dyn Storage {
        &*self.mount.storage
    }

    fn may(&self, permissions: Permissions) -> bool {
        self.mount.permissions.contains(permissions)
    }
}

fn denied(path: &StoragePath, reason: impl Into<String>) -> Error {
    Error::with_source(ErrorKind::PermissionDenied, path, reason.into())
}

impl UserView {
    /// The view of a user who has these mounts.
    pub fn new(mounts: MountTable) -> Self {
        Self { mounts: Arc::new(mounts) }
    }

    /// Finds the mount of a path and checks that all of `needed` is permitted there.
    fn authorize(&self, path: &StoragePath, needed: Permissions) -> Result<Place<'_>> {
        let mount = self.mounts.resolve(path);
        let missing = needed - mount.permissions;
        if !missing.is_empty() {
            return Err(denied(path, format!("the user lacks the permission: {missing}")));
        }
        Ok(Place { mount, path: mount.backend_path(path)? })
    }

    /// As [`authorize`](Self::authorize), for what would change a name: mounts stay where they are.
    fn authorize_change(&self, path: &StoragePath, needed: Permissions) -> Result<Place<'_>> {
        let place = self.authorize(path, needed)?;
        if self.mounts.is_fixed(path) {
            return Err(denied(path, "it is, or leads to, a mount"));
        }
        Ok(place)
    }

    /// What stands under a path. Needs `list`.
    ///
    /// # Errors
    /// As [`Storage::stat`], and [`ErrorKind::PermissionDenied`].
    pub async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        let place = self.authorize(path, Permissions::LIST)?;
        if self.mounts.is_fixed(path) {
            return Ok(Metadata::directory(None));
        }
        place.storage().stat(&place.path).await.map_err(|error| error.at(path))
    }

    /// Whether a path is a directory that can be the working directory. Any permission will do: a user
    /// who may only store files still has to get to where they go.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::NotADirectory`], [`ErrorKind::PermissionDenied`].
    pub async fn enter(&self, path: &StoragePath) -> Result<()> {
        let place = self.authorize(path, Permissions::empty())?;
        if self.mounts.is_fixed(path) {
            return Ok(());
        }
        if place.mount.permissions.is_empty() {
            return Err(denied(path, "the user has no permission here"));
        }
        let found = place.storage().stat(&place.path).await.map_err(|error| error.at(path))?;
        match found.kind {
            EntryKind::Directory => Ok(()),
            EntryKind::File | EntryKind::Other => Err(Error::new(ErrorKind::NotADirectory, path)),
        }
    }

    /// The entries of a directory, mounts included. Needs `list`.
    ///
    /// # Errors
    /// As [`Storage::list`], and [`ErrorKind::PermissionDenied`].
    pub async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        let place = self.authorize(path, Permissions::LIST)?;
        let fixed = self.mounts.fixed_names(path);
        let mounted: Vec<Entry> = fixed
            .iter()
            .map(|name| Entry { name: name.clone(), metadata: Metadata::directory(None) })
            .collect();
        let stored = match place.storage().list(&place.path).await {
            Ok(entries) => entries,
            // The way to a mount is there even where its storage has no such directory, or a file of that name.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
                    && self.mounts.is_fixed(path) =>
            {
                stream::empty().boxed()
            }
            Err(error) => return Err(error.at(path)),
        };
        let at = path.clone();
        let stored = stored
            .map_err(move |error| error.at(&at))
            .try_filter(move |entry| future::ready(!fixed.contains(&entry.name)));
        Ok(stream::iter(mounted).map(Ok).chain(stored).boxed())
    }

    /// Opens a file for reading. Needs `download`.
    ///
    /// # Errors
    /// As [`Storage::open`], and [`ErrorKind::PermissionDenied`].
    pub async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        let place = self.authorize(path, Permissions::DOWNLOAD)?;
        if self.mounts.is_fixed(path) {
            return Err(Error::new(ErrorKind::IsADirectory, path));
        }
        place.storage().open(&place.path, range).await.map_err(|error| error.at(path))
    }

    /// Starts an upload. Needs `upload` for a new file and `overwrite` to change one that exists.
    ///
    /// # Errors
    /// As [`Storage::create`], and [`ErrorKind::PermissionDenied`].
    pub async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
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
        let created = match place.storage().create(&place.path, mode).await {
            Err(error) if error.kind() == ErrorKind::NotFound && self.make_root(&place).await? => {
                place.storage().create(&place.path, mode).await
            }
            created => created,
        };
        created.map_err(|error| match error.kind() {
            // It was this view that asked for a new file.
            ErrorKind::AlreadyExists if !place.may(Permissions::OVERWRITE) => {
                denied(path, "the file exists, and the user lacks the permission: overwrite")
            }
            _ => error.at(path),
        })
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

    /// Makes the directory that a mount shows, if that is what was missing: nobody has to prepare
    /// a folder for each user. Says whether it made one.
    async fn make_root(&self, place: &Place<'_>) -> Result<bool> {
        if place.mount.root.is_root() || place.path.parent().as_ref() != Some(&place.mount.root) {
            return Ok(false);
        }
        let made = copy::create_directories(place.storage(), &place.mount.root).await;
        made.map_err(|error| error.at(&place.mount.at))
    }

    /// Removes a file. Needs `delete`.
    ///
    /// # Errors
    /// As [`Storage::remove_file`], and [`ErrorKind::PermissionDenied`].
    pub async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        let place = self.authorize_change(path, Permissions::DELETE)?;
        place.storage().remove_file(&place.path).await.map_err(|error| error.at(path))
    }

    /// Makes a directory. Needs `mkdir`.
    ///
    /// # Errors
    /// As [`Storage::create_directory`], and [`ErrorKind::PermissionDenied`].
    pub async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        let place = self.authorize(path, Permissions::MKDIR)?;
        if self.mounts.is_fixed(path) {
            return Err(Error::new(ErrorKind::AlreadyExists, path));
        }
        let made = match place.storage().create_directory(&place.path).await {
            Err(error) if error.kind() == ErrorKind::NotFound && self.make_root(&place).await? => {
                place.storage().create_directory(&place.path).await
            }
            made => made,
        };
        made.map_err(|error| error.at(path))
    }

    /// Removes an empty directory. Needs `delete`.
    ///
    /// # Errors
    /// As [`Storage::remove_directory`], and [`ErrorKind::PermissionDenied`].
    pub async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        let place = self.authorize_change(path, Permissions::DELETE)?;
        place.storage().remove_directory(&place.path).await.map_err(|error| error.at(path))
    }

    /// Checks that a rename from here may begin: the source is there and may be renamed.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::PermissionDenied`].
    pub async fn can_rename(&self, from: &StoragePath) -> Result<()> {
        let place = self.authorize_change(from, Permissions::RENAME)?;
        place.storage().stat(&place.path).await.map(drop).map_err(|error| error.at(from))
    }

    /// Gives a file or directory another name, in another storage too: then it is copied, and removed when
    /// the copy is complete. Needs `rename`; to another mount `upload` there as well; `overwrite` there
    /// to replace a file.
    ///
    /// # Errors
    /// As [`Storage::rename`], and [`ErrorKind::PermissionDenied`].
    pub async fn rename(&self, from: &StoragePath, to: &StoragePath) -> Result<()> {
        let source = self.authorize_change(from, Permissions::RENAME)?;
        let target_mount = self.mounts.resolve(to);
        let same_mount = std::ptr::eq(source.mount, target_mount);
        let needed = if same_mount { Permissions::RENAME } else { Permissions::UPLOAD };
        let target = self.authorize_change(to, needed)?;
        let replace = target.may(Permissions::OVERWRITE);
        if Arc::ptr_eq(&source.mount.storage, &target.mount.storage) {
            let renamed = match source.storage().rename(&source.path, &target.path, replace).await {
                Err(error) if error.kind() == ErrorKind::NotFound && self.make_root(&target).await? => {
                    source.storage().rename(&source.path, &target.path, replace).await
                }
                renamed => renamed,
            };
            match renamed {
                // Two file systems in one root, or a store that can't rename directories.
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                renamed => return renamed.map_err(|error| at_the_right_path(error, &source, from, to)),
            }
        }
        self.make_root(&target).await?;
        let (from_storage, to_storage) = (source.storage(), target.storage());
        copy::move_between(from_storage, &source.path, to_storage, &target.path, replace)
            .await
            .map_err(|error| at_the_right_path(error, &source, from, to))
    }

    /// Sets the time of the last change of a file. Needs `overwrite`.
    ///
    /// # Errors
    /// As [`Storage::set_modified`], and [`ErrorKind::PermissionDenied`].
    pub async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        let place = self.authorize_change(path, Permissions::OVERWRITE)?;
        place.storage().set_modified(&place.path, modified).await.map_err(|error| error.at(path))
    }

    /// The checksum of a part of a file. Needs `download`.
    ///
    /// # Errors
    /// As [`Storage::digest`], and [`ErrorKind::PermissionDenied`].
    pub async fn digest(
        &self,
        path: &StoragePath,
        algorithm: DigestAlgorithm,
        range: ByteRange,
    ) -> Result<Vec<u8>> {
        let place = self.authorize(path, Permissions::DOWNLOAD)?;
        if self.mounts.is_fixed(path) {
            return Err(Error::new(ErrorKind::IsADirectory, path));
        }
        place.storage().digest(&place.path, algorithm, range).await.map_err(|error| error.at(path))
    }
}

/// An error of a rename is about one of two paths.
fn at_the_right_path(error: Error, source: &Place<'_>, from: &StoragePath, to: &StoragePath) -> Error {
    let about_source = error.path() == Some(&source.path);
    error.at(if about_source { from } else { to })
}

impl fmt::Debug for UserView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mounts.fmt(f)
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
