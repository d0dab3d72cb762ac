//! The end of an upload in parts: the object that the store makes of them, also where its answer is missing.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};
use tokio::time::Instant;

use super::multipart::{Id, Multipart};
use super::writes::{Completion, Target};
use crate::object::azure::block_id;
use crate::object::bucket::Own;
use crate::object::store::object::Before;
use crate::{Error, ErrorKind, Result};

/// The pauses between two looks for what a completion may have made.
const FIRST_LOOK: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// The entity tag of what was there before, where that is needed.
enum Replaced {
    Known(Option<String>),
    Unknown,
}

/// What a completion makes, as far as an object tells.
struct Made {
    length: u64,
    replaced: Replaced,
    /// The entity tag, where it is made of those of the parts.
    e_tag: Option<String>,
}

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
        // Where an object's tag tells nothing of its content, another one is one that is newer.
        let replaced = match self.client.hides_digests() {
            // Who may not look stores all the same, and never learns more of a lost answer.
            true => match self.client.head(&self.path, &self.key).await {
                Ok(found) => Replaced::Known(found.and_then(|object| object.e_tag)),
                Err(_) => Replaced::Unknown,
            },
            false => Replaced::Unknown,
        };
        // Also if nobody waits for the answer any more.
        self.id = Id::Undecided;
        let made = Made { length, replaced, e_tag: e_tag_of_parts(self.arrived.values()) };
        let Self { client, path, key, headers, arrived, .. } = self;
        let target = Target { key, headers, length, before };
        let completion = client.complete_upload(path, &id, arrived, target).await;
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
                if self.is_another(&made).await {
                    self.id = Id::Known(id);
                    return Err(error);
                }
                (error, Duration::ZERO)
            }
            Completion::Gone { sent_before } => {
                let text = "the store does not say what became of the upload";
                let error = Error::with_source(ErrorKind::Unavailable, path, text);
                (error, if sent_before { client.tuning.retry_timeout } else { Duration::ZERO })
            }
            Completion::Undecided(error) => (error, client.tuning.retry_timeout),
        };
        self.was_undecided = true;
        match self.await_made(&made, patience).await {
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
                    // Whatever the store said last, the old file may stand there or the new one.
                    _ => Error::with_source(ErrorKind::Unavailable, &self.path, error),
                })
            }
        }
    }

    /// Whether what stands under the key is certainly nothing that the parts make.
    async fn is_another(&self, made: &Made) -> bool {
        let found = self.client.head(&self.path, &self.key).await;
        matches!(found, Ok(Some(now)) if now.size != made.length)
    }

    /// Looks for the object for so long, and returns its entity tag when it is there.
    async fn await_made(&self, made: &Made, patience: Duration) -> Option<Option<String>> {
        let (deadline, mut pause) = (Instant::now() + patience, FIRST_LOOK);
        loop {
            match self.made(made).await {
                Ok(Some(e_tag)) => return Some(e_tag),
                Ok(None) => {}
                Err(error) => tracing::debug!(path = %self.path, %error, "the store can't be looked at"),
            }
            if Instant::now() + pause > deadline {
                return None;
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// The entity tag of what stands under the key, if it is what the parts make.
    async fn made(&self, made: &Made) -> Result<Option<Option<String>>> {
        if let Own::Google(google) = &self.client.own {
            return match google.head_with_crc(&self.key, None).await {
                // A tag of another kind than those that are compared.
                Ok((now, told)) => {
                    let crc = self.crc();
                    Ok((now.size == made.length && crc.is_some() && told == crc).then_some(None))
                }
                Err(failure) if failure.is_not_found() => Ok(None),
                Err(failure) => Err(failure.at(&self.path)),
            };
        }
        let Some(now) = self.client.head(&self.path, &self.key).await? else { return Ok(None) };
        let is_made = now.size == made.length
            && match &self.client.own {
                Own::Azure(azure) => {
                    let blocks = azure.committed_blocks(&self.key).await;
                    let blocks = blocks.map_err(|failure| failure.at(&self.path))?;
                    let ours = self.arrived.values().map(|tag| block_id(tag));
                    ours.eq(blocks)
                }
                // Where the store encrypts with keys of its owner, the tag of an object tells how many parts it has, and
                // nothing else.
                _ if self.client.hides_digests() => {
                    let of_parts = format!("-{}", self.arrived.len());
                    let e_tag = now.e_tag.as_deref().unwrap_or_default().trim_matches('"');
                    let is_new = matches!(&made.replaced, Replaced::Known(before) if *before != now.e_tag);
                    is_new && e_tag.ends_with(&of_parts)
                }
                _ => made.e_tag.is_some() && now.e_tag == made.e_tag,
            };
        Ok(is_made.then_some(now.e_tag))
    }

    /// The CRC32C of all parts, as Google tells it: a number of four bytes, the first one first (the documentation of
    /// `crc32c`).
    fn crc(&self) -> Option<String> {
        let sum = self.crc.as_ref().and_then(|crc| u32::try_from(crc.finalize()).ok());
        sum.map(|sum| BASE64_STANDARD.encode(sum.to_be_bytes()))
    }
}

/// The entity tag that S3 gives to an object of such parts, unless they are encrypted with keys of the bucket's owner.
fn e_tag_of_parts<'a>(tags: impl ExactSizeIterator<Item = &'a String>) -> Option<String> {
    let (count, mut all) = (tags.len(), Md5::new());
    for tag in tags {
        let digits = tag.trim_matches('"');
        if digits.len() != 32 || !digits.is_ascii() {
            return None;
        }
        let bytes = (0..16)
            .map(|n| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16))
            .collect::<Result<Vec<u8>, _>>();
        all.update(bytes.ok()?);
    }
    let digits: String = all.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("\"{digits}-{count}\""))
}

#[cfg(test)]
#[path = "completion_tests.rs"]
mod tests;
