//! What the store holds of an upload that stays, beside its parts: a document, and the bytes behind the last whole part.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use http::HeaderMap;
use object_store::PutPayload;
use serde::{Deserialize, Serialize};

use crate::object::bucket::Bucket;
use crate::object::bucket::keys::PARTIALS;
use crate::object::download;
use crate::object::store::failure::Failure;
use crate::object::store::object::{Before, Object};
use crate::object::upload::parts::PartSizes;
use crate::partial::{Keeping, Partial, place};
use crate::{ByteStream, Error, ErrorKind, Result, StoragePath};

/// The longest document.
const MOST: u64 = 64 * 1024;

/// What stands between the name of a document and that of the bytes that belong to it.
const TAIL: &str = ".tail-";

/// The bytes behind the last whole part, in an object of their own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Tail {
    /// The end of its key.
    pub(super) name: String,
    /// How many parts come before it: with more, its bytes are in one of them.
    pub(super) behind: usize,
    pub(super) length: u64,
}

/// The document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) owner: String,
    pub(super) path: String,
    /// In seconds.
    pub(super) keep_for: u64,
    /// Who has it: whoever goes on with it writes another one, and an upload that finds another one is over.
    pub(super) claim: String,
    /// When it was written, in seconds since 1970.
    pub(super) at: u64,
    /// The id of the upload in parts, if it has any, and the size of the first of them.
    pub(super) upload: Option<String>,
    pub(super) part_size: u64,
    pub(super) tail: Option<Tail>,
    /// It was left in good order: nobody sends anything.
    pub(super) is_left: bool,
}

/// A document as the store has it.
pub(super) struct Found {
    pub(super) state: State,
    pub(super) object: Object,
}

/// The parts that the store has, as far as they can be gone on from.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    /// By their numbers.
    pub(super) tags: BTreeMap<usize, String>,
    /// Where each of them ends.
    pub(super) ends: Vec<u64>,
    /// The bytes behind them.
    pub(super) tail: Option<Tail>,
}

impl Arrived {
    pub(super) fn of_parts(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.of_parts() + self.tail.as_ref().map_or(0, |tail| tail.length)
    }
}

impl State {
    pub(super) fn new(path: &StoragePath, keeping: &Keeping) -> Self {
        Self {
            owner: keeping.owner.clone(),
            path: path.as_str().to_owned(),
            keep_for: keeping.keep_for.as_secs(),
            claim: format!("{:032x}", fastrand::u128(..)),
            at: 0,
            upload: None,
            part_size: 0,
            tail: None,
            is_left: false,
        }
    }

    fn keeping(&self) -> Keeping {
        Keeping { owner: self.owner.clone(), keep_for: Duration::from_secs(self.keep_for) }
    }
}

impl Found {
    /// The store's own clock, if that is ahead.
    fn written(&self) -> SystemTime {
        let at = UNIX_EPOCH + Duration::from_secs(self.state.at);
        self.object.stored.map_or(at, |stored| stored.max(at))
    }

    pub(super) fn is_over(&self) -> bool {
        let keep_for = Duration::from_secs(self.state.keep_for);
        self.written().elapsed().is_ok_and(|age| age >= keep_for)
    }

    pub(super) fn partial(&self, arrived: &Arrived) -> Option<Partial> {
        let path = StoragePath::parse(&self.state.path).ok()?;
        Partial::of(self.state.keeping(), path, arrived.bytes(), self.written(), SystemTime::now())
    }
}

/// The beginning of the keys of the documents of an owner in the directory of a path.
pub(super) fn prefix(bucket: &Bucket, owner: &str, path: &StoragePath) -> String {
    let (owner, directory, _) = place(owner, path);
    format!("{}{owner}/{directory}/", everything(bucket))
}

/// The beginning of all of them.
pub(super) fn everything(bucket: &Bucket) -> String {
    format!("{}{PARTIALS}/", bucket.keys.root())
}

pub(super) fn key(bucket: &Bucket, owner: &str, path: &StoragePath) -> String {
    format!("{}{}", prefix(bucket, owner, path), place(owner, path).2)
}

/// The key of a document, and the rest, if a key is that of bytes which belong to one.
pub(super) fn split_tail(key: &str) -> Option<(&str, &str)> {
    key.rsplit_once(TAIL)
}

pub(super) fn tail_key(key: &str, name: &str) -> String {
    format!("{key}{TAIL}{name}")
}

