//! Copying an object inside the store, of any size.

pub(crate) mod times;

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, HeaderValue};
use tokio::sync::watch;

use crate::object::azure::copy;
use crate::object::bucket::{Client, Own};
use crate::object::download;
use crate::object::s3::{COPY_OF, S3};
use crate::object::settings::Tuning;
use crate::object::store::failure::Failure;
use crate::object::store::object::{Before, Object};
use crate::object::upload::ObjectUpload;
use crate::object::upload::multipart::Multipart;
use crate::object::upload::parts::{LEAST_MARKED, is_marked, marked};
use crate::{Error, ErrorKind, Result, StoragePath};

/// The largest object that S3 copies in one request, in bytes.
pub(crate) const MAX_S3_COPY: u64 = 5 << 30;

/// What one request copies of a larger object, in bytes, and how many are under way at once: the store works on each, so
/// that more of them take less time. It is a size that [marks](marked) an upload.
const PIECE: u64 = LEAST_MARKED - Tuning::MIN_PART_SIZE + (1 << 30);
const PIECES_AT_ONCE: usize = 8;

/// What an object's own metadata start with on S3.
const METADATA: &str = "x-amz-meta-";

/// What a condition of a copy that doesn't hold means.
const CHANGED: &str = "it changed, or the new name was taken, while it was copied";

/// Copies one object, however large, if it is still this one, and returns when the copy is complete. If it may not `replace`
/// what stands under the key, stores that know such a condition make sure of it.
pub(crate) async fn copy(
    client: &Arc<Client>,
    path: &StoragePath,
    from: &Object,
    to: &str,
    replace: bool,
) -> Result<()> {
    let copied = match &client.own {
        Own::S3(s3) => {
            let headers = retyped(s3, path, from, to).await?;
            return copy_on_s3(client, s3, path, from, to, headers).await.map(drop);
        }
        Own::Google(google) => {
            let before = if replace { Before::Anything } else { Before::Nothing };
            google.copy(from, to, before).await.map(drop)
        }
        Own::Azure(azure) => copy::copy(client, azure, from, to, replace).await,
    };
    copied.map_err(|failure| match failure.is_precondition() {
        true => Error::with_source(ErrorKind::Conflict, path, CHANGED),
        false => failure.at(path),
    })
}

/// What a copy has to have in place of what the object has, if its new name is that of another type.
async fn retyped(s3: &S3, path: &StoragePath, from: &Object, to: &str) -> Result<Option<HeaderMap>> {
    if !s3.headers.content_type().differs(&from.key, to) {
        return Ok(None);
    }
    let (_, headers) = s3.head(&from.key).await.map_err(|failure| failure.at(path))?;
    Ok(s3.headers.retyped(&from.key, to, headers))
}

/// Copies one object so that it can be found out later that this is the copy, also where entity tags don't tell.
pub(crate) async fn copy_marked(
    client: &Arc<Client>,
    path: &StoragePath,
    from: &Object,
    to: &str,
) -> Result<()> {
    let (Some(s3), Some(e_tag)) = (client.s3(), &from.e_tag) else {
        return copy(client, path, from, to, true).await;
    };
    let (_, mut headers) = s3.head(&from.key).await.map_err(|failure| failure.at(path))?;
    if let Ok(value) = HeaderValue::from_str(e_tag.trim_matches('"')) {
        headers.insert(COPY_OF, value);
    }
    copy_on_s3(client, s3, path, from, to, Some(headers)).await.map(drop)
}

/// Whether an object is a copy of another, by what it tells: on S3 of those that [`copy_marked`] made, on Azure of all.
pub(crate) async fn is_copy(client: &Client, path: &StoragePath, copy: &Object, of: &Object) -> Result<bool> {
    match (&client.own, &of.e_tag) {
        (Own::S3(s3), Some(e_tag)) => {
            let (_, headers) = s3.head(&copy.key).await.map_err(|failure| failure.at(path))?;
            Ok(headers.get(COPY_OF).is_some_and(|mark| mark.as_bytes() == e_tag.trim_matches('"').as_bytes()))
        }
        (Own::Azure(azure), _) => {
            copy::is_copy(azure, of, &copy.key).await.map_err(|failure| failure.at(path))
        }
        (Own::S3(_) | Own::Google(_), _) => Ok(false),
    }
}

/// Copies one object on S3, and returns the entity tag of the copy. `headers` replace those that it has.
pub(crate) async fn copy_on_s3(
    client: &Arc<Client>,
    s3: &S3,
    path: &StoragePath,
    from: &Object,
    to: &str,
    headers: Option<HeaderMap>,
) -> Result<Option<String>> {
    if from.size <= MAX_S3_COPY {
        let failure = match s3.copy(from, to, headers.clone()).await {
            Ok(e_tag) => return Ok(Some(e_tag)),
            Err(failure) if failure.is_unknown_request() && from.key != to => {
                return send_again(client, path, from, to, headers).await;
            }
            Err(failure) => failure,
        };
        // A copy onto itself can have another entity tag than what it was made of.
        if from.key == to
            && failure.may_have_met_itself()
            && let Some(headers) = &headers
            && let Some(e_tag) = changed_to(s3, path, from, headers).await?
        {
            return Ok(Some(e_tag));
        }
        return Err(match failure.is_precondition() {
            true => Error::with_source(ErrorKind::Conflict, path, CHANGED),
            false => failure.at(path),
        });
    }
    let headers = match headers {
        Some(headers) => headers,
        None => s3.head(&from.key).await.map_err(|failure| failure.at(path))?.1,
    };
    let headers = s3.with_tags(&from.key, headers).await;
    // Whoever gives this up leaves nothing behind: the upload is aborted when it is dropped.
    let mut upload = Multipart::begin(client, path, to, headers.clone());
    let done = async {
        let pieces = match s3.equal_parts {
            true => equal_pieces(from.size, PIECE),
            false => pieces(from.size),
        };
        upload.copy(from.clone(), pieces).await?;
        while upload.under_way() > 0 {
            upload.await_one().await?;
        }
        // A copy of an object onto itself must not undo what somebody else has stored there meanwhile.
        if from.key == to && client.head(path, to).await?.is_none_or(|now| now.e_tag != from.e_tag) {
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
            match s3.copies_parts() == Some(false) && from.key != to {
                true => send_again(client, path, from, to, Some(headers)).await,
                false => Err(error),
            }
        }
    }
}

