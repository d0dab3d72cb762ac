//! What the store holds of an upload that stays, beside its parts: a document, and the bytes behind the last whole part.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use http::HeaderMap;
use object_store::PutPayload;
use serde::{Deserialize, Serialize};

use super::heard;
use super::writer::Writer;
use crate::object::bucket::Bucket;
use crate::object::bucket::keys::PARTIALS;
use crate::object::download;
use crate::object::settings::Tuning;
use crate::object::store::failure::Failure;
use crate::object::store::object::{Before, Object};
use crate::object::upload::parts::PartSizes;
use crate::partial::{Keeping, Partial, place};
use crate::{ByteStream, Error, ErrorKind, Result, StoragePath};

/// The longest document.
const MOST: u64 = 64 * 1024;

/// How far the clock of whoever has written a document may be ahead of ours.
const CLOCKS: Duration = Duration::from_secs(24 * 60 * 60);

/// How often the document of an upload that is under way is written anew, if bytes come: so that neither a sweep nor a listing takes it
/// for one that was left. More often than a few times in the time for which it is kept.
const REFRESHES: u32 = 4;
const REFRESH: Duration = Duration::from_secs(60);

/// With a document that is older than so many times of that, an upload may be one whose server is gone.
const MISSED: u32 = 3;

/// For so long nothing is aborted that the store was asked to complete: the request may be under way.
const COMPLETING: Duration = Duration::from_secs(10 * 60);

/// Parts and what is shorter than one have a limit on every store.
const LARGEST: u64 = Tuning::MAX_PART_SIZE;

/// What stands between the name of a document and that of the bytes that belong to it.
const TAIL: &str = ".tail-";

/// The bytes behind the last whole part, in an object of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tail {
    /// The end of its key.
    pub(super) name: String,
    /// How many parts come before it: with more, its bytes are in one of them.
    pub(super) behind: usize,
    pub(super) length: u64,
}

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Only so many parts count: whoever goes on before the end of what is kept leaves the parts behind that on the store, until they
    /// are written anew. `None` if all do.
    #[serde(default)]
    pub(super) counts: Option<usize>,
    /// The store is asked to make the file, or was.
    #[serde(default)]
    pub(super) is_completing: bool,
    /// It was left in good order: nobody sends anything.
    pub(super) is_left: bool,
    /// How many bytes there were then.
    #[serde(default)]
    pub(super) arrived: u64,
    /// The server that has written it.
    #[serde(default)]
    pub(super) writer: Option<Writer>,
    /// When whoever had the upload wrote of it last, in seconds since 1970, if somebody else has written after that that nobody sends it:
    /// its time goes on from there, and its owner may have been told of it.
    #[serde(default)]
    pub(super) since: Option<u64>,
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
    /// The highest number of a part that the store has, whether it counts or not.
    pub(super) highest: usize,
    /// The store has no open upload of this id any more, or not yet.
    pub(super) is_gone: bool,
}

impl Arrived {
    pub(super) fn of_parts(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.of_parts().saturating_add(self.tail.as_ref().map_or(0, |tail| tail.length))
    }
}

/// So many seconds since 1970, if that can be when a document was written.
fn moment(seconds: u64) -> Option<SystemTime> {
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    (at <= SystemTime::now().checked_add(CLOCKS)?).then_some(at)
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
            counts: None,
            is_completing: false,
            is_left: false,
            arrived: 0,
            writer: None,
            since: None,
        }
    }

    /// How often it is written anew.
    pub(super) fn refresh(&self) -> Duration {
        REFRESH.min(Duration::from_secs(self.keep_for) / REFRESHES)
    }

    /// When it was written, if that can be.
    fn written(&self) -> Option<SystemTime> {
        moment(self.at)
    }

    /// That nobody sends what was found any more, and how much of it there is.
    pub(super) fn left(found: &Found, arrived: u64) -> Self {
        let since = found.last().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { is_left: true, arrived, since: Some(since), ..found.state.clone() }
    }

    /// Whether a document under this key can be one of ours: others can write to a bucket, too.
    fn belongs_to(&self, bucket: &Bucket, document: &str) -> bool {
        let Ok(path) = StoragePath::parse(&self.path) else { return false };
        let tail = self.tail.as_ref().map_or(0, |tail| tail.length);
        key(bucket, &self.owner, &path) == document
            && self.written().is_some()
            && SystemTime::now().checked_add(Duration::from_secs(self.keep_for)).is_some()
            && self.part_size <= LARGEST
            && tail <= LARGEST
    }

    fn keeping(&self) -> Keeping {
        Keeping { owner: self.owner.clone(), keep_for: Duration::from_secs(self.keep_for) }
    }
}

