//! Uploads that were broken off, and are kept for their owners.
//!
//! The plan. An upload in parts stays open on the store. A document of ours beside the files of the bucket names it, and says whose it
//! is; it is written when the store gets the first part. Which parts there are, only the store knows: whoever looks asks for them, so
//! that a server that was killed has left all that the store had confirmed. When a line breaks, the bytes behind the last whole part
//! become an object of their own.
//!
//! A listing asks the store for documents alone, and shows what was left; so does whoever counts. One that is under way writes its
//! document again each minute, so that one whose server is gone is shown after some minutes; at once, where it can be seen that the
//! server is gone. A server that starts looks for those of the one before, and writes down that nobody sends them.
//!
//! Nothing can be cut off a part. Who goes on before the end of what is kept does so where a part ends, and the document says that the
//! parts behind do not count until they are written anew. When the store is asked to make the file of the parts, the document says that
//! before: from then on nobody aborts them without looking.
//!
//! Each upload writes a number of its own into the document. Whoever goes on with it writes another one, and the upload that was there
//! before finds that out before it completes or keeps anything. Should it still send a part, that has the bytes which its number always
//! has, because all parts but the last are cut in the same way by everybody.

mod heard;
mod state;
mod sweep;
mod takeover;
mod upload;
mod writer;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};

use self::state::{Arrived, Found, State, Tail};
pub(crate) use self::sweep::{Swept, sweep};
use self::takeover::Takeover;
use self::upload::PartialUpload;
use super::ObjectStorage;
use super::upload as uploads;
use super::upload::multipart::Multipart;
use super::upload::parts::PartSizes;
use crate::partial::{Keeping, Partial};
use crate::{Body, ByteRange, CreateMode, Error, ErrorKind, Partials, Result, StoragePath, Upload};

/// How often, and after which pause, an upload that is under way is looked at again: the server that has it may be just about to
/// notice that its line is lost, and to keep what it has in memory. So is one whose server is gone, as long as the store takes in more
/// of what it was sent before.
const LOOKS: usize = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// How many uploads that are kept in one directory are shown.
const MOST_SHOWN: usize = 1000;

/// Nobody keeps an upload for longer: where it is not known which ones are kept, younger ones are left alone.
pub(crate) const LONGEST: Duration = Duration::from_secs(8 * 24 * 60 * 60);

/// How many documents are asked for at a time.
const AT_ONCE: usize = 8;

/// What is kept, with its parts.
struct Known {
    found: Found,
    arrived: Arrived,
    sizes: PartSizes,
}

impl ObjectStorage {
    /// The document under a key, unless its time is over.
    async fn document(&self, path: &StoragePath, key: &str) -> Result<Option<Found>> {
        Ok(state::load(&self.bucket, path, key).await?.filter(|found| !found.is_over()))
    }

    /// What is kept by a document, if the store has anything of it. What it does not have may come yet: nothing is removed for that.
    async fn known(&self, path: &StoragePath, found: Found) -> Result<Option<Known>> {
        let bucket = &self.bucket;
        let at = StoragePath::parse(&found.state.path).ok();
        let Some(key_of_file) = at.and_then(|at| bucket.keys.file(&at).ok()) else { return Ok(None) };
        let sizes = uploads::sizes_of_parts(bucket);
        let arrived = state::arrived(bucket, path, &key_of_file, &found.state, sizes).await?;
        Ok(arrived.map(|(arrived, sizes)| Known { found, arrived, sizes }))
    }

    /// What is kept by a document, and not under way.
    async fn left(&self, path: &StoragePath, found: Found) -> Result<Option<Partial>> {
        if found.is_under_way() {
            return Ok(None);
        }
        if found.state.is_left {
            return Ok(found.partial(found.state.arrived));
        }
        let known = self.known(path, found).await?;
        Ok(known.and_then(|Known { found, arrived, .. }| found.partial(arrived.bytes())))
    }

