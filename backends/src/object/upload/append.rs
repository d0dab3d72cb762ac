//! Appending: the client's bytes are added to the end of the file as it is when the append ends.
//!
//! The plan. The client's bytes are kept apart from those of the file. If they fit into one part, they are held until the end,
//! and then stored together with the file. If they don't, their parts get numbers that leave room for the file, which is copied
//! into the free numbers at the end. Only the first part, the *head*, waits for the end: a file that is too short for a part of
//! its own shares one part with the head.
//!
//! So the end can be tried again if somebody else has changed the file meanwhile, and the client never has to send anything
//! twice. In this process, appends that end with one file take turns, whatever conditions its store knows; between several
//! servers, the store's conditions decide.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::PutPayload;
use tokio::sync::SemaphorePermit;

use super::ObjectUpload;
use super::end::Condition;
use super::parts::Gathered;
use super::pieces::{equal_pieces, kept_pieces};
use super::turn::turn;
use crate::buffers::Share;
use crate::object::bucket::Bucket;
use crate::object::download;
use crate::object::store::marks::marked;
use crate::object::store::object::Object;
use crate::{Error, ErrorKind, Result, Upload as _};

/// The numbers of parts before the head: what is there may take so many.
const ROOM: usize = 600;

/// The number of the head.
pub(crate) const HEAD: usize = ROOM + 1;

/// How often an append is put behind what is there, where other servers change it each time meanwhile, and the longest pause
/// between.
const TRIES: u32 = 20;
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// An append that is under way.
pub(crate) struct Tail {
    /// The object at the beginning.
    seen: Option<Object>,
    /// The first part, with its memory, if there is more.
    head: Option<(PutPayload, Share)>,
}

impl Tail {
    pub(crate) fn behind(seen: Option<Object>) -> Self {
        Self { seen, head: None }
    }
}

/// The client's bytes that are in no part yet.
struct Sent {
    /// The first bytes of all.
    head: PutPayload,
    share: Share,
    /// The last ones, if there are parts between, until they are sent.
    more: Option<(PutPayload, Share)>,
}

impl Sent {
    /// Makes one of both.
    fn join(&mut self) {
        if let Some((last, share)) = self.more.take() {
            self.head = std::mem::take(&mut self.head).into_iter().chain(last).collect();
            self.share.add(share);
        }
    }
}

/// Bytes, and the right to hold them.
struct Loaded<'a> {
    bytes: PutPayload,
    _share: Share,
    _alone: Option<SemaphorePermit<'a>>,
}

impl ObjectUpload {
    pub(crate) fn holds_head(&self) -> bool {
        self.tail.as_ref().is_some_and(|tail| tail.head.is_some())
    }

    /// Keeps the first part, which is full, until what comes before it is known. Where there is no room for that, where all parts
    /// must have one size, or where they are counted anew at their end, what is there now has to do.
    pub(crate) async fn hold_head(&mut self) -> Result<()> {
        let has_room = !self.bucket.buffers.is_tight() && !self.held.is_spilled();
        let counts_anew = self.bucket.traits().renumbers_parts;
        if !has_room || counts_anew || self.sizes.are_equal() {
            return self.settle().await;
        }
        let head = self.held.take(&self.path).await?;
        if let Some(tail) = &mut self.tail {
            tail.head = Some(head);
        }
        self.sizes.advance();
        self.sizes.leave_room(ROOM as u64);
        Ok(())
    }

    /// Extends the object that is there now, as a resumed upload does: if another one is there in the end, it is a conflict.
    async fn settle(&mut self) -> Result<()> {
        self.tail = None;
        let (bytes, share) = self.held.take(&self.path).await?;
        let bucket = Arc::clone(&self.bucket);
        // Its bytes are counted again when they are written: one at a time holds some that are not. Nobody closes this.
        let _settling = bucket.settling.acquire().await;
        drop(share);
        self.length = 0;
        match self.look().await? {
            Some(object) => {
                let kept = object.size;
                self.condition = Condition::This(Box::new(object.clone()));
                self.keep(object, kept).await?;
            }
            None => self.condition = Condition::Nothing,
        }
        for chunk in bytes {
            self.write(chunk).await?;
        }
        Ok(())
    }