/// Copies one object through this server, where the store can't, and returns the entity tag of the copy.
async fn send_again(
    client: &Arc<Client>,
    path: &StoragePath,
    from: &Object,
    to: &str,
    headers: Option<HeaderMap>,
) -> Result<Option<String>> {
    let headers = match (headers, client.s3()) {
        (Some(headers), _) => headers,
        (None, Some(s3)) => match s3.head(&from.key).await {
            Ok((now, headers)) if now.e_tag == from.e_tag => headers,
            Ok(_) => return Err(Error::with_source(ErrorKind::Conflict, path, CHANGED)),
            Err(failure) => return Err(failure.at(path)),
        },
        (None, None) => HeaderMap::new(),
    };
    let headers = match client.s3() {
        Some(s3) => s3.with_tags(&from.key, headers).await,
        None => headers,
    };
    let content = download::section(client, path, from, (0, from.size));
    ObjectUpload::of_copy(client, path, to, headers).store_all(content).await
}

/// The entity tag of an object that was to get other metadata, if it has these now.
async fn changed_to(
    s3: &S3,
    path: &StoragePath,
    before: &Object,
    headers: &HeaderMap,
) -> Result<Option<String>> {
    let (now, told) = s3.head(&before.key).await.map_err(|failure| failure.at(path))?;
    let own = |headers: &HeaderMap| {
        let own = headers.iter().filter(|(name, _)| name.as_str().starts_with(METADATA));
        own.map(|(name, value)| (name.clone(), value.clone())).collect::<HashMap<_, _>>()
    };
    Ok(now.e_tag.filter(|_| now.size == before.size && own(&told) == own(headers)))
}

/// Copies pieces of an object into parts of an upload, the first of which has the number `first`, and returns their entity
/// tags.
pub(crate) async fn copy_pieces(
    s3: &S3,
    from: &Object,
    pieces: Vec<(u64, u64)>,
    to: &str,
    upload: &str,
    first: usize,
) -> Result<Vec<String>, Failure> {
    // What is no mark is stored when something is that marks the upload as ours.
    let has_marks = pieces.iter().any(marks);
    let is_marked = &watch::Sender::new(!has_marks);
    let copied = pieces.into_iter().enumerate().map(|(index, piece)| {
        async move {
            if !marks(&piece) {
                // Its sender is there for as long as this is.
                let _ = is_marked.subscribe().wait_for(|is_marked| *is_marked).await;
            }
            let e_tag = s3.copy_part(from, piece, to, upload, first + index).await?;
            is_marked.send_replace(true);
            Ok::<_, Failure>(e_tag)
        }
    });
    // Where the store may not know such requests, none may be under way any more when the first is refused: a part of nothing
    // could replace what is sent in its place.
    let at_once = if s3.copies_parts() == Some(true) { PIECES_AT_ONCE } else { 1 };
    stream::iter(copied).buffered(at_once).try_collect().await
}

/// Whether a part of this range marks an upload as ours.
fn marks((first, last): &(u64, u64)) -> bool {
    is_marked(last - first + 1)
}

/// Cuts `length` bytes into ranges, each with its last byte. None is shorter than what a part has to have, unless all of it
/// is.
pub(crate) fn pieces(length: u64) -> Vec<(u64, u64)> {
    let count = (length / PIECE).max(1);
    // The last one takes the rest, which makes it shorter than two.
    let start = |index| index * PIECE;
    (0..count)
        .map(|index| (start(index), if index + 1 == count { length } else { start(index + 1) } - 1))
        .collect()
}

/// Cuts `length` bytes into ranges of `size` bytes, each with its last byte; the last one takes what is left.
pub(crate) fn equal_pieces(length: u64, size: u64) -> Vec<(u64, u64)> {
    (0..length.div_ceil(size)).map(|index| (index * size, ((index + 1) * size).min(length) - 1)).collect()
}

/// Cuts the first bytes of an object that others are to follow into ranges, as [`pieces`] does, at least one of which marks
/// the upload. They end before `length` bytes where that takes a range that is too short for a part.
pub(crate) fn kept_pieces(length: u64) -> Vec<(u64, u64)> {
    if length >= 2 * PIECE {
        return pieces(length);
    }
    let first = match length {
        ..LEAST_MARKED => return Vec::new(),
        _ if is_marked(length) => length,
        _ if length < LEAST_MARKED + Tuning::MIN_PART_SIZE => LEAST_MARKED,
        // One mebibyte less at most than there is room for.
        _ => match marked(length - Tuning::MIN_PART_SIZE) {
            size if size + Tuning::MIN_PART_SIZE > length => marked(size - (1 << 20)),
            size => size,
        },
    };
    let rest = (length - first >= Tuning::MIN_PART_SIZE).then(|| (first, length - 1));
    std::iter::once((0, first - 1)).chain(rest).collect()
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
