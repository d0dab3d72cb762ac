//! What a path names: a file, a directory or nothing.

use futures_util::{StreamExt, TryStreamExt, future, stream};
use object_store::path::Path;

use super::client::{Client, Object};
use super::error::map;
use crate::{Error, ErrorKind, Metadata, Result, StoragePath};

/// Parents of one path that are looked at together.
const PARENTS_AT_ONCE: usize = 16;

/// What stands under a path.
#[derive(Debug, Clone)]
pub(super) enum Found {
    File(Object),
    Directory,
    Nothing,
}

impl Client {
    /// What a path names, with as few requests as will do.
    pub(super) async fn lookup(&self, path: &StoragePath) -> Result<Found> {
        if path.is_root() {
            return Ok(Found::Directory);
        }
        let object = self.head(path, &self.keys.existing(path)?).await?;
        self.judge(path, object, None).await
    }

    /// The same for a path that is about to be written: all requests at once, as it is most often new.
    pub(super) async fn lookup_at_once(&self, path: &StoragePath) -> Result<Found> {
        if path.is_root() {
            return Ok(Found::Directory);
        }
        let (key, prefix) = (self.keys.file(path)?, self.keys.directory(path)?);
        let (object, holds_keys) =
            future::try_join(self.head(path, &key), self.holds_keys(path, &prefix)).await?;
        self.judge(path, object, Some(holds_keys)).await
    }

    async fn judge(
        &self,
        path: &StoragePath,
        object: Option<Object>,
        holds_keys: Option<bool>,
    ) -> Result<Found> {
        match object {
            Some(object) if object.is_folder => return Ok(Found::Directory),
            Some(object) if object.meta.size > 0 => return Ok(Found::File(object)),
            _ => {}
        }
        let holds_keys = match holds_keys {
            Some(known) => known,
            None => self.holds_keys(path, &self.keys.directory(path)?).await?,
        };
        Ok(match object {
            // An empty object beside keys below it is some tool's marker.
            _ if holds_keys => Found::Directory,
            Some(object) => Found::File(object),
            None => Found::Nothing,
        })
    }

    /// The file at `path`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::IsADirectory`].
    pub(super) async fn file(&self, path: &StoragePath) -> Result<Object> {
        match self.lookup(path).await? {
            Found::File(object) => Ok(object),
            Found::Directory => Err(Error::new(ErrorKind::IsADirectory, path)),
            Found::Nothing => Err(Error::new(ErrorKind::NotFound, path)),
        }
    }

    /// Makes sure that no directory on the way to `path` is a file: a key below a file's would make it both.
    ///
    /// # Errors
    /// [`ErrorKind::NotADirectory`].
    pub(super) async fn check_parents(&self, path: &StoragePath) -> Result<()> {
        let parents = std::iter::successors(path.parent(), StoragePath::parent).filter(|p| !p.is_root());
        let parents: Vec<StoragePath> = parents.collect();
        stream::iter(parents)
            .map(|parent| async move {
                let Some(object) = self.head(path, &self.keys.file(&parent)?).await? else { return Ok(()) };
                match self.judge(path, Some(object), None).await? {
                    Found::File(_) => Err(Error::new(ErrorKind::NotADirectory, path)),
                    Found::Directory | Found::Nothing => Ok(()),
                }
            })
            .buffer_unordered(PARENTS_AT_ONCE)
            .try_collect()
            .await
    }

    /// What [`Storage::stat`](crate::Storage::stat) answers.
    pub(super) async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        match self.lookup(path).await? {
            Found::File(object) => Ok(object.metadata()),
            Found::Directory => Ok(Metadata::directory(None)),
            Found::Nothing => Err(Error::new(ErrorKind::NotFound, path)),
        }
    }

    /// Removes a file.
    pub(super) async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        let object = self.file(path).await?;
        self.delete(path, &object.meta.location).await
    }

    /// Makes a directory.
    pub(super) async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        let (found, ()) = future::try_join(self.lookup_at_once(path), self.check_parents(path)).await?;
        match found {
            Found::Nothing => self.put_marker(path, &self.keys.file(path)?).await,
            Found::File(_) | Found::Directory => Err(Error::new(ErrorKind::AlreadyExists, path)),
        }
    }

    /// Removes an empty directory.
    pub(super) async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::PermissionDenied, path));
        }
        let (key, prefix) = (self.keys.existing(path)?, self.keys.directory(path)?);
        let (object, marked) =
            future::try_join(self.head(path, &key), self.only_marker(path, &key, &prefix)).await?;
        let is_folder = object.as_ref().is_some_and(|object| object.is_folder);
        match (object, marked) {
            (Some(object), _) if !is_folder && object.meta.size > 0 => {
                Err(Error::new(ErrorKind::NotADirectory, path))
            }
            (Some(_), None) if !is_folder => Err(Error::new(ErrorKind::NotADirectory, path)),
            (None, None) => Err(Error::new(ErrorKind::NotFound, path)),
            (_, None | Some(true)) => self.delete(path, &self.keys.marker(&key)).await,
            (_, Some(false)) => Err(Error::new(ErrorKind::NotEmpty, path)),
        }
    }

    /// Whether the marker is the only key below `prefix`; `None` if there is none at all.
    async fn only_marker(&self, path: &StoragePath, key: &Path, prefix: &str) -> Result<Option<bool>> {
        let (mut token, mut marked) = (None, None);
        loop {
            let page = match self.page(prefix, token, true, Some(2)).await {
                Ok(page) => page,
                Err(object_store::Error::InvalidPath { .. }) => return Ok(Some(false)),
                Err(error) => return Err(map(path, &error)),
            };
            for object in page.result.objects {
                // Somebody's data under the key of a marker must not go with it.
                if object.location != *key || object.size > 0 {
                    return Ok(Some(false));
                }
                marked = Some(true);
            }
            match page.page_token {
                Some(next) => token = Some(next),
                None => return Ok(marked),
            }
        }
    }
}
