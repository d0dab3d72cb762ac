//! The requests that the operations are made of, one method each.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    Attribute, AttributeValue, CopyMode, CopyOptions, GetOptions, ObjectStore, PutMode, PutOptions,
    PutPayload,
};

use super::entry::{FOLDER, Object, Page};
use super::error::{Failure, is_not_found, map};
use super::key::{Keys, Provider};
use super::known::Known;
use super::listing::Reported;
use super::s3::S3;
use super::settings::Tuning;
use crate::{Buffers, Error, ErrorKind, Result, StoragePath};

/// The slowest line that an upload is expected to work over, in bytes a second.
const SLOWEST: u64 = 32 * 1024;

/// A bucket, and how to talk to it.
pub(super) struct Client {
    /// For requests that are answered soon: gives up when the store is silent.
    pub objects: Arc<dyn ObjectStore>,
    pub pages: Arc<dyn PaginatedListStore>,
    /// For requests that send much or take long; each needs a [`patience`].
    pub uploads: Arc<dyn ObjectStore>,
    pub parts: Arc<dyn MultipartStore>,
    /// What the library can't do, where the store speaks that protocol.
    pub s3: Option<S3>,
    pub keys: Keys,
    /// Names the bucket to a person.
    pub name: String,
    pub tuning: Tuning,
    /// What was seen in the bucket lately.
    pub known: Known,
    /// The directories that were told of in the log.
    pub reported: Reported,
    /// The memory that uploads and downloads share with those of other storages.
    pub buffers: Arc<Buffers>,
}

/// How long a request that moves `bytes` may take: without any limit a lost connection would hold an
/// upload for hours.
pub(super) fn patience(tuning: &Tuning, bytes: u64) -> Duration {
    tuning.read_timeout + tuning.retry_timeout + Duration::from_secs(bytes / SLOWEST)
}

/// A key as the library has it.
///
/// # Errors
/// [`ErrorKind::InvalidName`] if the library would send another one.
pub(super) fn location(path: &StoragePath, key: &str) -> Result<Path> {
    match Path::parse(key) {
        Ok(parsed) if parsed.as_ref() == key => Ok(parsed),
        Ok(parsed) if key.strip_suffix('/') == Some(parsed.as_ref()) => Ok(parsed.join("")),
        Ok(_) => Err(Error::with_source(ErrorKind::InvalidName, path, "not a key")),
        Err(error) => Err(Error::with_source(ErrorKind::InvalidName, path, error)),
    }
}

impl Client {
    /// A key as the library has it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] if the library would send another one.
    pub(super) fn location(&self, path: &StoragePath, key: &str) -> Result<Path> {
        // The library drops the slash in Azure's URLs, and would mean another blob.
        if self.keys.provider == Provider::Azure && key.ends_with('/') {
            return Err(Error::with_source(
                ErrorKind::Unsupported,
                path,
                "a blob whose name ends with a slash",
            ));
        }
        location(path, key)
    }

    /// What stands under a key; `None` if nothing does.
    pub(super) async fn head(&self, path: &StoragePath, key: &str) -> Result<Option<Object>> {
        let found = match &self.s3 {
            Some(s3) => match s3.head(key).await {
                Ok((object, _)) => Ok(Some(object)),
                Err(failure) if failure.is_not_found() => Ok(None),
                Err(failure) => Err(failure.at(path)),
            },
            None => {
                let options = GetOptions { head: true, ..GetOptions::default() };
                match self.objects.get_opts(&self.location(path, key)?, options).await {
                    Ok(found) => Ok(Some(Object::with_attributes(found.meta, &found.attributes))),
                    Err(error) if is_not_found(&error) => Ok(None),
                    Err(error) => Err(map(path, &error)),
                }
            }
        };
        match found {
            Err(refusal) => Err(self.explained(path, refusal).await),
            found => found,
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

    /// One page of the keys that start with `prefix`. Keys with another slash behind it are told as prefixes, unless it is
    /// `flat`; for the library's sake that is for prefixes that end with a slash or are empty.
    pub(super) async fn page(
        &self,
        prefix: &str,
        token: Option<String>,
        flat: bool,
        max_keys: Option<usize>,
    ) -> Result<Page, Failure> {
        if let Some(s3) = &self.s3 {
            return s3.page(prefix, token.as_deref(), flat, max_keys).await;
        }
        let options = PaginatedListOptions {
            delimiter: (!flat).then_some("/".into()),
            max_keys,
            page_token: token,
            ..PaginatedListOptions::default()
        };
        let asked = Some(prefix).filter(|prefix| !prefix.is_empty());
        let found = self.pages.list_paginated(asked, options).await.map_err(Failure::Library)?;
        Ok(Page::new(found, prefix))
    }

    /// Whether any key starts with `prefix`.
    pub(super) async fn holds_keys(&self, path: &StoragePath, prefix: &str) -> Result<bool> {
        let mut token = None;
        loop {
            match self.page(prefix, token, true, Some(1)).await {
                Ok(page) if !page.objects.is_empty() => return Ok(true),
                // A page can be empty before the last one.
                Ok(page) => match page.next {
                    Some(next) => token = Some(next),
                    None => return Ok(false),
                },
                // A key that is no path is a key.
                Err(Failure::Library(object_store::Error::InvalidPath { .. })) => return Ok(true),
                Err(failure) => return Err(failure.at(path)),
            }
        }
    }

    /// Writes the marker of a directory.
    pub(super) async fn put_marker(&self, path: &StoragePath, directory: &str) -> Result<()> {
        let mut options = PutOptions::default();
        if self.keys.provider == Provider::Azure {
            options.attributes.insert(Attribute::Metadata(FOLDER.into()), AttributeValue::from("true"));
            // Here a file has the same key, and one may have come since it was looked for.
            options.mode = PutMode::Create;
        }
        let marker = self.location(path, &self.keys.marker(directory))?;
        self.objects
            .put_opts(&marker, PutPayload::new(), options)
            .await
            .map(drop)
            .map_err(|error| map(path, &error))
    }

    /// Removes one object; one with another entity tag than is given stays, on stores that know such conditions. That it is
    /// not there is no error.
    pub(super) async fn delete(&self, path: &StoragePath, key: &str, e_tag: Option<&str>) -> Result<()> {
        if let Some(s3) = &self.s3 {
            return s3.delete(key, e_tag).await.map_err(|failure| failure.at(path));
        }
        let one = stream::iter([Ok(self.location(path, key)?)]).boxed();
        let mut outcome = self.objects.delete_stream(one);
        match outcome.next().await {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(error)) if is_not_found(&error) => Ok(()),
            Some(Err(error)) => Err(map(path, &error)),
        }
    }

    /// Copies an object inside the store, in one request.
    pub(super) async fn copy(
        &self,
        path: &StoragePath,
        from: &Object,
        to: &str,
        mode: CopyMode,
    ) -> Result<()> {
        let options = CopyOptions { mode, ..CopyOptions::default() };
        let (source, target) = (self.location(path, &from.key)?, self.location(path, to)?);
        let copy = self.uploads.copy_opts(&source, &target, options);
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
