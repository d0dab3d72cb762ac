//! A user's whole tree, with its permissions.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::{StreamExt, TryStreamExt, future, stream};
use wharf_backends::{
    Body, ByteRange, Content, DigestAlgorithm, Entry, EntryStream, Error, ErrorKind, Metadata, Result,
    Storage, StoragePath,
};

use super::entries::{merged, with_link};
use super::mounts::{Mount, MountTable};
use super::told::Client;
use super::{Permissions, changes, copy};

/// What one user may see and do. An engine reaches it by a [`Visit`](super::Visit) alone.
///
/// Every operation says which permissions it needs, and one place (`authorize`) checks them. Errors name the path
/// as the user knows it.
#[derive(Clone)]
pub struct UserView {
    pub(super) mounts: Arc<MountTable>,
    /// Whether modes are set (SITE CHMOD).
    pub(super) sets_modes: bool,
    /// Whether directories are made that a file is stored in.
    pub(super) creates_parents: bool,
    /// Whose uploads are kept; `None` if nobody's are.
    pub(super) owner: Option<Arc<str>>,
    /// Who looks, if that is known.
    pub(super) client: Option<Client>,
}

/// A path of a user who was found to have the permission for what is about to be done there.
pub(super) struct Place<'a> {
    pub(super) mount: &'a Mount,
    /// The path in the storage of the mount.
    pub(super) path: StoragePath,
}

impl Place<'_> {
    pub(super) fn storage(&self) -> &dyn Storage {
        &*self.mount.storage
    }

    /// The storage for what changes what is stored there, except for directories and properties of files.
    pub(super) fn counted(&self) -> &dyn Storage {
        &self.mount.counted
    }

    /// Notes that something was written here, or may have been.
    fn changed(&self) {
        changes::note(&self.mount.storage, &self.path);
    }

    pub(super) fn may(&self, permissions: Permissions) -> bool {
        self.mount.permissions.contains(permissions)
    }
}

pub(super) fn denied(path: &StoragePath, reason: impl Into<String>) -> Error {
    Error::with_source(ErrorKind::PermissionDenied, path, reason.into())
}

impl UserView {
    /// The view of a user who has these mounts.
    pub fn new(mounts: MountTable) -> Self {
        Self {
            mounts: Arc::new(mounts),
            sets_modes: false,
            creates_parents: false,
            owner: None,
            client: None,
        }
    }

    /// The same view, whose user may set the modes of files, or may not.
    #[must_use]
    pub fn setting_modes(self, sets_modes: bool) -> Self {
        Self { sets_modes, ..self }
    }

    /// The same view, where directories are made that a file is stored in, or not.
    #[must_use]
    pub fn creating_parents(self, creates_parents: bool) -> Self {
        Self { creates_parents, ..self }
    }

