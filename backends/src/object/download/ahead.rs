//! Reading ahead: several ranges at once, while the store is slower than the client, and while that makes it faster.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::stream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Reader;
use super::pace::{Pace, Way};
use crate::buffers::{ReadsAhead, Share};
use crate::{ByteStream, Error, ErrorKind, Result, observe};

/// A download that may read ahead. What is read and not taken yet counts as memory of the server's
/// [buffers](crate::Buffers), and where these have no room, nothing is read ahead.
pub(crate) struct Ahead {
    /// The stream that the download began with, up to where the ranges begin.
    first: Option<Reader>,
    ready: VecDeque<Bytes>,
    ranges: VecDeque<Range>,
    /// One stream, as long as that is as fast as the client; else where the ranges begin that are not asked for yet.
    rest: Reader,
    /// The memory of the bytes in `ready`.
    share: Option<Share>,
    /// It is one of those that share the memory for reading ahead.
    reads_ahead: Option<ReadsAhead>,
    pace: Pace,
}

struct Range {
    bytes: JoinSet<Result<VecDeque<Bytes>>>,
    share: Share,
}

impl Ahead {
    pub(crate) fn new(reader: Reader) -> Self {
        let way = if reader.bucket.distance.is_far() { Way::FAR } else { Way::NEAR };
        Self {
            first: None,
            ready: VecDeque::new(),
            ranges: VecDeque::new(),
            rest: reader,
            share: None,
            reads_ahead: None,
            pace: Pace::new(way, Instant::now()),
        }
    }

    pub(crate) fn into_stream(self) -> ByteStream {
        Box::pin(stream::try_unfold(self, async |mut ahead| {
            ahead.pace.asked(Instant::now());
            let bytes = ahead.next().await?;
            ahead.pace.got(Instant::now(), bytes.as_ref().map_or(0, Bytes::len));
            Ok(bytes.map(|bytes| (bytes, ahead)))
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Ok(Some(bytes));
            }
            self.share = None;
            self.ask();
            if let Some(first) = &mut self.first {
                match first.next().await? {
                    Some(bytes) => return Ok(Some(bytes)),
                    None => self.first = None,
                }
                continue;
            }
            let Some(Range { mut bytes, share }) = self.ranges.pop_front() else {
                return self.rest.next().await;
            };
            self.ready = match bytes.join_next().await {
                Some(Ok(bytes)) => bytes?,
                Some(Err(error)) => {
                    return Err(Error::with_source(ErrorKind::Other, &self.rest.path, error));
                }
                None => VecDeque::new(),
            };
            self.share = Some(share);
        }
    }

    fn under_way(&self) -> usize {
        usize::from(self.first.is_some()) + self.ranges.len()
    }

    /// Asks for more ranges if that helps.
    fn ask(&mut self) {
        if self.rest.object.e_tag.is_none() {
            return;
        }
        // A store that woke up, or was busy, has answered more quickly since.
        if self.pace.is_far() && !self.rest.bucket.distance.is_far() {
            self.pace.set_near();
        }
        let (was_ahead, size) = (self.under_way() > 0, self.pace.range());
        let room = self.rest.bucket.buffers.room_ahead(self.reads_ahead.as_ref()) / size;
        // The stream that the download began with needs no room.
        let streams = usize::from(self.first.is_some() || !was_ahead);
        let most = usize::try_from(room).unwrap_or(usize::MAX).saturating_add(streams);
        let wanted = self.pace.wanted(was_ahead, most).min(most);
        // The stream goes on meanwhile, as if it were the first range.
        while self.under_way().max(1) < wanted {
            let begin = if self.under_way() == 0 { self.rest.position + size } else { self.rest.position };
            let length = size.min(self.rest.end.saturating_sub(begin));
            if length == 0 {
                break;
            }
            let Some(share) = self.rest.bucket.buffers.try_take(length) else { break };
            if self.under_way() == 0 {
                let rest = self.rest.part(begin, self.rest.end);
                self.first = Some(std::mem::replace(&mut self.rest, rest).up_to(begin));
            }
            self.ranges.push_back(Range { bytes: self.fetch(begin, begin + length), share });
            self.rest.position = begin + length;
        }
        match self.under_way() {
            0 => self.reads_ahead = None,
            _ if self.reads_ahead.is_none() => self.reads_ahead = Some(self.rest.bucket.buffers.read_ahead()),
            _ => {}
        }
    }

    fn fetch(&self, begin: u64, end: u64) -> JoinSet<Result<VecDeque<Bytes>>> {
        let mut part = self.rest.part(begin, end);
        let mut bytes = JoinSet::new();
        bytes.spawn(observe::carry(async move {
            let mut all = VecDeque::new();
            while let Some(some) = part.next().await? {
                all.push_back(some);
            }
            Ok(all)
        }));
        bytes
    }
}

#[cfg(test)]
#[path = "ahead_tests.rs"]
mod tests;