/// The document under a key.
pub(super) async fn load(bucket: &Arc<Bucket>, path: &StoragePath, key: &str) -> Result<Option<Found>> {
    let (object, response) = match bucket.get(key, None, None).await {
        Ok(answer) => answer,
        Err(failure) if failure.is_not_found() || failure.is_impossible_name() => return Ok(None),
        Err(failure) => return Err(failure.at(path)),
    };
    if object.size > MOST {
        return Ok(None);
    }
    let mut body = response.into_body().bytes_stream();
    let mut text = Vec::new();
    while let Some(chunk) = body.next().await {
        text.extend_from_slice(&chunk.map_err(|error| Failure::Transport(error).at(path))?);
    }
    // Nothing can be made of what somebody else has put there.
    Ok(serde_json::from_slice(&text).ok().map(|state| Found { state, object }))
}

/// Writes the document, if what is there before is what it has to be.
pub(super) async fn store(
    bucket: &Bucket,
    path: &StoragePath,
    key: &str,
    state: &mut State,
    before: Before<'_>,
) -> Result<()> {
    state.at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let text =
        serde_json::to_vec(state).map_err(|error| Error::with_source(ErrorKind::Other, path, error))?;
    let content = PutPayload::from(text);
    let stored = bucket.store.put(key, content, HeaderMap::new(), before).await;
    stored.map(drop).map_err(|failure| match failure {
        failure if failure.is_conflict() || failure.is_precondition() => {
            Error::with_source(ErrorKind::Conflict, path, failure.at(path))
        }
        failure => failure.at(path),
    })
}

/// The bytes of a tail, up to a length.
pub(super) async fn tail(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    key: &str,
    tail: &Tail,
    length: u64,
) -> Result<ByteStream> {
    let gone = || Error::with_source(ErrorKind::Conflict, path, "the last bytes of what was kept are gone");
    let object = bucket.head(path, &tail_key(key, &tail.name)).await?.ok_or_else(gone)?;
    if object.size != tail.length {
        return Err(gone());
    }
    Ok(download::section(bucket, path, &object, (0, length)))
}

pub(super) async fn store_tail(
    bucket: &Bucket,
    path: &StoragePath,
    key: &str,
    name: &str,
    content: PutPayload,
) -> Result<()> {
    let key = tail_key(key, name);
    let stored = bucket.store.put(&key, content, HeaderMap::new(), Before::Anything).await;
    stored.map(drop).map_err(|failure| failure.at(path))
}

/// What has arrived of an upload; `None` if the store has nothing of it any more.
///
/// Only parts count that are of the size which their number has: a shorter one is the last one of an upload that was about to end.
pub(super) async fn arrived(
    bucket: &Bucket,
    path: &StoragePath,
    key_of_file: &str,
    state: &State,
    mut sizes: PartSizes,
) -> Result<Option<(Arrived, PartSizes)>> {
    let mut arrived = Arrived::default();
    if let Some(upload) = &state.upload {
        let parts = bucket.store.open_parts(key_of_file, upload).await.map_err(|failure| failure.at(path))?;
        let Some(parts) = parts else { return Ok(None) };
        sizes.restore(state.part_size);
        let mut end = 0;
        for (number, part) in (1..).zip(parts) {
            if part.0 != number || part.1.size != sizes.next() {
                break;
            }
            end += part.1.size;
            arrived.tags.insert(number, part.1.tag);
            arrived.ends.push(end);
            sizes.advance();
        }
    }
    arrived.tail = state.tail.clone().filter(|tail| tail.behind == arrived.ends.len());
    Ok(Some((arrived, sizes)))
}

/// Removes what the store has of an upload. Nothing that is gone already is an error.
pub(super) async fn remove(
    bucket: &Bucket,
    path: &StoragePath,
    key: &str,
    key_of_file: Option<&str>,
    found: &Found,
) -> Result<()> {
    // The document comes first: without it nobody goes on with the rest.
    bucket.delete(path, key, Some(&found.object)).await?;
    if let (Some(upload), Some(key)) = (&found.state.upload, key_of_file) {
        bucket.store.abort(key, upload).await.map_err(|failure| failure.at(path))?;
    }
    match &found.state.tail {
        Some(tail) => bucket.delete(path, &tail_key(key, &tail.name), None).await,
        None => Ok(()),
    }
}