    /// Finds the mount of a path and checks that all of `needed` is permitted there.
    pub(super) fn authorize(&self, path: &StoragePath, needed: Permissions) -> Result<Place<'_>> {
        let mount = self.mounts.resolve(path);
        let missing = needed - mount.permissions;
        if !missing.is_empty() {
            return Err(denied(path, format!("the user lacks the permission: {missing}")));
        }
        Ok(Place { mount, path: mount.backend_path(path)? })
    }

    /// As [`authorize`](Self::authorize), for what would change a name: mounts stay where they are.
    pub(super) fn authorize_change(&self, path: &StoragePath, needed: Permissions) -> Result<Place<'_>> {
        let place = self.authorize(path, needed)?;
        if self.mounts.is_fixed(path) {
            return Err(denied(path, "it is, or leads to, a mount"));
        }
        Ok(place)
    }

    /// What the user may do at a path and below.
    pub fn permissions(&self, path: &StoragePath) -> Permissions {
        self.mounts.resolve(path).permissions
    }

    /// The names in a directory that are mounts or lead to some, each with what the user may do there.
    pub fn mounts_in(&self, path: &StoragePath) -> Vec<(String, Permissions)> {
        let names = self.mounts.fixed_names(path).into_iter();
        let at = |name: &str| path.child(name).ok().map(|path| self.permissions(&path));
        names.filter_map(|name| at(&name).map(|permissions| (name, permissions))).collect()
    }

    /// Whether something may be renamed, as far as that is known before its new name is.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`].
    pub async fn may_rename(&self, path: &StoragePath) -> Result<()> {
        let place = self.authorize_change(path, Permissions::RENAME)?;
        self.refuse_partial(&place, path).await?;
        place.storage().may_move(&place.path).await.map_err(|error| error.at(path))
    }

    /// Whether the user can set times of files and see them in listings, at least at `/`.
    pub fn keeps_times(&self) -> bool {
        let mount = self.mounts.resolve(&StoragePath::root());
        let can = mount.storage.capabilities();
        mount.permissions.contains(Permissions::OVERWRITE) && can.set_modified && can.lists_set_times
    }

    /// The name of the backend that a path lies in; empty where nobody knows it.
    pub(super) fn backend_of(&self, path: &str) -> &str {
        self.mounts.of_text(path).counted.backend()
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
        place.storage().enter(&place.path).await.map_err(|error| error.at(path))
    }

    /// Whether each look at a path costs a request to a store.
    pub fn is_remote(&self, path: &StoragePath) -> bool {
        self.mounts.resolve(path).storage.capabilities().remote
    }

    /// A number that changes with whatever is written at a path through this server.
    pub fn stamp(&self, path: &StoragePath) -> u64 {
        let mount = self.mounts.resolve(path);
        mount.backend_path(path).map_or(0, |path| changes::stamp(&mount.storage, &path))
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
        let stored = self.with_partials(&place, stored).await.map_err(|error| error.at(path))?;
        let at = path.clone();
        let (mount, directory) = (place.mount.clone(), place.path);
        let stored = stored
            .map_err(move |error| error.at(&at))
            .try_filter(move |entry| future::ready(!fixed.contains(&entry.name)))
            .map_ok(move |entry| {
                let link = entry.metadata.is_link.then(|| directory.child(&entry.name));
                match link {
                    Some(Ok(path)) => Entry { metadata: with_link(&mount, &path, entry.metadata), ..entry },
                    Some(Err(_)) | None => entry,
                }
            });
        Ok(if mounted.is_empty() { stored.boxed() } else { merged(mounted, stored.boxed()) })
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
        self.refuse_partial(&place, path).await?;
        let mut body = place.storage().open(&place.path, range).await.map_err(|error| error.at(path))?;
        if let Content::Stream(stream) = body.content {
            let at = path.clone();
            body.content = Content::Stream(stream.map_err(move |error| error.at(&at)).boxed());
        }
        Ok(body)
    }

    /// Removes a file, whatever is kept of an upload under its name. Needs `delete`.
    ///
    /// # Errors
    /// As [`Storage::remove_file`], and [`ErrorKind::PermissionDenied`].
    pub async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        let place = self.authorize_change(path, Permissions::DELETE)?;
        let done = place.counted().remove_file(&place.path).await;
        place.changed();
        done.map_err(|error| error.at(path))
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
            Err(error)
                if error.kind() == ErrorKind::NotFound && self.make_parent(&place, path, false).await? =>
            {
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
        let done = place.storage().remove_directory(&place.path).await;
        place.changed();
        done.map_err(|error| error.at(path))
    }

    /// Gives a file or directory another name, in another mount too. Where that is another storage, it is copied, and
    /// removed when the copy is complete.
    ///
    /// Needs `rename`. A rename to another mount does what storing there and removing here do, so it needs `download`
    /// and `delete` here, and `upload` there, for a directory also `mkdir`. To replace a file needs `overwrite` there.
    ///
    /// # Errors
    /// As [`Storage::rename`], and [`ErrorKind::PermissionDenied`]; [`ErrorKind::Conflict`] if somebody changed the
    /// source while it was copied: then the copy is there, and what changed is where it was.
    pub async fn rename(&self, from: &StoragePath, to: &StoragePath) -> Result<()> {
        let same_mount = std::ptr::eq(self.mounts.resolve(from), self.mounts.resolve(to));
        let (here, there) = if same_mount {
            (Permissions::RENAME, Permissions::RENAME)
        } else {
            (Permissions::RENAME | Permissions::DOWNLOAD | Permissions::DELETE, Permissions::UPLOAD)
        };
        let source = self.authorize_change(from, here)?;
        let target = self.authorize_change(to, there)?;
        self.refuse_partial(&source, from).await?;
        let renamed = self.rename_places(&source, &target, to, same_mount).await;
        if renamed.is_ok() {
            self.is_replaced(&target).await;
        }
        changes::note_all();
        renamed.map_err(|error| at_the_right_path(error, &source, from, to))
    }

    async fn rename_places(
        &self,
        source: &Place<'_>,
        target: &Place<'_>,
        to: &StoragePath,
        same_mount: bool,
    ) -> Result<()> {
        let allowed = copy::Allowed {
            replace: target.may(Permissions::OVERWRITE),
            make_directories: same_mount || target.may(Permissions::MKDIR),
        };
        let same_storage = Arc::ptr_eq(&source.mount.storage, &target.mount.storage);
        if same_storage
            && (allowed.make_directories || !source.storage().stat(&source.path).await?.is_directory())
        {
            // What counts is the quota of where it goes to.
            let rename = || target.counted().rename(&source.path, &target.path, allowed.replace);
            let renamed = match rename().await {
                Err(error)
                    if error.kind() == ErrorKind::NotFound && self.make_parent(target, to, false).await? =>
                {
                    rename().await
                }
                renamed => renamed,
            };
            match renamed {
                // Two file systems in one root, or a store that can't rename.
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                renamed => return renamed,
            }
        }
        self.make_parent(target, to, false).await?;
        let from = copy::Side { storage: source.counted(), path: &source.path };
        let to = copy::Side { storage: target.counted(), path: &target.path };
        copy::move_between(from, to, allowed).await
    }

    /// Sets the time of the last change of a file. Needs `overwrite`.
    ///
    /// # Errors
    /// As [`Storage::set_modified`], and [`ErrorKind::PermissionDenied`].
    pub async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        let place = self.authorize_change(path, Permissions::OVERWRITE)?;
        self.refuse_partial(&place, path).await?;
        let done = place.storage().set_modified(&place.path, modified).await;
        place.changed();
        done.map_err(|error| error.at(path))
    }

    /// Whether [`set_mode`](Self::set_mode) sets anything: whether the user may have modes set at all, and the storage has any.
    pub fn sets_mode_of(&self, path: &StoragePath) -> bool {
        self.sets_modes && self.mounts.resolve(path).storage.keeps_modes()
    }

    /// Sets the permission bits of a file or directory. Needs `overwrite`.
    ///
    /// # Errors
    /// As [`Storage::set_mode`], and [`ErrorKind::PermissionDenied`]; [`ErrorKind::Unsupported`] unless
    /// [`sets_mode_of`](Self::sets_mode_of).
    pub async fn set_mode(&self, path: &StoragePath, mode: u32) -> Result<()> {
        if !self.sets_mode_of(path) {
            return Err(Error::new(ErrorKind::Unsupported, path));
        }
        let place = self.authorize_change(path, Permissions::OVERWRITE)?;
        place.storage().set_mode(&place.path, mode).await.map_err(|error| error.at(path))
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
        let partial = self.partial_digest(&place, path, algorithm, range).await;
        if let Some(digest) = partial.map_err(|error| error.at(path))? {
            return Ok(digest);
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