    /// Puts what was sent behind what is there, and returns the entity tag and the length of the whole.
    pub(crate) async fn finish_tail(&mut self, tail: Tail) -> Result<(Option<String>, u64)> {
        let Tail { mut seen, head } = tail;
        let (last, last_share) = self.held.take(&self.path).await?;
        let mut sent = Sent { head: last, share: last_share, more: None };
        if let Some((head, share)) = head {
            let Sent { head: last, share: last_share, .. } = sent;
            sent = Sent { head, share, more: Some((last, last_share)) };
        }
        // If no part was sent yet, all bytes are sent together.
        if self.multipart.is_none() {
            sent.join();
        }
        let was_begun = self.multipart.is_some();
        let _turn = turn(&self.bucket, &self.key).await;
        let mut tries = 0;
        loop {
            // An object that was seen before has to be confirmed: reading or copying it does so.
            let now = match seen.take().filter(|object| object.size > 0) {
                Some(object) => Some(object),
                None => self.look().await?,
            };
            let copies_inside = self.copies_inside();
            let error = match self.put_behind(now, &mut sent).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            // The store has just said that it can't copy.
            if error.kind() == ErrorKind::Unsupported && copies_inside && !self.copies_inside() {
                match sent.more {
                    None if !was_begun => drop(self.multipart.take()),
                    // The store may have made an empty part in place of the first one, and accept no other for it.
                    _ => self.first = 2,
                }
                continue;
            }
            tries += 1;
            let is_changed = matches!(error.kind(), ErrorKind::Conflict | ErrorKind::AlreadyExists);
            if !is_changed || tries >= TRIES {
                return Err(match error.kind() {
                    ErrorKind::AlreadyExists => Error::with_source(ErrorKind::Conflict, &self.path, error),
                    _ => error,
                });
            }
            tracing::debug!(path = %self.path, %error, "what is appended to has changed; it is done again");
            if tries > 1 {
                let pause = LONGEST_PAUSE.mul_f64(fastrand::f64() * f64::from(tries) / f64::from(TRIES));
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// One attempt.
    async fn put_behind(&mut self, now: Option<Object>, sent: &mut Sent) -> Result<(Option<String>, u64)> {
        let bucket = Arc::clone(&self.bucket);
        let old = now.as_ref().map_or(0, |object| object.size);
        let total = old + self.length;
        let pieces = self.pieces_of(old)?;
        let placed = pieces.last().map_or(0, |(_, last)| last + 1);
        // No number is left out if no part was sent.
        let mut number = if sent.more.is_some() { HEAD } else { self.first + pieces.len() };
        self.condition = match &now {
            Some(object) => Condition::This(Box::new(object.clone())),
            None => Condition::Nothing,
        };
        let in_parts = sent.more.is_some() || !pieces.is_empty();
        if in_parts {
            self.forget_earlier_tries(sent.more.is_some()).await;
        }
        if let Some(object) = &now {
            self.place(&bucket, object, pieces).await?;
        }
        let mut front = Gathered::default();
        let _rest = match &now {
            Some(object) if placed < old => {
                let rest = self.load(&bucket, object, (placed, old)).await?;
                rest.bytes.iter().for_each(|bytes| front.push(bytes.clone()));
                Some(rest)
            }
            _ => None,
        };
        sent.head.iter().for_each(|bytes| front.push(bytes.clone()));
        if !in_parts {
            let e_tag = self.put(&front.take(u64::MAX), self.condition.before()).await?;
            // An earlier try may have begun one.
            drop(self.multipart.take());
            return Ok((e_tag, total));
        }
        let most = if self.sizes.are_equal() { self.sizes.next() } else { u64::MAX };
        while front.len() > 0 {
            self.send_as(number, front.take(most), None).await?;
            number += 1;
        }
        if let Some((last, share)) = &mut sent.more
            && last.content_length() > 0
        {
            let number = self.multipart().next_behind(HEAD);
            // Until it is on its way it is kept: what fails before is done again.
            self.send_as(number, last.clone(), Some(share.take())).await?;
            *last = PutPayload::new();
        }
        self.multipart().await_all().await?;
        Ok((self.end(total).await?, total))
    }

    /// Leaves out what earlier tries have put before what was sent.
    async fn forget_earlier_tries(&mut self, was_sent: bool) {
        let multipart = self.multipart();
        while multipart.under_way() > 0 {
            // A failed part is missing in the end.
            let _ = multipart.await_one().await;
        }
        multipart.forget(if was_sent { 1..=HEAD } else { 1..=usize::MAX });
    }

    /// The ranges of a file that can be parts of their own, from its first byte on.
    fn pieces_of(&self, size: u64) -> Result<Vec<(u64, u64)>> {
        let part = self.sizes.next();
        let pieces = match () {
            () if self.sizes.are_equal() => equal_pieces(size - size % part, part),
            () if self.copies_inside() => kept_pieces(size),
            // Read and sent again.
            () => {
                let least = size.div_ceil(ROOM as u64 - 1);
                let part = match self.bucket.traits().marks_uploads {
                    // A size that marks an upload is at most a mebibyte smaller.
                    true if least > part => marked(least + (1 << 20)),
                    _ => part.max(least),
                };
                if part > self.bucket.buffers.largest_part() {
                    return Err(self.too_large());
                }
                equal_pieces(size - size % part, part)
            }
        };
        if pieces.len() >= ROOM {
            return Err(self.too_large());
        }
        Ok(pieces)
    }

    /// Whether the store makes parts of what it has, as far as is known.
    fn copies_inside(&self) -> bool {
        self.bucket.store.copies_parts() != Some(false)
    }

    /// Makes parts of these ranges of a file, the first of which gets number 1.
    async fn place(&mut self, bucket: &Arc<Bucket>, object: &Object, pieces: Vec<(u64, u64)>) -> Result<()> {
        if pieces.is_empty() {
            return Ok(());
        }
        if self.copies_inside() {
            return self.multipart().copy_as(1, object.clone(), pieces).await;
        }
        for (number, (first, last)) in (self.first..).zip(pieces) {
            let loaded = self.load(bucket, object, (first, last + 1)).await?;
            self.send_as(number, loaded.bytes.clone(), None).await?;
            self.multipart().await_all().await?;
        }
        Ok(())
    }

    /// Sends a part with a number of its own. Without a share, the caller keeps the memory until all is sent.
    async fn send_as(&mut self, number: usize, bytes: PutPayload, share: Option<Share>) -> Result<()> {
        if number > usize::try_from(self.sizes.most()).unwrap_or(usize::MAX) {
            return Err(self.too_large());
        }
        let share = share.unwrap_or_else(|| Share::new(Arc::clone(&self.bucket.buffers)));
        let multipart = self.multipart();
        multipart.send_as(number, bytes, share).await
    }

    /// Reads a part of a file, which is as it was looked at before.
    async fn load<'a>(
        &self,
        bucket: &'a Arc<Bucket>,
        object: &Object,
        (first, end): (u64, u64),
    ) -> Result<Loaded<'a>> {
        let mut share = Share::new(Arc::clone(&bucket.buffers));
        // Nobody closes it.
        let alone = if share.try_grow(end - first) { None } else { bucket.alone.acquire().await.ok() };
        let mut stream = download::section(bucket, &self.path, object, (first, end));
        let mut chunks: Vec<Bytes> = Vec::new();
        while let Some(chunk) = stream.next().await {
            chunks.push(chunk?);
        }
        Ok(Loaded { bytes: chunks.into_iter().collect(), _share: share, _alone: alone })
    }
}
