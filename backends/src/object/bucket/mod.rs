//! A bucket, as the operations see it: requests with paths, and with errors about these paths.

pub(crate) mod distance;
pub(crate) mod free_names;
pub(crate) mod hollow;
pub(crate) mod keys;
pub(crate) mod known;
pub(crate) mod lookup;
pub(crate) mod name_check;
pub(crate) mod removals;
pub(crate) mod reported;

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use object_store::client::HttpResponse;
use tokio::sync::Semaphore;

use self::distance::Distance;
use self::keys::Keys;
use self::known::Known;
use self::reported::Reported;
use super::settings::{SettingsError, Tuning};
use super::store::failure::Failure;
use super::store::object::{Next, Object, Page};
use super::store::{Opened, Store, Traits};
use crate::{Buffers, Error, ErrorKind, Result, StoragePath};

/// A bucket with its settings and its store.
pub(crate) struct Bucket {
    /// The requests, in the protocol that the store speaks.
    pub store: Arc<dyn Store>,
    pub keys: Keys,
    /// The name of the bucket in sentences.
    pub name: String,
    pub tuning: Tuning,
    /// Facts about the bucket that this server has seen lately.
    pub known: Known,
    /// How long the store takes for any answer.
    pub distance: Distance,
    /// The directories whose keys that can't be shown are logged already.
    pub reported: Reported,
    /// The right to hold bytes beside the [`buffers`](Self::buffers) for a moment. One task has it at a time: if its owner waited
    /// for room, and others for the room that it holds, all could wait for ever.
    pub alone: Semaphore,
    /// The same for uploads that extend a file, which do wait for room.
    pub settling: Semaphore,
    /// The memory that uploads and downloads share with those of other storages.
    pub buffers: Arc<Buffers>,
}

impl Bucket {
    /// # Errors
    /// A sentence for the author of the settings, if no key can begin with their prefix.
    pub(crate) fn new(opened: Opened) -> Result<Self, SettingsError> {
        let Opened { store, name, prefix, tuning } = opened;
        Ok(Self {
            keys: Keys::new(store.traits(), &prefix)?,
            store,
            name,
            known: Known::new(),
            distance: Distance::new(),
            reported: Reported::default(),
            alone: Semaphore::new(1),
            settling: Semaphore::new(1),
            buffers: Arc::clone(&tuning.buffers),
            tuning,
        })
    }

    pub(crate) fn traits(&self) -> &Traits {
        self.store.traits()
    }

    /// The object with this key; `None` if there is none.
    pub(crate) async fn head(&self, path: &StoragePath, key: &str) -> Result<Option<Object>> {
        match self.distance.of(self.store.look(key)).await {
            Ok(object) => Ok(object),
            Err(failure) => Err(self.explained(path, failure.at(path)).await),
        }
    }

    /// The same, with the headers to send again when the object is extended: it is stored anew then, and has to keep them.
    pub(crate) async fn head_and_kept(
        &self,
        path: &StoragePath,
        key: &str,
    ) -> Result<Option<(Object, HeaderMap)>> {
        match self.store.head_and_headers(key).await {
            Ok((object, headers)) => Ok(Some((object, self.store.kept(headers)))),
            Err(failure) if failure.is_not_found() => Ok(None),
            // Another request finds out the reason of the refusal.
            Err(_) => Ok(self.head(path, key).await?.map(|object| (object, HeaderMap::new()))),
        }
    }

    /// Opens an object for reading: all of it, or the bytes of a range whose last byte is included. With an entity tag, only the
    /// object with this tag.
    pub(crate) async fn get(
        &self,
        key: &str,
        range: Option<(u64, Option<u64>)>,
        if_match: Option<&str>,
    ) -> Result<(Object, HttpResponse), Failure> {
        self.distance.of(self.store.get(key, range, if_match)).await
    }

    /// A reply to HEAD has no body, so a refusal comes without its reason: the access key may be wrong, or lack a right. The same
    /// refusal of a listing has the reason.
    async fn explained(&self, path: &StoragePath, refusal: Error) -> Error {
        if refusal.kind() != ErrorKind::PermissionDenied {
            return refusal;
        }
        let Ok(prefix) = self.keys.directory(path) else { return refusal };
        self.holds_keys(path, &prefix).await.err().unwrap_or(refusal)
    }

    /// One page of the keys that start with `prefix`. Keys with another slash behind the prefix become prefixes themselves, unless
    /// the listing is `flat`.
    pub(crate) async fn page(
        &self,
        prefix: &str,
        asked: Option<Next>,
        flat: bool,
        max_keys: Option<usize>,
    ) -> Result<Page<Next>, Failure> {
        let token = asked.as_ref().map(Next::token);
        let page = self.distance.of(self.store.page(prefix, token, flat, max_keys)).await?;
        Next::after(asked, page)
    }

    /// Whether any key starts with `prefix`.
    pub(crate) async fn holds_keys(&self, path: &StoragePath, prefix: &str) -> Result<bool> {
        let mut token = None;
        loop {
            match self.page(prefix, token, true, Some(1)).await {
                Ok(page) if !page.objects.is_empty() => return Ok(true),
                // A page can be empty before the last one.
                Ok(page) => match page.next {
                    Some(next) => token = Some(next),
                    None => return Ok(false),
                },
                Err(failure) if failure.is_impossible_name() => return Ok(false),
                Err(failure) => return Err(failure.at(path)),
            }
        }
    }

    /// Writes the marker of a directory.
    pub(crate) async fn put_marker(&self, path: &StoragePath, directory: &str) -> Result<()> {
        let key = self.keys.marker(directory);
        self.store.put_marker(&key).await.map_err(|failure| match failure.at(path) {
            // Somebody else has made a file of this name meanwhile.
            error if error.kind() == ErrorKind::Conflict => {
                Error::with_source(ErrorKind::AlreadyExists, path, error)
            }
            error => error,
        })
    }

    /// Removes the object with this key; with `only`, just this object, on stores that know such conditions. A missing object is
    /// no error.
    pub(crate) async fn delete(&self, path: &StoragePath, key: &str, only: Option<&Object>) -> Result<()> {
        self.store.delete(key, only).await.map_err(|failure| failure.at(path))
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", &self.name).field("keys", &self.keys).finish_non_exhaustive()
    }
}
