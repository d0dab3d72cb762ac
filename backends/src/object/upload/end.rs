//! How an upload ends: under the condition that it has, and with a look at what is there where the store's answer was lost.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt;
use md5::{Digest as _, Md5};
use object_store::PutPayload;

use super::ObjectUpload;
use super::turn::turn;
use super::writes::{NotStored, put};
use crate::object::download;
use crate::object::store::object::{Before, Object};
use crate::{Error, ErrorKind, Result, StoragePath};

/// The object that must be under the key when the upload is finished.
pub(crate) enum Condition {
    Anything,
    Nothing,
    /// The object that the upload extends.
    This(Box<Object>),
}

impl Condition {
    pub(crate) fn before(&self) -> Before<'_> {
        match self {
            Self::Anything => Before::Anything,
            Self::Nothing => Before::Nothing,
            Self::This(object) => Before::This(object),
        }
    }
}

impl ObjectUpload {
    /// Sends everything in one request.
    async fn put_whole(&mut self) -> Result<Option<String>> {
        let (payload, _share) = self.held.take(&self.path).await?;
        let _turn = turn(&self.bucket, &self.key).await;
        if matches!(self.condition, Condition::Nothing) && !self.bucket.store.creates_atomically() {
            self.check_nothing().await?;
        }
        self.put(&payload, self.condition.before()).await
    }

    /// Ends the upload, unless something failed before, and returns the entity tag and the length of the whole.
    pub(crate) async fn store(mut self, sent: Result<()>) -> Result<(Option<String>, u64)> {
        let sent = match sent {
            Ok(()) => self.has_name().await,
            failed => failed,
        };
        let stored = match (self.tail.take(), &self.multipart) {
            _ if sent.is_err() => sent.map(|()| (None, 0)),
            _ if !self.intact => {
                Err(Error::with_source(ErrorKind::Other, &self.path, "an earlier part of it was not written"))
            }
            (Some(tail), _) => self.finish_tail(tail).await,
            (None, None) => self.put_whole().await.map(|e_tag| (e_tag, self.length)),
            (None, Some(_)) => self.complete().await.map(|e_tag| (e_tag, self.length)),
        };
        if let Err(error) = &stored
            && let Some(mut multipart) = self.multipart.take()
        {
            if self.stays && error.kind() == ErrorKind::Unavailable {
                multipart.let_go();
            } else if let Err(second) = multipart.abort().await {
                tracing::warn!(path = %self.path, error = %second, "an unfinished upload is left on the store");
            }
        }
        stored
    }

    /// Stores all there is in one request.
    pub(crate) async fn put(&self, payload: &PutPayload, before: Before<'_>) -> Result<Option<String>> {
        let headers = self.headers_of_object();
        match put(&self.bucket, &self.path, &self.key, payload.clone(), headers, before).await {
            Ok(e_tag) => Ok(e_tag),
            Err(NotStored { error, may_be_there, may_have_been_there }) => {
                // Sent twice because the first answer was lost, it meets itself; or no answer came at all.
                let is_unknown =
                    !matches!(before, Before::Anything) || error.kind() == ErrorKind::Unavailable;
                if may_be_there && is_unknown && self.is_there(payload).await {
                    return Ok(None);
                }
                let error = refused(&self.path, before, error);
                let is_refused = matches!(error.kind(), ErrorKind::Conflict | ErrorKind::AlreadyExists);
                Err(match before {
                    // The object may have been stored, and changed by somebody else since: a second time could be too much.
                    Before::Nothing | Before::This(_) if may_have_been_there && is_refused => {
                        Error::with_source(ErrorKind::Unavailable, &self.path, error)
                    }
                    _ => error,
                })
            }
        }
    }

    /// Whether the object has this content.
    async fn is_there(&self, payload: &PutPayload) -> bool {
        let Ok(Some(now)) = self.bucket.head(&self.path, &self.key).await else { return false };
        if now.size != payload.content_length() as u64 {
            return false;
        }
        let mut digest = Md5::new();
        payload.iter().for_each(|bytes| digest.update(bytes));
        let digest = digest.finalize();
        if let Some(md5) = &now.md5 {
            return *md5 == BASE64_STANDARD.encode(digest);
        }
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        // If the store encrypts with keys of its owner, the entity tag is no digest of the content.
        now.e_tag.as_deref().is_some_and(|e_tag| e_tag.trim_matches('"') == digits)
            || self.reads_as(&now, &digest).await
    }

    /// Whether an object has this MD5, by its content.
    async fn reads_as(&self, object: &Object, expected: &[u8]) -> bool {
        let mut digest = Md5::new();
        let mut content = download::section(&self.bucket, &self.path, object, (0, object.size));
        while let Some(chunk) = content.next().await {
            match chunk {
                Ok(chunk) => digest.update(&chunk),
                Err(_) => return false,
            }
        }
        digest.finalize().as_slice() == expected
    }

    async fn complete(&mut self) -> Result<Option<String>> {
        if self.held.len() > 0 {
            self.send().await?;
        }
        self.multipart().await_all().await?;
        let _turn = turn(&self.bucket, &self.key).await;
        self.end(self.length).await
    }

    /// Makes an object of `length` bytes of all parts, which have arrived.
    pub(crate) async fn end(&mut self, length: u64) -> Result<Option<String>> {
        self.check_condition().await?;
        let Some(multipart) = &mut self.multipart else { return Ok(None) };
        let before = self.condition.before();
        multipart.complete(length, before).await.map_err(|error| refused(&self.path, before, error))
    }

    /// Looks whether what is there is what has to be there. Not every store knows such a condition of a completion; this
    /// leaves the smallest gap.
    async fn check_condition(&self) -> Result<()> {
        let Condition::This(before) = &self.condition else {
            return match self.condition {
                Condition::Nothing => self.check_nothing().await,
                Condition::Anything | Condition::This(_) => Ok(()),
            };
        };
        match self.bucket.head(&self.path, &self.key).await? {
            Some(now) if now.e_tag == before.e_tag => Ok(()),
            _ => Err(Error::new(ErrorKind::Conflict, &self.path)),
        }
    }

    /// Makes sure that no object is there, if the server may ask: without the right to read it relies on the store's condition.
    pub(crate) async fn check_nothing(&self) -> Result<()> {
        let is_taken = match self.bucket.traits().refuses_absent {
            true => match self.bucket.store.head(&self.key).await {
                Ok(_) => true,
                Err(failure) if failure.is_not_found() => false,
                Err(failure) => match failure.at(&self.path) {
                    denied if denied.kind() == ErrorKind::PermissionDenied => false,
                    error => return Err(error),
                },
            },
            false => self.bucket.head(&self.path, &self.key).await?.is_some(),
        };
        match is_taken {
            true => Err(Error::new(ErrorKind::AlreadyExists, &self.path)),
            false => Ok(()),
        }
    }
}

/// The meaning of a refusal, if the store has one word for several reasons.
fn refused(path: &StoragePath, before: Before<'_>, error: Error) -> Error {
    match (before, error.kind()) {
        // The store's 409 says that two requests met; nothing forbade a file here.
        (Before::Anything | Before::This(_), ErrorKind::AlreadyExists) => {
            Error::with_source(ErrorKind::Conflict, path, error)
        }
        (Before::Nothing, ErrorKind::Conflict) => Error::with_source(ErrorKind::AlreadyExists, path, error),
        _ => error,
    }
}
