//! The first moments of an upload that goes on with what is kept.
//!
//! From the request on that writes the document, the upload before has lost its place. So that request is never given up half-way, also
//! if the session ends for which it is sent: what comes then is dropped, which writes what the document said before, and that nobody
//! sends anything.

use futures_util::StreamExt;
use tokio::sync::oneshot;

use super::state::{self, Found};
use super::upload::PartialUpload;
use crate::object::store::object::Before;
use crate::observe::carry;
use crate::{Error, ErrorKind, Result, Upload as _};

pub(super) struct Takeover {
    pub(super) upload: PartialUpload,
    /// The document that was there.
    pub(super) found: Found,
    /// The parts that are there stay.
    pub(super) goes_on: bool,
}

/// Takes the place of what was found, and has what was kept ready.
pub(super) async fn run(takeover: Takeover) -> Result<PartialUpload> {
    let path = takeover.upload.path.clone();
    let (mut answer, answered) = oneshot::channel();
    tokio::spawn(carry(async move {
        let Takeover { mut upload, found, goes_on } = takeover;
        let claimed = upload.claim(&found).await;
        let ready = async {
            claimed?;
            if !goes_on && found.state.upload.is_some() {
                upload.stays_cut();
                upload.abort_parts_of(&found).await;
            }
            upload.load_tail().await?;
            if upload.state.tail.is_none()
                && let Some(unneeded) = &found.state.tail
            {
                upload.stays_cut();
                upload.remove_tail(unneeded).await;
            }
            Ok(upload)
        };
        let ready = tokio::select! {
            ready = ready => ready,
            () = answer.closed() => return,
        };
        let _ = answer.send(ready);
    }));
    answered.await.map_err(|gone| Error::with_source(ErrorKind::Other, &path, gone))?
}

impl PartialUpload {
    /// Writes the document in place of the one that was found. Where the store does not answer, it may have taken it all the same.
    async fn claim(&mut self, before: &Found) -> Result<()> {
        let mut state = self.state.clone();
        if let Err(error) = self.store(&mut state, Before::This(&before.object)).await {
            let now = state::as_it_is_now(&self.bucket, &self.path, &self.key, before, error).await?;
            self.store(&mut state, Before::This(&now.object)).await?;
        }
        self.state = state;
        Ok(())
    }

    /// From here on, there is no more than what it goes on with.
    fn stays_cut(&mut self) {
        self.untouched = Some(self.state.clone());
    }

    /// The bytes behind the last part.
    async fn load_tail(&mut self) -> Result<()> {
        let Some(tail) = self.state.tail.clone() else { return Ok(()) };
        let mut bytes = state::tail(&self.bucket, &self.path, &self.key, &tail).await?;
        while let Some(chunk) = bytes.next().await {
            self.inner()?.write(chunk?).await?;
        }
        Ok(())
    }

    /// Removes what was there before, and can't be gone on with.
    async fn abort_parts_of(&self, before: &Found) {
        let aborted = match self.bucket.keys.file(&self.path) {
            Ok(key_of_file) => state::abort(&self.bucket, &self.path, &key_of_file, before).await,
            Err(error) => Err(error),
        };
        if let Err(error) = aborted {
            tracing::debug!(path = %self.path, %error, "the parts of an upload that begins again are left to the sweep");
        }
    }
}