    /// What is kept by all documents whose keys begin so, and not under way.
    async fn listed(&self, path: &StoragePath, prefix: &str, most: usize) -> Result<Vec<Partial>> {
        let (mut partials, mut next) = (Vec::new(), None);
        loop {
            let page = self.bucket.page(prefix, next.take(), true, None).await;
            let page = page.map_err(|failure| failure.at(path))?;
            let keys = page.objects.into_iter().map(|object| object.key);
            let documents = keys.filter(|key| state::split_tail(key).is_none());
            let mut looks = stream::iter(documents)
                .map(|key| async move {
                    match self.document(path, &key).await {
                        Ok(Some(found)) => self.left(path, found).await,
                        Ok(None) => Ok(None),
                        // A foreign object breaks no listing.
                        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                            tracing::debug!(key, %error, "a document of an upload can't be read");
                            Ok(None)
                        }
                        Err(error) => Err(error),
                    }
                })
                .buffered(AT_ONCE);
            while partials.len() < most
                && let Some(partial) = looks.try_next().await?
            {
                partials.extend(partial);
            }
            drop(looks);
            next = page.next;
            if next.is_none() || partials.len() >= most {
                return Ok(partials);
            }
        }
    }
}

/// Where an upload goes on.
struct Cut {
    /// How many parts stay.
    parts: usize,
    /// How many of the next bytes they have already.
    skip: u64,
    /// How many of the bytes behind the parts stay.
    of_tail: u64,
}

/// Nothing can be cut off a part: an upload goes on behind any of them, or one byte before, which is what its owner is told of; and
/// anywhere behind the last one.
fn cut(arrived: &Arrived, offset: u64, path: &StoragePath) -> Result<Cut> {
    let refused = || Error::new(ErrorKind::InvalidRange, path);
    if offset > arrived.bytes() {
        return Err(refused());
    }
    let parts = arrived.ends.partition_point(|end| *end <= offset);
    if parts == arrived.ends.len() {
        return Ok(Cut { parts, skip: 0, of_tail: offset - arrived.of_parts() });
    }
    let start = parts.checked_sub(1).map_or(0, |last| arrived.ends[last]);
    if start == offset {
        return Ok(Cut { parts, skip: 0, of_tail: 0 });
    }
    match arrived.ends[parts] - offset {
        1 => Ok(Cut { parts: parts + 1, skip: 1, of_tail: 0 }),
        _ => Err(refused().advising("what is kept can't be cut there; send the file from its start")),
    }
}

#[async_trait]
impl Partials for ObjectStorage {
    fn can_read(&self) -> bool {
        false
    }

    async fn begin(
        &self,
        path: &StoragePath,
        keeping: &Keeping,
        mode: CreateMode,
    ) -> Result<Box<dyn Upload>> {
        let inner = uploads::create(&self.bucket, path, mode).await?;
        self.remove(path, &keeping.owner).await?;
        let key = state::key(&self.bucket, &keeping.owner, path);
        Ok(Box::new(PartialUpload::fresh(inner, key, State::new(path, keeping))))
    }

