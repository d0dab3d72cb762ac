//! Reading ahead: several ranges at once, while the store is slower than the client, and while that makes it faster.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream;
use tokio::task::JoinSet;

use super::Reader;
use super::pace::Pace;
use crate::buffers::Share;
use crate::{ByteStream, Error, ErrorKind, Result};

/// The size of a range.
const RANGE: u64 = 8 << 20;

/// How many ranges are under way at once, at most.
const AT_ONCE: usize = 4;

/// A download that may read ahead. What is read and not taken yet counts as memory of the server's
/// [buffers](crate::Buffers), and where these have no room, nothing is read ahead.
pub(crate) struct Ahead {
    /// One stream, as long as that is as fast as the client; else where the ranges begin that are not asked for yet.
    reader: Reader,
    ready: VecDeque<Bytes>,
    ranges: VecDeque<Range>,
    /// The memory of the bytes in `ready`.
    share: Option<Share>,
    pace: Pace,
}

struct Range {
    bytes: JoinSet<Result<VecDeque<Bytes>>>,
    share: Share,
}

impl Ahead {
    pub(crate) fn new(reader: Reader) -> Self {
        Self {
            reader,
            ready: VecDeque::new(),
            ranges: VecDeque::new(),
            share: None,
            pace: Pace::new(Instant::now()),
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
            let Some(Range { mut bytes, share }) = self.ranges.pop_front() else {
                return self.reader.next().await;
            };
            self.ready = match bytes.join_next().await {
                Some(Ok(bytes)) => bytes?,
                Some(Err(error)) => {
                    return Err(Error::with_source(ErrorKind::Other, &self.reader.path, error));
                }
                None => VecDeque::new(),
            };
            self.share = Some(share);
        }
    }

    /// Asks for more ranges if that helps.
    fn ask(&mut self) {
        let was_ahead = !self.ranges.is_empty();
        if self.reader.object.e_tag.is_none() || !self.pace.wants_ranges(was_ahead) {
            return;
        }
        let reader = &mut self.reader;
        while self.ranges.len() < AT_ONCE && reader.end - reader.position > RANGE {
            let Some(share) = reader.bucket.buffers.try_take(RANGE) else { break };
            let start = reader.position;
            reader.position += RANGE;
            let mut part = reader.part(start, reader.position);
            let mut bytes = JoinSet::new();
            bytes.spawn(async move {
                let mut all = VecDeque::new();
                while let Some(some) = part.next().await? {
                    all.push_back(some);
                }
                Ok(all)
            });
            self.ranges.push_back(Range { bytes, share });
        }
        if !was_ahead && !self.ranges.is_empty() {
            // The stream up to the end goes on at another place now, and asks for it when it is its turn.
            *reader = reader.part(reader.position, reader.end);
        }
    }
}
