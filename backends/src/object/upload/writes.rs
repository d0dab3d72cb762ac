//! The requests that store content, in the protocol of each cloud: requests of our own on S3, and of the library where it
//! knows more of the protocol than we do.

use std::collections::BTreeMap;

use http::HeaderMap;
use object_store::multipart::PartId;
use object_store::{Attributes, PutMode, PutMultipartOptions, PutOptions, PutPayload, UpdateVersion};

use crate::object::bucket::keys::Provider;
use crate::object::bucket::{Client, Own, silent};
use crate::object::settings::options::attributes;
use crate::object::store::failure::{Failure, is_definite, is_not_found, map};
use crate::object::store::object::Before;
use crate::object::wire::patience::patience;
use crate::{Error, ErrorKind, Result, StoragePath};

/// How the end of an upload in parts went.
pub(crate) enum Completion {
    /// It is an object now, with this entity tag, if the store tells one that can be compared.
    Done(Option<String>),
    /// The store refuses it, and has made nothing of it.
    Refused(Error),
    /// There is no answer that decides it: the store may have made the object, or may still do so.
    Undecided(Error),
    /// It was sent before, and the store refuses now what it would refuse if it had made the object then.
    Met(Error),
    /// The store knows no such upload: it was completed by a request whose answer was lost, or somebody aborted it.
    Gone { sent_before: bool },
}

impl Completion {
    fn failed(path: &StoragePath, failure: Failure) -> Self {
        match () {
            () if failure.is_not_found() => Self::Gone { sent_before: failure.was_sent_before() },
            // Of two that meet, 409 may be the first one itself, which is still under way.
            () if failure.may_have_met_itself() && failure.is_precondition() => Self::Met(failure.at(path)),
            () if failure.is_definite() => Self::Refused(failure.at(path)),
            () => Self::Undecided(failure.at(path)),
        }
    }
}

/// What is to be made of parts.
pub(crate) struct Target<'a> {
    pub(crate) key: &'a str,
    /// What it has beside its content.
    pub(crate) headers: &'a HeaderMap,
    /// That of all parts.
    pub(crate) length: u64,
    /// What stands there until then.
    pub(crate) before: Before<'a>,
}

/// Why a whole object was not stored.
pub(crate) struct NotStored {
    pub(crate) error: Error,
    /// Some request may have stored it, whose answer was lost.
    pub(crate) may_be_there: bool,
}

impl From<Error> for NotStored {
    fn from(error: Error) -> Self {
        Self { error, may_be_there: true }
    }
}

impl Client {
    /// What tells the bucket from all others.
    pub(crate) fn address(&self) -> String {
        let requests = match &self.own {
            Own::S3(s3) => &s3.requests,
            Own::Google(google) => &google.requests,
            Own::Azure(azure) => &azure.requests,
        };
        format!("{} {}", requests.url, requests.bucket)
    }

    /// Stores a whole object, if what is there before is what it has to be, and returns its entity tag. It gets these
    /// headers.
    pub(crate) async fn put(
        &self,
        path: &StoragePath,
        key: &str,
        content: PutPayload,
        headers: HeaderMap,
        before: Before<'_>,
    ) -> Result<Option<String>, NotStored> {
        let length = content.content_length() as u64;
        let stored = match &self.own {
            Own::S3(s3) => s3.put(key, content, headers, before).await,
            Own::Google(google) => match google.put(key, content, headers, before).await {
                Ok(stored) if stored.size == length => Ok(stored.e_tag),
                Ok(_) => {
                    let text = "the store tells another size of it";
                    return Err(Error::with_source(ErrorKind::Other, path, text).into());
                }
                Err(failure) => Err(failure),
            },
            Own::Azure(azure) => {
                let attributes = attributes(&azure.headers.of_new(key, headers));
                return Ok(self.put_by_library(path, key, content, attributes, before).await?);
            }
        };
        stored.map_err(|failure| {
            // A condition that does not hold when it is asked for the first time says that somebody else was there.
            let may_be_there = !failure.is_precondition() || failure.may_have_met_itself();
            let error = match before {
                // What the condition names is not there any more.
                Before::This(_) if failure.is_not_found() => {
                    Error::with_source(ErrorKind::Conflict, path, failure.at(path))
                }
                _ => failure.at(path),
            };
            NotStored { error, may_be_there }
        })
    }

