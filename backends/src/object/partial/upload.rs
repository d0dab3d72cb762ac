//! An upload that stays when it is left.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use super::state::{self, Found, State, Tail};
use crate::object::bucket::Bucket;
use crate::object::store::object::Before;
use crate::object::upload::ObjectUpload;
use crate::partial::told;
use crate::{Error, ErrorKind, Intake, Metadata, Result, StoragePath, Supply, Upload};

/// How often the document of an upload that is under way is written anew, as a part of the time for which it is kept: so that no
/// sweep takes it for one that nobody comes back for.
const REFRESHES: u32 = 4;

/// An upload to a bucket whose parts stay.
pub(super) struct PartialUpload {
    /// `None` when it has ended.
    inner: Option<Box<ObjectUpload>>,
    bucket: Arc<Bucket>,
    path: StoragePath,
    /// The key of the document.
    key: String,
    state: State,
    stage: Stage,
    /// When the document was written last.
    written: Instant,
    /// So many of the next bytes are there already.
    skip: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The store has nothing that could stay yet.
    Fresh,
    /// The store has the document.
    Claimed,
    /// Another upload of the same name was faster: this one is one like any other.
    Unkept,
}

impl PartialUpload {
    pub(super) fn fresh(inner: ObjectUpload, key: String, state: State) -> Self {
        Self::new(inner, key, state, Stage::Fresh, 0)
    }

    /// One whose document was just written.
    pub(super) fn claimed(inner: ObjectUpload, key: String, state: State, skip: u64) -> Self {
        Self::new(inner, key, state, Stage::Claimed, skip)
    }

    fn new(inner: ObjectUpload, key: String, state: State, stage: Stage, skip: u64) -> Self {
        let (bucket, path) = (Arc::clone(&inner.bucket), inner.path.clone());
        let inner = Some(Box::new(inner));
        Self { inner, bucket, path, key, state, stage, written: Instant::now(), skip }
    }

    fn inner(&mut self) -> Result<&mut ObjectUpload> {
        self.inner.as_deref_mut().ok_or_else(|| Error::new(ErrorKind::Other, &self.path))
    }

    /// Writes the document when the store begins to have parts, and again before it gets old.
    async fn note(&mut self) -> Result<()> {
        let Some(inner) = &mut self.inner else { return Ok(()) };
        match self.stage {
            Stage::Unkept => return Ok(()),
            Stage::Fresh => {
                let part_size = inner.sizes.next();
                let Some(multipart) = &mut inner.multipart else { return Ok(()) };
                self.state.upload = Some(multipart.id().await?);
                self.state.part_size = part_size;
            }
            Stage::Claimed => {
                let every = Duration::from_secs(self.state.keep_for) / REFRESHES;
                if self.written.elapsed() < every {
                    return Ok(());
                }
                self.written = Instant::now();
                if !self.is_ours().await?.is_some_and(|(ours, _)| ours) {
                    return Ok(());
                }
            }
        }
        // Bytes on their way go on meanwhile.
        let before = if self.stage == Stage::Fresh { Before::Nothing } else { Before::Anything };
        self.written = Instant::now();
        match state::store(&self.bucket, &self.path, &self.key, &mut self.state, before).await {
            Ok(()) => self.stage = Stage::Claimed,
            Err(error) if self.stage == Stage::Fresh => {
                tracing::debug!(path = %self.path, %error, "an upload will not be kept if its line breaks");
                self.stage = Stage::Unkept;
            }
            Err(error) => tracing::debug!(path = %self.path, %error, "can't write about an upload"),
        }
        Ok(())
    }

    /// The document, and whether it is that of this upload; `None` if there is none.
    async fn is_ours(&self) -> Result<Option<(bool, Found)>> {
        let found = state::load(&self.bucket, &self.path, &self.key).await?;
        Ok(found.map(|found| (found.state.claim == self.state.claim, found)))
    }

    /// Leaves everything in the store as it is.
    fn let_go(&mut self) {
        if let Some(mut inner) = self.inner.take()
            && let Some(multipart) = &mut inner.multipart
        {
            multipart.let_go();
        }
    }

    /// Removes the document and the last bytes that were kept.
    async fn forget(&self, found: &Found) {
        if let Err(error) = state::remove(&self.bucket, &self.path, &self.key, None, found).await {
            tracing::debug!(path = %self.path, %error, "what was kept of an upload is left to the sweep");
        }
    }

