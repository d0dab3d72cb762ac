//! Uploads that were broken off, and are kept for their owners.
//!
//! The plan. An upload in parts stays open on the store. A document of ours beside the files of the bucket names it, and says whose it
//! is; it is written when the store gets the first part. Which parts there are, only the store knows: whoever looks asks for them, so
//! that a server that was killed has left all that the store had confirmed. When a line breaks, the bytes behind the last whole part
//! become an object of their own.
//!
//! Each upload writes a number of its own into the document. Whoever goes on with it writes another one, and the upload that was there
//! before finds that out before it completes or keeps anything. Should it still send a part, that has the bytes which its number always
//! has, because all parts but the last are cut in the same way by everybody.

mod state;
mod sweep;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;

use self::state::{Arrived, Found, State};
pub(crate) use self::sweep::{Swept, sweep};
use self::upload::PartialUpload;
use super::ObjectStorage;
use super::bucket::Bucket;
use super::store::object::Before;
use super::upload::multipart::Multipart;
use super::upload::parts::PartSizes;
use super::upload::{self as uploads, ObjectUpload};
use crate::partial::{Keeping, Partial};
use crate::{Body, ByteRange, CreateMode, Error, ErrorKind, Partials, Result, StoragePath, Upload};

/// How often, and after which pause, an upload that is under way is looked at again: the server that has it may be just about to
/// notice that its line is lost, and to keep what it has in memory.
const LOOKS: usize = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// How many uploads that are kept in one directory are shown.
const MOST_SHOWN: usize = 1000;

/// What is kept, with its parts.
struct Known {
    found: Found,
    arrived: Arrived,
    sizes: PartSizes,
}

impl ObjectStorage {
    /// What is kept; what the store has nothing of any more is not, and forgotten.
    async fn known(&self, path: &StoragePath, key: &str) -> Result<Option<Known>> {
        let bucket = &self.bucket;
        let Some(found) = state::load(bucket, path, key).await?.filter(|found| !found.is_over()) else {
            return Ok(None);
        };
        let at = StoragePath::parse(&found.state.path).ok();
        let Some(key_of_file) = at.and_then(|at| bucket.keys.file(&at).ok()) else { return Ok(None) };
        let sizes = uploads::sizes_of_parts(bucket);
        match state::arrived(bucket, path, &key_of_file, &found.state, sizes).await? {
            Some((arrived, sizes)) => Ok(Some(Known { found, arrived, sizes })),
            None => {
                state::remove(bucket, path, key, None, &found).await?;
                Ok(None)
            }
        }
    }

    /// All documents whose keys begin so.
    async fn listed(&self, path: &StoragePath, prefix: &str, most: usize) -> Result<Vec<Partial>> {
        let (mut partials, mut next) = (Vec::new(), None);
        loop {
            let page = self.bucket.page(prefix, next.take(), true, None).await;
            let page = page.map_err(|failure| failure.at(path))?;
            for object in page.objects {
                if state::split_tail(&object.key).is_some() || partials.len() >= most {
                    continue;
                }
                if let Some(Known { found, arrived, .. }) = self.known(path, &object.key).await? {
                    partials.extend(found.partial(&arrived));
                }
            }
            next = page.next;
            if next.is_none() || partials.len() >= most {
                return Ok(partials);
            }
        }
    }
}

/// An upload behind the first bytes of what is kept, and how many of the next bytes are there already.
async fn behind(
    bucket: &Arc<Bucket>,
    path: &StoragePath,
    key: &str,
    Known { found, mut arrived, mut sizes }: Known,
    (mode, offset): (CreateMode, u64),
) -> Result<(ObjectUpload, u64)> {
    let mut upload = uploads::create(bucket, path, mode).await?;
    let mut skip = 0;
    if offset < arrived.of_parts() {
        // Nothing can be cut off a part: what it has of the client's next bytes is not taken again.
        let parts = arrived.ends.partition_point(|end| *end < offset);
        let parts = if offset == 0 { 0 } else { parts + 1 };
        arrived.ends.truncate(parts);
        arrived.tags.retain(|number, _| *number <= parts);
        arrived.tail = None;
        skip = arrived.of_parts() - offset;
        sizes = uploads::sizes_of_parts(bucket);
        sizes.restore(found.state.part_size);
        (0..parts).for_each(|_| sizes.advance());
    }
    upload.sizes = sizes;
    upload.length = arrived.of_parts();
    let of_tail = offset.saturating_sub(arrived.of_parts());
    if let Some(id) = found.state.upload {
        let (key, headers) = (upload.key.clone(), upload.headers.clone());
        upload.multipart = Some(Multipart::known(bucket, (path, &key), headers, id, arrived.tags));
    }
    if let Some(tail) = arrived.tail.filter(|_| of_tail > 0) {
        let mut bytes = state::tail(bucket, path, key, &tail, of_tail).await?;
        while let Some(chunk) = bytes.next().await {
            upload.write(chunk?).await?;
        }
    }
    Ok((upload, skip))
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
        for look in 0..=LOOKS {
            let Some(Known { found, arrived, .. }) = self.known(path, &key).await? else { return Ok(None) };
            if found.state.is_left || look == LOOKS {
                return Ok(found.partial(&arrived));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
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
        let known = self.known(path, &key).await?.ok_or_else(|| Error::new(ErrorKind::NotFound, path))?;
        if offset > known.arrived.bytes() {
            return Err(Error::new(ErrorKind::InvalidRange, path));
        }
        // The last bytes stay where they are until a part has them.
        let mut state = State {
            upload: known.found.state.upload.clone(),
            part_size: known.found.state.part_size,
            tail: known.found.state.tail.clone(),
            ..State::new(path, keeping)
        };
        let before = known.found.object.clone();
        state::store(&self.bucket, path, &key, &mut state, Before::This(&before)).await?;
        let (inner, skip) = behind(&self.bucket, path, &key, known, (mode, offset)).await?;
        Ok(Box::new(PartialUpload::claimed(inner, key, state, skip)))
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
