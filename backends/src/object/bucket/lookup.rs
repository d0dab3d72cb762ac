//! Finds out whether a path names a file, a directory or nothing.

use std::collections::HashSet;
use std::pin::pin;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::Bucket;
use super::known::parents;
use crate::object::store::Marker;
use crate::object::store::object::Object;
use crate::{Error, ErrorKind, Metadata, Result, StoragePath};

/// The most parents of one path that are asked for at once.
pub(crate) const PARENTS_AT_ONCE: usize = 16;

/// The size of a page that is to show a name among others that begin with it: `a`, `a-1`, … , `a/`.
pub(crate) const NEIGHBOURS: usize = 20;

/// The result of a lookup.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    File(Object),
    Directory,
    Nothing,
}

impl Bucket {
    /// Looks a path up: one request for a file that isn't empty.
    pub(crate) async fn lookup(&self, path: &StoragePath) -> Result<Found> {
        if path.is_root() {
            return Ok(Found::Directory);
        }
        let key = self.keys.existing(path)?;
        let object = self.head(path, &key).await?;
        self.judge(path, &key, object).await
    }

    async fn judge(&self, path: &StoragePath, key: &str, object: Option<Object>) -> Result<Found> {
        let found = match object {
            // Data that somebody keeps under the key of a marker.
            Some(object) if key.ends_with('/') && object.size > 0 => Found::File(object),
            _ if key.ends_with('/') => Found::Nothing,
            Some(object) if object.is_folder => Found::Directory,
            Some(object) if object.size > 0 => Found::File(object),
            // An empty object beside keys below it is some tool's marker.
            _ if self.shows(path, &format!("{key}/")).await? => Found::Directory,
            Some(object) => Found::File(object),
            None if self.is_hollow(path, key).await? => Found::Directory,
            None => Found::Nothing,
        };
        self.note(path, &found);
        Ok(found)
    }

    fn note(&self, path: &StoragePath, found: &Found) {
        match found {
            Found::File(object) => self.known.stored(path, object.size, object.e_tag.as_deref()),
            Found::Directory => self.known.directories(path),
            Found::Nothing => self.known.missing(path),
        }
    }

    /// Looks up a path that is about to be made: one request if there is nothing. A directory without any key below it counts
    /// as nothing.
    pub(crate) async fn probe(&self, path: &StoragePath) -> Result<Found> {
        match self.listed(path).await? {
            Found::Directory
                if !path.is_root()
                    && self.traits().own_directories
                    && !self.holds_keys(path, &self.keys.directory(path)?).await? =>
            {
                Ok(Found::Nothing)
            }
            found => Ok(found),
        }
    }

    /// Looks a path up in the listing of its parent: mostly one request, whatever it names. For a file, properties that only
    /// a request for the object itself would show are missing.
    pub(crate) async fn listed(&self, path: &StoragePath) -> Result<Found> {
        if path.is_root() {
            return Ok(Found::Directory);
        }
        let key = self.keys.file(path)?;
        let below = format!("{key}/");
        let ask = |token| self.page(&key, token, false, Some(NEIGHBOURS));
        let mut page = ask(None).await.map_err(|failure| failure.at(path))?;
        // A page can be empty before the last one.
        while page.objects.is_empty()
            && page.prefixes.is_empty()
            && let Some(token) = page.next.take()
        {
            page = ask(Some(token)).await.map_err(|failure| failure.at(path))?;
        }
        let object = page.objects.iter().find(|object| object.key == key).cloned();
        let mut is_directory = page.prefixes.contains(&below);
        if !is_directory && page.next.is_some() && page.last_key() < below.as_str() {
            is_directory = self.holds_keys(path, &below).await?;
        }
        let found = match object {
            Some(object) if object.is_folder => Found::Directory,
            Some(object) if object.size > 0 || !is_directory => Found::File(object),
            _ if is_directory => Found::Directory,
            _ => Found::Nothing,
        };
        self.note(path, &found);
        Ok(found)
    }

    /// The file at `path`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::IsADirectory`].
    pub(crate) async fn file(&self, path: &StoragePath) -> Result<Object> {
        match self.lookup(path).await? {
            Found::File(object) => Ok(object),
            Found::Directory => Err(Error::new(ErrorKind::IsADirectory, path)),
            Found::Nothing => Err(Error::new(ErrorKind::NotFound, path)),
        }
    }

    /// Makes sure that `path` is no directory and lies below no file, as far as this server has seen it lately: otherwise one
    /// name would be a file and a directory. It asks the store only if there is a suspicion. A
    /// [`NameCheck`](super::name_check::NameCheck) checks names that were not seen.
    ///
    /// # Errors
    /// [`ErrorKind::IsADirectory`], [`ErrorKind::NotADirectory`].
    pub(crate) async fn check_place(&self, path: &StoragePath) -> Result<()> {
        if path.is_root() || (self.known.is_directory(path) && self.is_directory(path).await?) {
            return Err(Error::new(ErrorKind::IsADirectory, path));
        }
        self.check_parents(path).await
    }

