//! Copies an object of any size, and sets the time of an object on stores where only a copy can have another time.
//!
//! The store copies the object, in one request or in ranges that become the parts of an upload. An object that the store can't
//! copy is read and sent again.

pub(crate) mod times;

use std::sync::Arc;

use http::HeaderMap;

use super::bucket::Bucket;
use super::download;
use super::store::Copies;
use super::store::failure::Failure;
use super::store::object::{Before, Object};
use super::upload::ObjectUpload;
use super::upload::multipart::Multipart;
use super::upload::pieces::{PIECE, equal_pieces, pieces};
use crate::{Error, ErrorKind, Result, StoragePath};

/// The meaning of a failed condition of a copy.
const CHANGED: &str = "it changed, or the new name was taken, while it was copied";

/// Copies one object of any size, if it has not changed, and returns when the copy is complete. Unless it may `replace` the
/// object under the new key, stores that know such a condition make sure that there is none.
pub(super) async fn copy(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    from: &Object,
    to: &str,
    replace: bool,
) -> Result<()> {
    let mut headers = None;
    if bucket.store.changes_type(&from.key, to) {
        let looked = bucket.store.head_and_retyped(&from.key, to).await;
        headers = looked.map_err(|failure| failure.at(path))?.1;
    }
    copy_with(bucket, path, from, to, headers, replace).await.map(drop)
}

/// Copies one object so that the copy can be recognised later, even if entity tags don't show it.
pub(super) async fn copy_marked(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    from: &Object,
    to: &str,
) -> Result<()> {
    match bucket.store.mark_of_copy(from).await.map_err(|failure| failure.at(path))? {
        Some(marked) => copy_with(bucket, path, from, to, Some(marked), true).await.map(drop),
        None => copy(bucket, path, from, to, true).await,
    }
}

/// Copies one object, and returns the entity tag of the copy. `headers` replace those of the object.
async fn copy_with(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    from: &Object,
    to: &str,
    headers: Option<HeaderMap>,
    replace: bool,
) -> Result<Option<String>> {
    match bucket.traits().copies {
        Copies::UpTo(most) if from.size > most => in_pieces(bucket, path, from, to, headers).await,
        copies => match bucket.store.copy(from, to, headers.clone(), replace).await {
            Err(failure) if copies != Copies::Whole && failure.is_unknown_request() && from.key != to => {
                send_again(bucket, path, from, to, headers).await
            }
            copied => copied.map_err(|failure| refused(path, failure)),
        },
    }
}

fn refused(path: &StoragePath, failure: Failure) -> Error {
    match failure.is_precondition() {
        true => Error::with_source(ErrorKind::Conflict, path, CHANGED),
        false => failure.at(path),
    }
}

/// Copies one object that is too large for one request.
async fn in_pieces(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    from: &Object,
    to: &str,
    headers: Option<HeaderMap>,
) -> Result<Option<String>> {
    let headers = match headers {
        Some(headers) => bucket.store.completed(&from.key, headers).await,
        None => headers_of(bucket, path, from).await?.1,
    };
    // If this is given up, nothing stays behind: the upload is aborted when it is dropped.
    let mut upload = Multipart::begin(bucket, path, to, headers.clone());
    let done = async {
        let pieces = match bucket.traits().equal_parts {
            true => equal_pieces(from.size, PIECE),
            false => pieces(from.size),
        };
        upload.copy(from.clone(), pieces).await?;
        while upload.under_way() > 0 {
            upload.await_one().await?;
        }
        // A copy of an object onto itself must not replace an object that somebody else has stored meanwhile.
        if from.key == to && bucket.head(path, to).await?.is_none_or(|now| now.e_tag != from.e_tag) {
            return Err(Error::with_source(ErrorKind::Conflict, path, CHANGED));
        }
        upload.complete(from.size, Before::Anything).await
    };
    match done.await {
        Ok(e_tag) => Ok(e_tag),
        Err(error) => {
            if let Err(second) = upload.abort().await {
                tracing::warn!(%path, error = %second, "an unfinished copy is left on the store");
            }
            match bucket.store.copies_parts() == Some(false) && from.key != to {
                true => send_again(bucket, path, from, to, Some(headers)).await,
                false => Err(error),
            }
        }
    }
}

/// Copies one object through this server, if the store can't, and returns the entity tag of the copy.
async fn send_again(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    from: &Object,
    to: &str,
    headers: Option<HeaderMap>,
) -> Result<Option<String>> {
    let headers = match headers {
        Some(headers) => bucket.store.completed(&from.key, headers).await,
        None => match headers_of(bucket, path, from).await? {
            (now, headers) if now.e_tag == from.e_tag => headers,
            _ => return Err(Error::with_source(ErrorKind::Conflict, path, CHANGED)),
        },
    };
    let content = download::section(bucket, path, from, (0, from.size));
    ObjectUpload::of_copy(bucket, path, to, headers).store_all(content).await
}

/// The object as it is now, with the headers that its copy gets.
async fn headers_of(bucket: &Bucket, path: &StoragePath, object: &Object) -> Result<(Object, HeaderMap)> {
    bucket.store.head_and_headers(&object.key).await.map_err(|failure| failure.at(path))
}
