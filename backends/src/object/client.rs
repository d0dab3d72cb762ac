//! The requests that the operations are made of, one method each.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, stream};
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::path::Path;
use object_store::{
    Attribute, AttributeValue, Attributes, CopyMode, CopyOptions, GetOptions, ObjectMeta, ObjectStore,
    PutMode, PutOptions, PutPayload,
};

use super::error::{is_not_found, map};
use super::key::{Keys, Provider};
use super::settings::Tuning;
use crate::{Error, ErrorKind, Metadata, Result, StoragePath};

/// The metadata that makes an empty blob a directory, as Azure's own tools write it.
const FOLDER: &str = "hdi_isfolder";

/// The slowest line that an upload is expected to work over, in bytes a second.
const SLOWEST: u64 = 32 * 1024;

/// A bucket, and how to talk to it.
pub(super) struct Client {
    /// For requests that are answered soon: gives up when the store is silent.
    pub objects: Arc<dyn ObjectStore>,
    pub pages: Arc<dyn PaginatedListStore>,
    /// For requests that send much or take long; each needs a [`patience`].
    pub uploads: Arc<dyn ObjectStore>,
    pub keys: Keys,
    /// Names the bucket to a person.
    pub name: String,
    pub tuning: Tuning,
}

/// An object as the store describes it.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub meta: ObjectMeta,
    /// It is a directory's marker by its metadata.
    pub is_folder: bool,
}

impl Object {
    pub(super) fn metadata(&self) -> Metadata {
        metadata_of(&self.meta)
    }
}

/// What is known of an object.
pub(super) fn metadata_of(meta: &ObjectMeta) -> Metadata {
    // Equal content has equal entity tags wherever it stands.
    let version = (meta.location.as_ref(), &meta.e_tag, meta.size, meta.last_modified);
    Metadata::file(meta.size, modified(meta)).with_version(&version)
}

/// When an object changed last.
pub(super) fn modified(meta: &ObjectMeta) -> Option<SystemTime> {
    // The library's way to say that the store didn't tell.
    Some(SystemTime::from(meta.last_modified)).filter(|time| *time != SystemTime::UNIX_EPOCH)
}

/// Whether attributes are those of a marker.
pub(super) fn is_folder(attributes: &Attributes) -> bool {
    attributes.iter().any(|(name, value)| {
        matches!(name, Attribute::Metadata(name) if name.eq_ignore_ascii_case(FOLDER))
            && value.eq_ignore_ascii_case("true")
    })
}

/// How long a request that moves `bytes` may take: without any limit a lost connection would hold an
/// upload for hours.
pub(super) fn patience(tuning: &Tuning, bytes: u64) -> Duration {
    tuning.read_timeout + tuning.retry_timeout + Duration::from_secs(bytes / SLOWEST)
}

impl Client {
    /// What stands under a key; `None` if nothing does.
    pub(super) async fn head(&self, path: &StoragePath, key: &Path) -> Result<Option<Object>> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.objects.get_opts(key, options).await {
            Ok(found) => Ok(Some(Object { is_folder: is_folder(&found.attributes), meta: found.meta })),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(self.explained(path, map(path, &error)).await),
        }
    }

    /// A reply to HEAD has no body, so a refusal comes without its reason: whether it is the key that is wrong or what
    /// may be done with it. The same refusal of a listing has one.
    async fn explained(&self, path: &StoragePath, refusal: Error) -> Error {
        if refusal.kind() != ErrorKind::PermissionDenied {
            return refusal;
        }
        let Ok(prefix) = self.keys.directory(path) else { return refusal };
        self.holds_keys(path, &prefix).await.err().unwrap_or(refusal)
    }

    /// One page of the keys that start with `prefix`, which is empty or ends with a slash.
    pub(super) async fn page(
        &self,
        prefix: &str,
        token: Option<String>,
        flat: bool,
        max_keys: Option<usize>,
    ) -> object_store::Result<PaginatedListResult> {
        let options = PaginatedListOptions {
            delimiter: (!flat).then_some("/".into()),
            max_keys,
            page_token: token,
            ..PaginatedListOptions::default()
        };
        self.pages.list_paginated(Some(prefix).filter(|prefix| !prefix.is_empty()), options).await
    }

    /// Whether any key starts with `prefix`.
    pub(super) async fn holds_keys(&self, path: &StoragePath, prefix: &str) -> Result<bool> {
        let mut token = None;
        loop {
            match self.page(prefix, token, true, Some(1)).await {
                Ok(page) if !page.result.objects.is_empty() => return Ok(true),
                // A page can be empty before the last one.
                Ok(page) => match page.page_token {
                    Some(next) => token = Some(next),
                    None => return Ok(false),
                },
                // A key that is no path is a key.
                Err(object_store::Error::InvalidPath { .. }) => return Ok(true),
                Err(error) => return Err(map(path, &error)),
            }
        }
    }

    /// Writes the marker of a directory.
    pub(super) async fn put_marker(&self, path: &StoragePath, directory: &Path) -> Result<()> {
        let mut options = PutOptions::default();
        if self.keys.provider == Provider::Azure {
            options.attributes.insert(Attribute::Metadata(FOLDER.into()), AttributeValue::from("true"));
            // Here a file has the same key, and one may have come since it was looked for.
            options.mode = PutMode::Create;
        }
        let marker = self.keys.marker(directory);
        self.objects
            .put_opts(&marker, PutPayload::new(), options)
            .await
            .map(drop)
            .map_err(|error| map(path, &error))
    }

    /// Removes one object. That it is not there is no error.
    pub(super) async fn delete(&self, path: &StoragePath, key: &Path) -> Result<()> {
        let one = stream::iter([Ok(key.clone())]).boxed();
        let mut outcome = self.objects.delete_stream(one);
        match outcome.next().await {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(error)) if is_not_found(&error) => Ok(()),
            Some(Err(error)) => Err(map(path, &error)),
        }
    }

    /// Copies an object inside the store.
    pub(super) async fn copy(
        &self,
        path: &StoragePath,
        from: &ObjectMeta,
        to: &Path,
        mode: CopyMode,
    ) -> Result<()> {
        let options = CopyOptions { mode, ..CopyOptions::default() };
        let copy = self.uploads.copy_opts(&from.location, to, options);
        match tokio::time::timeout(patience(&self.tuning, from.size), copy).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(map(path, &error)),
            Err(_) => Err(silent(path)),
        }
    }
}

/// The error of a request that took longer than its [`patience`].
pub(super) fn silent(path: &StoragePath) -> Error {
    Error::with_source(ErrorKind::Unavailable, path, "the store did not answer in time")
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("name", &self.name).field("keys", &self.keys).finish_non_exhaustive()
    }
}