impl Found {
    /// When whoever had it wrote of it last, by the store's own clock if that is ahead.
    fn last(&self) -> SystemTime {
        let written = || {
            let at = self.state.written().unwrap_or(UNIX_EPOCH);
            self.object.stored.map_or(at, |stored| stored.max(at))
        };
        self.state.since.and_then(moment).unwrap_or_else(written)
    }

    fn is_older_than(&self, age: Duration) -> bool {
        self.last().elapsed().is_ok_and(|elapsed| elapsed >= age)
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_older_than(Duration::from_secs(self.state.keep_for))
    }

    /// Whether somebody still seems to send it. As long as this process has it, it is under way, however long it is silent.
    pub(super) fn is_under_way(&self) -> bool {
        !self.state.is_left
            && (heard::last(&self.state.claim).is_some()
                || !(self.is_older_than(self.state.refresh() * MISSED) || self.is_abandoned()))
    }

    /// Whether the server that had it is certainly gone. What the store was asked to complete may become the file all the same.
    pub(super) fn is_abandoned(&self) -> bool {
        !self.state.is_left
            && !self.state.is_completing
            && self.state.writer.as_ref().is_some_and(Writer::is_gone)
    }

    /// Whether it differs from one that was found before in nothing but that nobody sends it: another server has seen that the one
    /// which had it is gone.
    pub(super) fn was_only_left_since(&self, before: &Self) -> bool {
        let State { is_left, at, arrived, writer, since, .. } = before.state.clone();
        self.state.is_left
            && self.state.since.is_some()
            && !is_left
            && State { is_left, at, arrived, writer, since, ..self.state.clone() } == before.state
    }

