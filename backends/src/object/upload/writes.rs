//! The requests that store content, and what their failures say of what is there now.

use std::collections::BTreeMap;

use http::HeaderMap;
use object_store::PutPayload;

use crate::object::bucket::Bucket;
use crate::object::store::Target;
use crate::object::store::failure::Failure;
use crate::object::store::object::Before;
use crate::{Error, ErrorKind, Result, StoragePath};

/// How the end of an upload in parts went.
pub(super) enum Completion {
    /// It is an object now, with this entity tag, if the store sent one that can be compared.
    Done(Option<String>),
    /// The store refuses it, and has made nothing of it.
    Refused(Error),
    /// There is no answer that decides it: the store may have made the object, or may still do so.
    Undecided(Error),
    /// It was sent before, and the store refuses it now, as it would after it had made the object.
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

/// Why a whole object was not stored.
pub(super) struct NotStored {
    pub(super) error: Error,
    /// Some request may have stored it, whose answer was lost.
    pub(super) may_be_there: bool,
    /// It was sent again, and the store may have stored it the first time: since then somebody else may have changed the object.
    pub(super) may_have_been_there: bool,
}

/// Stores a whole object, if what is there before is what it has to be, and returns its entity tag. It gets these headers.
pub(super) async fn put(
    bucket: &Bucket,
    path: &StoragePath,
    key: &str,
    content: PutPayload,
    headers: HeaderMap,
    before: Before<'_>,
) -> Result<Option<String>, NotStored> {
    bucket.store.put(key, content, headers, before).await.map_err(|failure| {
        // A condition that does not hold when it is asked for the first time says that somebody else was there.
        let may_have_been_there = failure.may_have_been_done();
        let may_be_there = may_have_been_there || !failure.is_conflict();
        let error = match before {
            // The object of the condition is not there any more.
            Before::This(_) if failure.is_not_found() => {
                Error::with_source(ErrorKind::Conflict, path, failure.at(path))
            }
            _ => failure.at(path),
        };
        NotStored { error, may_be_there, may_have_been_there }
    })
}

/// Makes an object of parts, each with its number and tag.
pub(super) async fn complete(
    bucket: &Bucket,
    path: &StoragePath,
    upload: &str,
    parts: &BTreeMap<usize, String>,
    target: &Target<'_>,
) -> Completion {
    match bucket.store.complete(upload, parts, target).await {
        Ok(e_tag) => Completion::Done(e_tag),
        Err(failure) => Completion::failed(path, failure),
    }
}