    /// Writes down what has arrived, and tells how many bytes that is.
    async fn keep(&mut self) -> Result<Option<u64>> {
        let before = match self.stage {
            Stage::Fresh | Stage::Unkept => None,
            Stage::Claimed => match self.is_ours().await? {
                Some((true, found)) => Some(found),
                // Somebody goes on with it already, or has thrown it away.
                _ => {
                    self.let_go();
                    return Ok(None);
                }
            },
        };
        let skip = self.skip;
        if self.state.part_size == 0 {
            self.state.part_size = self.inner()?.sizes.next();
        }
        let part_size = self.state.part_size;
        let inner = self.inner()?;
        let (behind, of_parts) = inner.await_parts(part_size).await;
        let mut arrived = of_parts;
        let tail = match inner.tail_behind(of_parts).await? {
            Some((content, share)) if skip == 0 => Some((content, share)),
            _ => None,
        };
        arrived += tail.as_ref().map_or(0, |(content, _)| content.content_length() as u64);
        let upload = match &mut inner.multipart {
            Some(multipart) => Some(multipart.id().await?),
            None => None,
        };
        let Some(told) = told(arrived).filter(|_| self.stage != Stage::Unkept) else {
            let inner = self.inner.take();
            if let Some(found) = &before {
                self.forget(found).await;
            }
            return match inner {
                Some(inner) => inner.abort().await.map(|()| None),
                None => Ok(None),
            };
        };
        self.state.upload = upload;
        let old = self.state.tail.take();
        if let Some((content, _share)) = tail.filter(|(content, _)| content.content_length() > 0) {
            let name = format!("{:016x}", fastrand::u64(..));
            let length = content.content_length() as u64;
            state::store_tail(&self.bucket, &self.path, &self.key, &name, content).await?;
            self.state.tail = Some(Tail { name, behind, length });
        }
        self.state.is_left = true;
        let condition = before.as_ref().map_or(Before::Nothing, |found| Before::This(&found.object));
        let stored = state::store(&self.bucket, &self.path, &self.key, &mut self.state, condition).await;
        // Of the two last pieces, one is not needed any more.
        let unneeded = if stored.is_ok() { old } else { self.state.tail.take() };
        if let Some(tail) = unneeded {
            let key = state::tail_key(&self.key, &tail.name);
            if let Err(error) = self.bucket.delete(&self.path, &key, None).await {
                tracing::debug!(path = %self.path, %error, "the last bytes of an upload are left to the sweep");
            }
        }
        match stored {
            Ok(()) => {
                self.let_go();
                Ok(Some(told))
            }
            Err(error) if error.kind() == ErrorKind::Conflict && self.stage == Stage::Claimed => {
                self.let_go();
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Upload for PartialUpload {
    async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        if self.skip > 0 {
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            let _ = bytes.split_to(skipped);
            self.skip -= skipped as u64;
            if bytes.is_empty() {
                return Ok(());
            }
        }
        self.inner()?.write(bytes).await?;
        self.note().await
    }

    async fn intake(&mut self, supply: Supply) -> Result<Intake> {
        self.inner()?.intake(supply).await
    }

    fn mark(&mut self) -> Option<u128> {
        self.inner.as_mut().and_then(|inner| inner.mark())
    }

    async fn finish(mut self: Box<Self>) -> Result<Metadata> {
        if self.skip > 0 {
            let reason = "it ends before what was kept of it does";
            let error = Error::with_source(ErrorKind::Conflict, &self.path, reason);
            self.let_go();
            return Err(error.advising("less came than is kept already; send the file from its start."));
        }
        let found = match self.stage {
            Stage::Fresh | Stage::Unkept => None,
            Stage::Claimed => match self.is_ours().await? {
                Some((true, found)) => Some(found),
                _ => {
                    self.let_go();
                    let reason = "a newer upload has taken its place";
                    return Err(Error::with_source(ErrorKind::Conflict, &self.path, reason));
                }
            },
        };
        let Some(inner) = self.inner.take() else { return Err(Error::new(ErrorKind::Other, &self.path)) };
        let finished = inner.finish().await;
        // Where nobody knows whether there is a file now, a look at the parts will tell.
        let is_over = !matches!(&finished, Err(error) if error.kind() == ErrorKind::Unavailable);
        if let Some(found) = found.filter(|_| is_over) {
            self.forget(&found).await;
        }
        finished
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        if self.stage == Stage::Claimed {
            match self.is_ours().await? {
                Some((true, found)) => self.forget(&found).await,
                _ => {
                    self.let_go();
                    return Ok(());
                }
            }
        }
        match self.inner.take() {
            Some(inner) => inner.abort().await,
            None => Ok(()),
        }
    }

    async fn leave(mut self: Box<Self>) -> Result<Option<u64>> {
        self.keep().await
    }
}

impl Drop for PartialUpload {
    /// As if the server had been killed: what the document says is kept.
    fn drop(&mut self) {
        if self.stage == Stage::Claimed {
            self.let_go();
        }
    }
}
