//! An upload that stays when it is left.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use super::heard::Heard;
use super::state::{self, Found, State, Tail};
use crate::object::bucket::Bucket;
use crate::object::store::object::Before;
use crate::object::upload::ObjectUpload;
use crate::partial::told;
use crate::{Error, ErrorKind, Intake, Metadata, Result, StoragePath, Supply, Upload};

/// How soon a document is tried again that could not be written.
const RETRY: Duration = Duration::from_secs(5);

/// How long it may take to say of an upload that nobody sends it.
const LEAVING: Duration = Duration::from_secs(60);

/// What the log says if that can't be said.
const LOOKS_UNDER_WAY: &str =
    "an upload of which nothing has come looks for some minutes as if it were under way";

/// An upload to a bucket whose parts stay.
pub(super) struct PartialUpload {
    /// `None` when it has ended.
    inner: Option<Box<ObjectUpload>>,
    pub(super) bucket: Arc<Bucket>,
    pub(super) path: StoragePath,
    /// The key of the document.
    pub(super) key: String,
    pub(super) state: State,
    stage: Stage,
    /// The store was asked to take the document, and has not said what became of that.
    has_asked: bool,
    /// When the document was last written, or should have been.
    written: Instant,
    has_failed: bool,
    /// So many of the next bytes are there already.
    skip: u64,
    /// The parts up to this one may be on the store from before.
    highest: usize,
    /// What the document says again if nothing comes: it goes on with what was kept, and nothing has come yet.
    pub(super) untouched: Option<State>,
    heard: Heard,
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
        Self::new(inner, key, state, Stage::Fresh)
    }

    /// One that goes on with what is kept, and has still to write the document.
    pub(super) fn taking_over(
        inner: ObjectUpload,
        key: String,
        state: State,
        skip: u64,
        highest: usize,
    ) -> Self {
        let mut upload = Self::new(inner, key, state, Stage::Claimed);
        (upload.skip, upload.highest) = (skip, highest);
        upload
    }

    fn new(inner: ObjectUpload, key: String, state: State, stage: Stage) -> Self {
        let (bucket, path) = (Arc::clone(&inner.bucket), inner.path.clone());
        let (inner, written) = (Some(Box::new(inner)), Instant::now());
        let heard = Heard::new(&state.claim);
        let (has_asked, has_failed, skip, highest, untouched) = (false, false, 0, 0, None);
        Self {
            inner,
            bucket,
            path,
            key,
            state,
            stage,
            has_asked,
            written,
            has_failed,
            skip,
            highest,
            untouched,
            heard,
        }
    }

    pub(super) fn inner(&mut self) -> Result<&mut ObjectUpload> {
        self.inner.as_deref_mut().ok_or_else(|| Error::new(ErrorKind::Other, &self.path))
    }

    fn superseded(&self) -> Error {
        Error::with_source(ErrorKind::Conflict, &self.path, "a newer upload has taken its place")
    }

    /// How many parts may count: as long as the store has others from before, only those that it has from this upload.
    fn counts(&self) -> Option<usize> {
        let counts = self.state.counts?;
        let multipart = self.inner.as_ref()?.multipart.as_ref()?;
        let now = multipart.in_order().max(counts);
        (now < self.highest).then_some(now)
    }

    /// The document that names the upload in parts, if it has begun one.
    async fn naming(&mut self) -> Result<State> {
        let counts = self.counts();
        let mut state = State { counts, ..self.state.clone() };
        if let Some(inner) = &mut self.inner
            && let Some(multipart) = &mut inner.multipart
            && state.upload.is_none()
        {
            state.upload = Some(multipart.id().await?);
            state.part_size = inner.sizes.first();
        }
        Ok(state)
    }

    /// Writes the document when the store begins to have parts, when more of them count, and again before it gets old.
    async fn note(&mut self) -> Result<()> {
        let Some(inner) = &self.inner else { return Ok(()) };
        let begins = self.state.upload.is_none() && inner.multipart.is_some();
        let every = match (self.has_failed, self.stage) {
            (_, Stage::Unkept) => return Ok(()),
            (_, Stage::Fresh) if !begins => return Ok(()),
            (true, _) => RETRY,
            (false, _) if begins || self.counts() != self.state.counts => Duration::ZERO,
            (false, _) => self.state.refresh(),
        };
        if self.written.elapsed() < every {
            return Ok(());
        }
        let mut state = self.naming().await?;
        self.written = Instant::now();
        let stored = match self.stage {
            Stage::Claimed => match self.is_ours().await {
                Ok(Some((true, found))) => self.store(&mut state, Before::This(&found.object)).await,
                // Nothing that it sends is of use to anybody.
                Ok(_) => return Err(self.superseded()),
                Err(error) => Err(error),
            },
            _ => {
                // Whoever drops this half-way does not know either.
                self.has_asked = true;
                self.store(&mut state, Before::Nothing).await
            }
        };
        self.has_failed = stored.is_err();
        match stored {
            Ok(()) => (self.stage, self.state) = (Stage::Claimed, state),
            Err(error) if self.stage == Stage::Fresh && error.kind() == ErrorKind::Conflict => {
                match self.settle().await {
                    Ok(()) if self.stage == Stage::Claimed => self.has_failed = false,
                    Ok(()) => {
                        tracing::debug!(path = %self.path, %error, "an upload will not be kept if its line breaks");
                        (self.stage, self.has_asked) = (Stage::Unkept, false);
                    }
                    Err(error) => {
                        tracing::debug!(path = %self.path, %error, "can't look for the document of an upload")
                    }
                }
            }
            // Bytes on their way go on meanwhile.
            Err(error) => tracing::debug!(path = %self.path, %error, "can't write about an upload"),
        }
        Ok(())
    }

    pub(super) async fn store(&self, state: &mut State, before: Before<'_>) -> Result<()> {
        state::store(&self.bucket, &self.path, &self.key, state, before).await
    }

    /// The document, and whether it is that of this upload; `None` if there is none.
    async fn is_ours(&self) -> Result<Option<(bool, Found)>> {
        let found = state::load(&self.bucket, &self.path, &self.key).await?;
        Ok(found.map(|found| (found.state.claim == self.state.claim, found)))
    }

    /// Takes the document for its own that the store has taken without saying so.
    async fn settle(&mut self) -> Result<()> {
        if self.stage != Stage::Claimed
            && self.has_asked
            && let Some((true, found)) = self.is_ours().await?
        {
            (self.stage, self.state) = (Stage::Claimed, found.state);
        }
        Ok(())
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
    async fn forget(&self) {
        let removed = match self.is_ours().await {
            Ok(Some((true, found))) => state::remove(&self.bucket, &self.path, &self.key, None, &found).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            tracing::debug!(path = %self.path, %error, "what was kept of an upload is left to the sweep");
        }
    }

    pub(super) async fn remove_tail(&self, tail: &Tail) {
        let key = state::tail_key(&self.key, &tail.name);
        if let Err(error) = self.bucket.delete(&self.path, &key, None).await {
            tracing::debug!(path = %self.path, %error, "the last bytes of an upload are left to the sweep");
        }
    }

    /// Nothing is worth to be kept.
    async fn give_up(&mut self) -> Result<()> {
        if self.stage == Stage::Claimed {
            self.forget().await;
        }
        // What the store was asked to complete is not aborted.
        if self.state.is_completing {
            self.let_go();
        }
        match self.inner.take() {
            Some(inner) => inner.abort().await,
            None => Ok(()),
        }
    }

    /// Writes down what has arrived, and tells how many bytes that is.
    async fn keep(&mut self) -> Result<Option<u64>> {
        self.settle().await?;
        let before = match self.stage {
            Stage::Unkept => return self.give_up().await.map(|()| None),
            Stage::Fresh => None,
            Stage::Claimed => match self.is_ours().await? {
                Some((true, found)) => Some(found),
                // Somebody goes on with it already, or has thrown it away.
                _ => {
                    self.let_go();
                    return Ok(None);
                }
            },
        };
        let mut state = self.naming().await?;
        let skips = self.skip > 0;
        let inner = self.inner()?;
        let (behind, of_parts) = inner.await_parts(state.part_size).await;
        let tail = inner.tail_behind(of_parts).await?.filter(|_| !skips);
        let old = state.tail.take();
        let (mut unneeded, mut new) = (None, None);
        match tail {
            Some((content, share)) => {
                unneeded = old;
                new = Some((content, share)).filter(|(content, _)| content.content_length() > 0);
                let length = new.as_ref().map_or(0, |(content, _)| content.content_length() as u64);
                let name = format!("{:016x}", fastrand::u64(..));
                state.tail = new.as_ref().map(|_| Tail { name, behind, length });
            }
            // What was kept before of the part that could not be sent is there.
            None if old.as_ref().is_some_and(|old| old.behind == behind) => state.tail = old,
            None => unneeded = old,
        }
        if let (Some(tail), Some((content, _share))) = (&state.tail, new)
            && let Err(error) =
                state::store_tail(&self.bucket, &self.path, &self.key, &tail.name, content).await
        {
            tracing::warn!(path = %self.path, %error, "the last bytes of an upload that was broken off are lost");
            // Those that were kept before are there.
            state.tail = unneeded.take_if(|old| old.behind == behind);
        }
        state.arrived = of_parts + state.tail.as_ref().map_or(0, |tail| tail.length);
        let Some(told) = told(state.arrived) else { return self.give_up().await.map(|()| None) };
        state.counts = (behind < self.highest).then_some(behind);
        state.is_left = true;
        let condition = before.as_ref().map_or(Before::Nothing, |found| Before::This(&found.object));
        let mut stored = self.store(&mut state, condition).await;
        // The document that it meets may be its own, which has come only now.
        if self.stage == Stage::Fresh
            && self.has_asked
            && stored.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict)
            && let Some((true, found)) = self.is_ours().await?
        {
            stored = self.store(&mut state, Before::This(&found.object)).await;
        }
        if stored.is_err() {
            // Of the two last pieces, one is not needed any more. Without the store's answer nobody knows which.
            let is_refused = matches!(&stored, Err(error) if error.kind() == ErrorKind::Conflict);
            unneeded = state.tail.take_if(|tail| is_refused && self.state.tail.as_ref() != Some(tail));
        }
        if let Some(tail) = unneeded {
            self.remove_tail(&tail).await;
        }
        match stored {
            Ok(()) => {
                self.let_go();
                Ok(Some(told))
            }
            Err(error) if error.kind() == ErrorKind::Conflict => match self.stage {
                Stage::Claimed => {
                    self.let_go();
                    Ok(None)
                }
                // Another upload of the name was faster.
                _ => self.give_up().await.map(|()| None),
            },
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Upload for PartialUpload {
    async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        self.heard.now();
        self.untouched = None;
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
        self.heard.now();
        self.untouched = None;
        self.inner()?.intake(supply).await
    }

    fn mark(&mut self) -> Option<u128> {
        self.inner.as_mut().and_then(|inner| inner.mark())
    }

    async fn finish(mut self: Box<Self>) -> Result<Metadata> {
        if self.skip > 0 {
            // Nothing came, which is no file: what is kept stays as it was.
            let reason = "it ends before what was kept of it does";
            let error = Error::with_source(ErrorKind::Conflict, &self.path, reason);
            return Err(error.advising("what came ends before what is kept does; try again"));
        }
        self.untouched = None;
        self.settle().await?;
        if self.stage == Stage::Claimed {
            let Some((true, found)) = self.is_ours().await? else {
                self.let_go();
                return Err(self.superseded());
            };
            // The store says so before it is asked: whatever becomes of this server, nobody takes what may be the file for an upload
            // that was broken off.
            let mut state = State { is_completing: true, ..self.naming().await? };
            match self.store(&mut state, Before::This(&found.object)).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    self.let_go();
                    return Err(self.superseded());
                }
                stored => stored?,
            }
            self.state = state;
        }
        let Some(mut inner) = self.inner.take() else { return Err(Error::new(ErrorKind::Other, &self.path)) };
        inner.stays = self.stage == Stage::Claimed;
        let finished = inner.finish().await;
        // Where nobody knows whether there is a file now, a look at the parts will tell.
        let is_over = !matches!(&finished, Err(error) if error.kind() == ErrorKind::Unavailable);
        if is_over && self.stage == Stage::Claimed {
            self.forget().await;
        }
        finished
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.untouched = None;
        self.settle().await?;
        if self.stage == Stage::Claimed && !matches!(self.is_ours().await?, Some((true, _))) {
            self.let_go();
            return Ok(());
        }
        self.give_up().await
    }

    async fn leave(mut self: Box<Self>) -> Result<Option<u64>> {
        self.keep().await
    }
}

impl Drop for PartialUpload {
    /// As if the server had been killed: what the document says is kept. Where a session ends before its first byte, nobody else says
    /// that nothing is under way.
    fn drop(&mut self) {
        if self.stage != Stage::Claimed || self.inner.is_none() {
            return;
        }
        self.let_go();
        // Without a runtime nothing can be asked of the store.
        if let (Some(untouched), Ok(runtime)) = (self.untouched.take(), Handle::try_current()) {
            let (bucket, path, key) = (Arc::clone(&self.bucket), self.path.clone(), self.key.clone());
            runtime.spawn(async move {
                match timeout(LEAVING, state::leave(&bucket, &path, &key, untouched)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::debug!(%path, %error, "{LOOKS_UNDER_WAY}"),
                    Err(_) => tracing::debug!(%path, "{LOOKS_UNDER_WAY}: the store does not answer"),
                }
            });
        }
    }
}
