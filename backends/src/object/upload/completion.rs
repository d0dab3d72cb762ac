//! The end of an upload in parts: the object that the store makes of them, also where its answer is missing.

use std::time::Duration;

use tokio::time::Instant;

use super::multipart::{Id, Multipart};
use super::writes::{Completion, complete};
use crate::object::store::object::Before;
use crate::object::store::{Made, Replaced, Target};
use crate::{Error, ErrorKind, Result};

/// The pauses between two looks for what a completion may have made.
const FIRST_LOOK: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

impl Multipart {
    /// Makes an object of the parts, all of which have arrived, and returns its entity tag. `length` is that of all.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] also if the store does not say what became of it, and nothing shows that there is an object.
    pub(crate) async fn complete(&mut self, length: u64, before: Before<'_>) -> Result<Option<String>> {
        let id = self.id().await?;
        if !self.sent.iter().eq(self.arrived.keys()) {
            return Err(Error::with_source(ErrorKind::Other, &self.path, "a part is missing"));
        }
        // If the tag of an object doesn't depend on its content, another object is recognised by its newer tag.
        let replaced = match self.bucket.traits().hides_digests {
            // Without the right to read, the upload goes on, and a lost answer stays undecided.
            true => match self.bucket.head(&self.path, &self.key).await {
                Ok(found) => Replaced::Known(found.and_then(|object| object.e_tag)),
                Err(_) => Replaced::Unknown,
            },
            false => Replaced::Unknown,
        };
        // Also if nobody waits for the answer any more.
        self.id = Id::Undecided;
        let Self { bucket, path, key, headers, arrived, .. } = self;
        let target = Target { key, headers, length, before };
        let completion = complete(bucket, path, &id, arrived, &target).await;
        let is_met = matches!(completion, Completion::Met(_));
        let (error, patience) = match completion {
            Completion::Done(e_tag) => {
                self.id = Id::None;
                return Ok(e_tag);
            }
            Completion::Refused(error) => {
                self.id = Id::Known(id);
                return Err(error);
            }
            // Its condition does not hold: what is there is what the upload has become, or keeps it from becoming anything.
            Completion::Met(error) => {
                if self.is_another(length).await {
                    self.id = Id::Known(id);
                    return Err(error);
                }
                (error, Duration::ZERO)
            }
            Completion::Gone { sent_before } => {
                let text = "the store does not say what became of the upload";
                let error = Error::with_source(ErrorKind::Unavailable, path, text);
                (error, if sent_before { bucket.tuning.retry_timeout } else { Duration::ZERO })
            }
            Completion::Undecided(error) => (error, bucket.tuning.retry_timeout),
        };
        self.was_undecided = true;
        match self.await_made(length, &replaced, patience).await {
            Some(e_tag) => {
                self.id = Id::None;
                Ok(e_tag)
            }
            None => {
                tracing::warn!(
                    path = %self.path,
                    %error,
                    "it is not known whether the store has completed an upload; what it holds of it stays there"
                );
                Err(match error.kind() {
                    ErrorKind::Unavailable | ErrorKind::AlreadyExists | ErrorKind::Conflict if is_met => {
                        error
                    }
                    ErrorKind::Unavailable => error,
                    // After the store's last answer, the file may be the old one or the new one.
                    _ => Error::with_source(ErrorKind::Unavailable, &self.path, error),
                })
            }
        }
    }

    /// Whether the object under the key is certainly not made of these parts.
    async fn is_another(&self, length: u64) -> bool {
        let object = self.bucket.head(&self.path, &self.key).await;
        matches!(object, Ok(Some(now)) if now.size != length)
    }

    /// Looks for the object for so long, and returns its entity tag when it is there.
    async fn await_made(
        &self,
        length: u64,
        replaced: &Replaced,
        patience: Duration,
    ) -> Option<Option<String>> {
        let made = Made { key: &self.key, length, tags: &self.arrived, crc: self.crc(), replaced };
        let (deadline, mut pause) = (Instant::now() + patience, FIRST_LOOK);
        loop {
            match self.bucket.store.made(&made).await {
                Ok(Some(e_tag)) => return Some(e_tag),
                Ok(None) => {}
                Err(failure) => {
                    let error = failure.at(&self.path);
                    tracing::debug!(path = %self.path, %error, "the store can't be looked at");
                }
            }
            if Instant::now() + pause > deadline {
                return None;
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// The CRC32C of all parts, where it is known.
    fn crc(&self) -> Option<u32> {
        self.crc.as_ref().and_then(|crc| u32::try_from(crc.finalize()).ok())
    }
}