    /// The part of [`check_place`](Self::check_place) about the directories above `path`.
    pub(crate) async fn check_parents(&self, path: &StoragePath) -> Result<()> {
        let suspects: Vec<StoragePath> = parents(path).filter(|parent| self.known.is_file(parent)).collect();
        stream::iter(suspects)
            .map(|parent| async move {
                match self.lookup(&parent).await? {
                    Found::File(_) => Err(Error::new(ErrorKind::NotADirectory, path)),
                    Found::Directory | Found::Nothing => Ok(()),
                }
            })
            .buffer_unordered(PARENTS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Whether `path` is a directory: it holds keys, or only its marker, or the store keeps it itself. One request if it is.
    pub(crate) async fn is_directory(&self, path: &StoragePath) -> Result<bool> {
        if path.is_root() {
            return Ok(true);
        }
        let key = self.keys.existing(path)?;
        if key.ends_with('/') {
            return Ok(false);
        }
        let mut is_directory = self.shows(path, &format!("{key}/")).await?;
        if !is_directory && self.traits().marker == Marker::Beside {
            is_directory = self.head(path, &key).await?.is_some_and(|object| object.is_folder);
        }
        match is_directory {
            true => self.known.directories(path),
            false => self.known.missing(path),
        }
        Ok(is_directory)
    }

    /// The answer of [`Storage::enter`](crate::Storage::enter).
    pub(crate) async fn enter(&self, path: &StoragePath) -> Result<()> {
        if self.is_directory(path).await? || self.known.is_left(path) {
            return Ok(());
        }
        // A file, or an object that its metadata make a marker.
        let key = self.keys.existing(path)?;
        match self.head(path, &key).await? {
            Some(object) if object.is_folder && !key.ends_with('/') => Ok(()),
            Some(object) if object.size > 0 || !key.ends_with('/') => {
                Err(Error::new(ErrorKind::NotADirectory, path))
            }
            None if self.is_hollow(path, &key).await? => Ok(()),
            _ => Err(Error::new(ErrorKind::NotFound, path)),
        }
    }

    /// The answer of [`Storage::stat`](crate::Storage::stat).
    pub(crate) async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        match self.lookup(path).await? {
            Found::File(object) => Ok(Metadata { e_tag: object.e_tag.clone(), ..object.metadata() }),
            Found::Directory => Ok(Metadata::directory(None)),
            Found::Nothing => Err(Error::new(ErrorKind::NotFound, path)),
        }
    }

    /// Removes a file: one request if it was seen moments ago, and one more to look at it if not. Where one unseen file after the
    /// other is removed from a directory, the others are [looked at](Self::see_neighbours) beside it.
    pub(crate) async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::IsADirectory, path));
        }
        let key = self.keys.existing(path)?;
        if self.known.fresh_file(path, &key).is_some() {
            return self.remove_seen(path, &key).await;
        }
        let is_one_of_many = self.known.removals.is_one_of_many(path);
        let removal = async {
            self.file(path).await?;
            self.remove_seen(path, &key).await
        };
        if !is_one_of_many {
            return removal.await;
        }
        let mut removal = pin!(removal);
        tokio::select! {
            biased;
            // It doesn't wait for what is only worth something later.
            removed = &mut removal => return removed,
            () = self.see_neighbours(path) => {}
        }
        removal.await
    }

    async fn remove_seen(&self, path: &StoragePath, key: &str) -> Result<()> {
        // Before and after: during the removal, a look may still find the file.
        self.known.gone(path);
        self.delete(path, key, None).await?;
        self.known.removed(path);
        Ok(())
    }

    /// Makes a directory.
    pub(crate) async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::AlreadyExists, path));
        }
        self.check_parents(path).await?;
        let asked = self.known.free.asking(path);
        let made = self.make_directory(path).await;
        match made {
            // Nothing was there, so no name in it was a directory's.
            Ok(()) => self.known.free.learned(path, asked, Some(HashSet::new())),
            Err(_) => self.known.free.not_learned(path, asked),
        }
        made?;
        self.known.directories(path);
        Ok(())
    }

    /// Makes a directory where nothing is.
    async fn make_directory(&self, path: &StoragePath) -> Result<()> {
        let (found, parents) = futures_util::join!(self.probe(path), self.check_unseen_parents(path));
        parents?;
        match found? {
            Found::Nothing => self.put_marker(path, &self.keys.file(path)?).await,
            Found::File(_) | Found::Directory => Err(Error::new(ErrorKind::AlreadyExists, path)),
        }
    }

    /// Removes an empty directory.
    pub(crate) async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::PermissionDenied, path));
        }
        let key = self.keys.existing(path)?;
        if key.ends_with('/') {
            self.file(path).await?;
            return Err(Error::new(ErrorKind::NotADirectory, path));
        }
        // A file that is stored under the key of a marker meanwhile has to stay.
        let mut only = None;
        let marker = match self.only_marker(path, &format!("{key}/")).await? {
            Some(false) => return Err(Error::new(ErrorKind::NotEmpty, path)),
            Some(true) if self.traits().marker == Marker::Below => self.keys.marker(&key),
            marked => match self.head(path, &key).await? {
                // A marker without a slash: the store's own, or that of a tool that mounts buckets.
                Some(object) if object.is_folder => {
                    only = Some(object);
                    key
                }
                None if marked == Some(true) => self.keys.marker(&key),
                Some(_) => return Err(Error::new(ErrorKind::NotADirectory, path)),
                None => return self.remove_hollow(path, &key).await,
            },
        };
        self.known.gone(path);
        self.delete(path, &marker, only.as_ref()).await?;
        self.known.removed(path);
        self.known.free.forget(path);
        Ok(())
    }

    /// Whether the marker is the only key below `prefix`; `None` if there is none at all.
    async fn only_marker(&self, path: &StoragePath, prefix: &str) -> Result<Option<bool>> {
        let (mut token, mut marked) = (None, None);
        loop {
            let page = match self.page(prefix, token, true, Some(2)).await {
                Ok(page) => page,
                Err(failure) if failure.is_impossible_name() => return Ok(None),
                Err(failure) => return Err(failure.at(path)),
            };
            for object in page.objects {
                // Somebody's data under the key of a marker must not go with it.
                if object.key != prefix || object.size > 0 {
                    return Ok(Some(false));
                }
                marked = Some(true);
            }
            match page.next {
                Some(next) => token = Some(next),
                None => return Ok(marked),
            }
        }
    }
}
