//! The requests that the operations are made of, one method each.

pub(crate) mod free_names;
pub(crate) mod hollow;
pub(crate) mod kept;
pub(crate) mod keys;
pub(crate) mod known;
pub(crate) mod lookup;
pub(crate) mod name_check;
pub(crate) mod reported;

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use object_store::client::HttpResponse;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{Attribute, AttributeValue, ObjectStore, PutMode, PutOptions, PutPayload};
use tokio::sync::Semaphore;

use self::keys::{Keys, Provider};
use self::known::Known;
use self::reported::Reported;
use crate::object::azure::Azure;
use crate::object::google::Google;
use crate::object::s3::S3;
use crate::object::settings::Tuning;
use crate::object::store::failure::{Failure, map};
use crate::object::store::object::{Before, FOLDER, Next, Object, Page};
use crate::{Buffers, Error, ErrorKind, Result, StoragePath};

/// A bucket, and how to talk to it.
pub(crate) struct Client {
    /// For requests that are answered soon: gives up when the store is silent.
    pub objects: Arc<dyn ObjectStore>,
    /// For requests that send much or take long; each needs a [patience](crate::object::wire::patience::patience).
    pub uploads: Arc<dyn ObjectStore>,
    pub parts: Arc<dyn MultipartStore>,
    /// What the library can't do.
    pub own: Own,
    pub keys: Keys,
    /// Names the bucket to a person.
    pub name: String,
    pub tuning: Tuning,
    /// What was seen in the bucket lately.
    pub known: Known,
    /// The directories that were told of in the log.
    pub reported: Reported,
    /// Who may hold bytes beside the [`buffers`](Self::buffers) for a moment: one at a time, as to wait for room while others
    /// wait for what it holds could take for ever.
    pub alone: Semaphore,
    /// The same for those who go on from what is there, who do wait for room.
    pub settling: Semaphore,
    /// The memory that uploads and downloads share with those of other storages.
    pub buffers: Arc<Buffers>,
}

/// Requests of our own, in the protocol that the store speaks.
pub(crate) enum Own {
    S3(S3),
    Google(Google),
    Azure(Azure),
}

/// A key as the library has it.
///
/// # Errors
/// [`ErrorKind::InvalidName`] if the library would send another one.
pub(crate) fn location(path: &StoragePath, key: &str) -> Result<Path> {
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
    pub(crate) fn location(&self, path: &StoragePath, key: &str) -> Result<Path> {
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

    /// The requests of S3's protocol, if the store speaks it.
    /// Whether entity tags have the form of digests of the content and are none.
    pub(crate) fn hides_digests(&self) -> bool {
        self.s3().is_some_and(|s3| s3.headers.hide_digests())
    }

    pub(crate) fn s3(&self) -> Option<&S3> {
        match &self.own {
            Own::S3(s3) => Some(s3),
            Own::Google(_) | Own::Azure(_) => None,
        }
    }

    /// What stands under a key; `None` if nothing does.
    pub(crate) async fn head(&self, path: &StoragePath, key: &str) -> Result<Option<Object>> {
        let mut found = match &self.own {
            Own::S3(s3) => s3.head(key).await.map(|(object, _)| object),
            Own::Google(google) => google.head(key).await,
            Own::Azure(azure) => azure.head(key).await,
        };
        // Only an answer with a document says whether it is the name that can't be.
        if matches!(&found, Err(failure) if failure.is_wordless_refusal()) {
            found = self.get(key, Some((0, Some(0))), None).await.map(|(object, _)| object);
        }
        match found {
            Ok(object) => Ok(Some(object)),
            // What can't be is not there.
            Err(failure) if failure.is_not_found() || failure.is_impossible_name() => Ok(None),
            Err(failure) => Err(self.explained(path, failure.at(path)).await),
        }
    }

    /// Opens an object for reading: all of it, or the bytes from the first up to and with the last. With an entity tag, only
    /// that object.
    pub(crate) async fn get(
        &self,
        key: &str,
        range: Option<(u64, Option<u64>)>,
        if_match: Option<&str>,
    ) -> Result<(Object, HttpResponse), Failure> {
        match &self.own {
            Own::S3(s3) => s3.get(key, range, if_match).await,
            Own::Google(google) => google.get(key, range, if_match).await,
            Own::Azure(azure) => azure.get(key, range, if_match).await,
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
    /// `flat`.
    pub(crate) async fn page(
        &self,
        prefix: &str,
        asked: Option<Next>,
        flat: bool,
        max_keys: Option<usize>,
    ) -> Result<Page<Next>, Failure> {
        let token = asked.as_ref().map(Next::token);
        let page = match &self.own {
            Own::S3(s3) => s3.page(prefix, token, flat, max_keys).await?,
            Own::Google(google) => google.page(prefix, token, flat, max_keys).await?,
            Own::Azure(azure) => azure.page(prefix, token, flat, max_keys).await?,
        };
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
        let mut options = PutOptions::default();
        match &self.own {
            Own::S3(s3) => return s3.put_marker(&key).await.map_err(|failure| failure.at(path)),
            Own::Google(google) => {
                return match google.put(&key, PutPayload::new(), HeaderMap::new(), Before::Nothing).await {
                    Ok(_) => Ok(()),
                    // It is there, perhaps with somebody's data.
                    Err(failure) if failure.is_precondition() => Ok(()),
                    Err(failure) => Err(failure.at(path)),
                };
            }
            Own::Azure(_) => {
                options.attributes.insert(Attribute::Metadata(FOLDER.into()), AttributeValue::from("true"));
                // Here a file has the same key, and one may have come since it was looked for.
                options.mode = PutMode::Create;
            }
        }
        let marker = self.location(path, &key)?;
        let put = self.objects.put_opts(&marker, PutPayload::new(), options).await;
        match put.map(drop).map_err(|error| map(path, &error)) {
            // It is there already: somebody else's, or ours, if it was sent twice.
            Err(error)
                if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::Conflict)
                    && self.head(path, &key).await?.is_some_and(|object| object.is_folder) =>
            {
                Ok(())
            }
            put => put,
        }
    }

    /// Removes one object, or only this one, on stores that know such conditions. That it is not there is no error.
    pub(crate) async fn delete(&self, path: &StoragePath, key: &str, only: Option<&Object>) -> Result<()> {
        let deleted = match &self.own {
            Own::S3(s3) => s3.delete(key, only).await,
            Own::Google(google) => google.delete(key, only).await,
            Own::Azure(azure) => azure.delete(key, only).await,
        };
        deleted.map_err(|failure| failure.at(path))
    }
}

/// The error of a request that took longer than its [patience](crate::object::wire::patience::patience).
pub(crate) fn silent(path: &StoragePath) -> Error {
    Error::with_source(ErrorKind::Unavailable, path, "the store did not answer in time")
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("name", &self.name).field("keys", &self.keys).finish_non_exhaustive()
    }
}