    /// What is kept, if so many bytes have arrived.
    pub(super) fn partial(&self, arrived: u64) -> Option<Partial> {
        let path = StoragePath::parse(&self.state.path).ok()?;
        let partial = Partial::of(self.state.keeping(), path, arrived, self.last(), SystemTime::now());
        partial.map(|partial| Partial { under_way: self.is_under_way(), ..partial })
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
    let state = serde_json::from_slice(&text).ok().filter(|state: &State| state.belongs_to(bucket, key));
    if state.is_none() {
        tracing::debug!(key, "this is no document of an upload that is kept");
    }
    Ok(state.map(|state| Found { state, object }))
}

/// Writes the document, if what is there before is what it has to be.
pub(super) async fn store(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    key: &str,
    state: &mut State,
    before: Before<'_>,
) -> Result<()> {
    state.at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    state.writer = Writer::this();
    let text =
        serde_json::to_vec(state).map_err(|error| Error::with_source(ErrorKind::Other, path, error))?;
    let content = PutPayload::from(text);
    let stored = bucket.store.put(key, content, HeaderMap::new(), before).await;
    let failure = match stored {
        Ok(_) => return Ok(()),
        Err(failure) => failure,
    };
    if !(failure.is_conflict() || failure.is_precondition()) {
        return Err(failure.at(path));
    }
    // Sent again because its first answer was lost, it meets itself.
    if load(bucket, path, key).await?.is_some_and(|found| found.state == *state) {
        return Ok(());
    }
    Err(Error::with_source(ErrorKind::Conflict, path, failure.at(path)))
}

/// Says of an upload that nobody sends it, if it still has its place.
pub(super) async fn leave(bucket: &Arc<Bucket>, path: &StoragePath, key: &str, state: State) -> Result<()> {
    let found = load(bucket, path, key).await?;
    match found.filter(|found| found.state.claim == state.claim && !found.state.is_left) {
        Some(Found { object, .. }) => {
            let mut left = State { is_left: true, ..state };
            store(bucket, path, key, &mut left, Before::This(&object)).await
        }
        None => Ok(()),
    }
}

/// The bytes of a tail.
pub(super) async fn tail(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    key: &str,
    tail: &Tail,
) -> Result<ByteStream> {
    let gone = || Error::with_source(ErrorKind::Conflict, path, "the last bytes of what was kept are gone");
    let object = bucket.head(path, &tail_key(key, &tail.name)).await?.ok_or_else(gone)?;
    if object.size < tail.length {
        return Err(gone());
    }
    Ok(download::section(bucket, path, &object, (0, tail.length)))
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

/// What has arrived of an upload; `None` if the store has nothing of it.
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
    let parts = match &state.upload {
        Some(upload) => {
            bucket.store.open_parts(key_of_file, upload).await.map_err(|failure| failure.at(path))?
        }
        None => None,
    };
    arrived.is_gone = parts.is_none();
    if let Some(parts) = parts {
        sizes.restore(state.part_size);
        arrived.highest = parts.last_key_value().map_or(0, |(number, _)| *number);
        let most = state.counts.unwrap_or(usize::MAX);
        let mut end = 0_u64;
        for (number, part) in (1..=most).zip(parts) {
            if part.0 != number || part.1.size != sizes.next() {
                break;
            }
            end = end.saturating_add(part.1.size);
            arrived.tags.insert(number, part.1.tag);
            arrived.ends.push(end);
            sizes.advance();
        }
    }
    arrived.tail = state.tail.clone().filter(|tail| tail.behind == arrived.ends.len());
    // What was completed is the file, and not kept any more; an upload whose first part is on its way has what it began with.
    let has_nothing = arrived.is_gone && (state.is_completing || arrived.tail.is_none());
    Ok((!has_nothing).then_some((arrived, sizes)))
}

/// What was found, as it is now, if all that was changed since then is that another server has seen that nobody sends it; or else the
/// error that came of the change.
pub(super) async fn as_it_is_now(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    key: &str,
    before: &Found,
    error: Error,
) -> Result<Found> {
    if error.kind() != ErrorKind::Conflict {
        return Err(error);
    }
    let now = load(bucket, path, key).await?;
    now.filter(|now| now.was_only_left_since(before)).ok_or(error)
}

/// Removes what the store has of an upload. Nothing that is gone already is an error.
pub(super) async fn remove(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    key: &str,
    key_of_file: Option<&str>,
    found: &Found,
) -> Result<()> {
    // The document comes first: without it nobody goes on with the rest.
    if let Err(error) = bucket.delete(path, key, Some(&found.object)).await {
        let now = as_it_is_now(bucket, path, key, found, error).await?;
        bucket.delete(path, key, Some(&now.object)).await?;
    }
    if let Some(key_of_file) = key_of_file {
        abort(bucket, path, key_of_file, found).await?;
    }
    match &found.state.tail {
        Some(tail) => bucket.delete(path, &tail_key(key, &tail.name), None).await,
        None => Ok(()),
    }
}

/// Removes the parts of an upload, if they are certainly no part of a file. What the store was asked to complete may be the file, or
/// become it, and an abort could take the file's own bytes on some stores: the sweep of abandoned uploads looks after the rest.
pub(super) async fn abort(bucket: &Bucket, path: &StoragePath, key: &str, found: &Found) -> Result<()> {
    let Some(upload) = &found.state.upload else { return Ok(()) };
    let parts = bucket.store.open_parts(key, upload).await.map_err(|failure| failure.at(path))?;
    let Some(parts) = parts else { return Ok(()) };
    if found.state.is_completing {
        if !found.is_older_than(COMPLETING) {
            return Ok(());
        }
        let all = parts.values().fold(0_u64, |all, part| all.saturating_add(part.size));
        let file = bucket.store.look(key).await.map_err(|failure| failure.at(path))?;
        if file.is_some_and(|file| file.size <= all) {
            return Ok(());
        }
    }
    bucket.store.abort(key, upload).await.map_err(|failure| failure.at(path))
}