    async fn put_by_library(
        &self,
        path: &StoragePath,
        key: &str,
        content: PutPayload,
        attributes: Attributes,
        before: Before<'_>,
    ) -> Result<Option<String>> {
        let mode = match before {
            Before::Anything => PutMode::Overwrite,
            Before::Nothing => PutMode::Create,
            Before::This(object) if object.e_tag.is_none() && object.version.is_none() => PutMode::Overwrite,
            Before::This(object) => PutMode::Update(UpdateVersion {
                e_tag: object.e_tag.clone(),
                version: object.version.clone(),
            }),
        };
        let location = self.location(path, key)?;
        let patience = patience(&self.tuning, content.content_length() as u64);
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        let put = self.uploads.put_opts(&location, content, options);
        match tokio::time::timeout(patience, put).await {
            Ok(Ok(stored)) => Ok(stored.e_tag),
            Ok(Err(error)) => Err(map(path, &error)),
            Err(_) => Err(silent(path)),
        }
    }

    /// Begins an upload in parts and returns its id. The object gets these headers; Azure learns them
    /// at the end.
    pub(crate) async fn begin_upload(
        &self,
        path: &StoragePath,
        key: &str,
        headers: HeaderMap,
    ) -> Result<String> {
        if let Own::S3(s3) = &self.own {
            return s3.create_upload(key, headers).await.map_err(|failure| failure.at(path));
        }
        let location = self.location(path, key)?;
        let mut options = PutMultipartOptions::default();
        if let Own::Google(google) = &self.own {
            options.attributes = attributes(&google.headers.of_new(key, headers));
        }
        let begin = self.parts.create_multipart_opts(&location, options);
        match tokio::time::timeout(patience(&self.tuning, 0), begin).await {
            Ok(begun) => begun.map_err(|error| map(path, &error)),
            Err(_) => Err(silent(path)),
        }
    }

    /// Sends the part with this number, counted from 1, and returns its tag.
    pub(crate) async fn send_part(
        &self,
        path: &StoragePath,
        key: &str,
        upload: &String,
        number: usize,
        content: PutPayload,
    ) -> Result<String> {
        if let Own::S3(s3) = &self.own {
            return s3.put_part(key, upload, number, content).await.map_err(|failure| failure.at(path));
        }
        let location = self.location(path, key)?;
        let patience = patience(&self.tuning, content.content_length() as u64);
        let part = self.parts.put_part(&location, upload, number - 1, content);
        match tokio::time::timeout(patience, part).await {
            Ok(Ok(part)) => Ok(part.content_id),
            Ok(Err(error)) => Err(map(path, &error)),
            Err(_) => Err(silent(path)),
        }
    }

    /// Makes an object of parts, each with its number and tag. On S3, what is there before has to be what it has to be;
    /// elsewhere nothing but a look can make sure of it.
    pub(crate) async fn complete_upload(
        &self,
        path: &StoragePath,
        upload: &String,
        parts: &BTreeMap<usize, String>,
        target: Target<'_>,
    ) -> Completion {
        let Target { key, headers, length, before } = target;
        if let Own::S3(s3) = &self.own {
            return match s3.complete_upload(key, upload, parts, length, before).await {
                Ok(e_tag) => Completion::Done(e_tag),
                Err(failure) => Completion::failed(path, failure),
            };
        }
        if let Own::Azure(azure) = &self.own {
            return match azure.put_block_list(key, headers.clone(), parts.values(), length).await {
                Ok(e_tag) => Completion::Done(e_tag),
                Err(failure) => Completion::failed(path, failure),
            };
        }
        let location = match self.location(path, key) {
            Ok(location) => location,
            Err(error) => return Completion::Refused(error),
        };
        let parts = parts.values().map(|tag| PartId { content_id: tag.clone() }).collect();
        let complete = self.parts.complete_multipart(&location, upload, parts);
        match tokio::time::timeout(patience(&self.tuning, length), complete).await {
            // Google's is one of another kind than ours.
            Ok(Ok(done)) => Completion::Done(done.e_tag.filter(|_| self.keys.provider != Provider::Gcs)),
            // The library doesn't tell how often it has sent the request.
            Ok(Err(error)) if is_not_found(&error) => Completion::Gone { sent_before: true },
            Ok(Err(error)) if is_definite(&error) => Completion::Refused(map(path, &error)),
            Ok(Err(error)) => Completion::Undecided(map(path, &error)),
            Err(_) => Completion::Undecided(silent(path)),
        }
    }

    /// Gives an upload up. That there is none is no error.
    pub(crate) async fn abort_upload(&self, path: &StoragePath, key: &str, upload: &String) -> Result<()> {
        if let Own::S3(s3) = &self.own {
            return s3.abort_upload(key, upload).await.map_err(|failure| failure.at(path));
        }
        let location = self.location(path, key)?;
        let abort = self.parts.abort_multipart(&location, upload);
        match tokio::time::timeout(patience(&self.tuning, 0), abort).await {
            Ok(Err(error)) if !is_not_found(&error) => Err(map(path, &error)),
            Ok(Ok(()) | Err(_)) => Ok(()),
            Err(_) => Err(silent(path)),
        }
    }
}