    async fn find(&self, path: &StoragePath, owner: &str) -> Result<Option<Partial>> {
        let key = state::key(&self.bucket, owner, path);
        let mut before = None;
        for look in 0..=LOOKS {
            let Some(found) = self.document(path, &key).await? else { return Ok(None) };
            if look < LOOKS && found.is_under_way() {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let Some(Known { found, arrived, .. }) = self.known(path, found).await? else { return Ok(None) };
            if look < LOOKS
                && found.is_abandoned()
                && before.replace(arrived.bytes()) != Some(arrived.bytes())
            {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let partial = found.partial(arrived.bytes());
            // What comes to this process is known to it before the store has a part of it.
            let heard = heard::last(&found.state.claim).filter(|_| found.is_under_way());
            return Ok(
                partial.map(|partial| Partial { modified: heard.unwrap_or(partial.modified), ..partial })
            );
        }
        Ok(None)
    }

    async fn find_left(&self, path: &StoragePath, owner: &str) -> Result<Option<Partial>> {
        let key = state::key(&self.bucket, owner, path);
        match self.document(path, &key).await?.filter(|found| !found.is_under_way()) {
            Some(found) => {
                let known = self.known(path, found).await?;
                Ok(known.and_then(|Known { found, arrived, .. }| found.partial(arrived.bytes())))
            }
            None => Ok(None),
        }
    }

    async fn find_in(&self, directory: &StoragePath, owner: &str) -> Result<Vec<Partial>> {
        // Whatever the name, its directory counts.
        let prefix = state::prefix(&self.bucket, owner, &directory.child("-")?);
        self.listed(directory, &prefix, MOST_SHOWN).await
    }

    async fn resume(
        &self,
        path: &StoragePath,
        keeping: &Keeping,
        offset: u64,
        mode: CreateMode,
    ) -> Result<Box<dyn Upload>> {
        let key = state::key(&self.bucket, &keeping.owner, path);
        let missing = || Error::new(ErrorKind::NotFound, path);
        let found = self.document(path, &key).await?.ok_or_else(missing)?;
        let Known { found, mut arrived, mut sizes } = self.known(path, found).await?.ok_or_else(missing)?;
        let all = arrived.bytes();
        let Cut { parts, skip, of_tail } = cut(&arrived, offset, path)?;
        if parts < arrived.ends.len() {
            arrived.ends.truncate(parts);
            arrived.tags.retain(|number, _| *number <= parts);
            sizes = uploads::sizes_of_parts(&self.bucket);
            sizes.restore(found.state.part_size);
            (0..parts).for_each(|_| sizes.advance());
        }
        // The last bytes stay where they are until a part has them.
        let tail = arrived.tail.take().filter(|_| of_tail > 0).map(|tail| Tail { length: of_tail, ..tail });
        let before = found.state.clone();
        let mut state = State { tail: tail.clone(), ..State::new(path, keeping) };
        // From the first byte on, it is an upload of its own.
        let goes_on = !arrived.is_gone && parts > 0;
        if goes_on {
            state.upload = before.upload;
            state.part_size = before.part_size;
            state.is_completing = before.is_completing;
            state.counts = (parts < arrived.highest).then_some(parts);
        }
        state.arrived = arrived.of_parts() + tail.as_ref().map_or(0, |tail| tail.length);
        let mut inner = uploads::create(&self.bucket, path, mode).await?;
        inner.sizes = if goes_on { sizes } else { uploads::sizes_of_parts(&self.bucket) };
        inner.length = arrived.of_parts();
        if let Some(id) = state.upload.clone() {
            let (key, headers) = (inner.key.clone(), inner.headers.clone());
            inner.multipart = Some(Multipart::known(&self.bucket, (path, &key), headers, id, arrived.tags));
        }
        let highest = if goes_on { arrived.highest } else { 0 };
        let untouched = State { claim: state.claim.clone(), ..State::left(&found, all) };
        let mut upload = PartialUpload::taking_over(inner, key, state, skip, highest);
        upload.untouched = Some(untouched);
        let taken = takeover::run(Takeover { upload, found, goes_on }).await?;
        Ok(Box::new(taken))
    }

    async fn remove(&self, path: &StoragePath, owner: &str) -> Result<bool> {
        let key = state::key(&self.bucket, owner, path);
        let Some(found) = state::load(&self.bucket, path, &key).await? else { return Ok(false) };
        let key_of_file = self.bucket.keys.file(path)?;
        state::remove(&self.bucket, path, &key, Some(&key_of_file), &found).await.map(|()| true)
    }

    async fn all(&self) -> Result<Vec<Partial>> {
        let prefix = state::everything(&self.bucket);
        self.listed(&StoragePath::root(), &prefix, usize::MAX).await
    }

    async fn read(&self, path: &StoragePath, _owner: &str, _range: ByteRange) -> Result<Body> {
        Err(Error::new(ErrorKind::Unsupported, path))
    }
}
