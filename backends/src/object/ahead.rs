//! Reading ahead: several ranges at once, while the store is slower than the client, and while that makes it faster.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use tokio::task::JoinSet;

use super::body::Reader;
use crate::buffers::Share;
use crate::{ByteStream, Error, ErrorKind, Result};

/// What is read before it is decided whether to read ahead, in bytes; smaller files are one request.
const TRIAL: u64 = 16 << 20;

/// The size of a range.
const RANGE: u64 = 8 << 20;

/// How many ranges are under way at once, at most.
const AT_ONCE: usize = 4;

/// How many times as fast as before it has to be with several ranges: these cost the store more than one stream, and one
/// that is close by, or busy with nothing but this, is no faster with them.
const GAIN: f64 = 1.25;

/// A download that may read ahead. What is read and not taken yet counts as memory of the server's
/// [buffers](crate::Buffers), and where these have no room, nothing is read ahead.
pub(super) struct Ahead {
    /// One stream, as long as that is as fast as the client; else where the ranges begin that are not asked for yet.
    reader: Reader,
    ready: VecDeque<Bytes>,
    ranges: VecDeque<Range>,
    /// The memory of the bytes in `ready`.
    share: Option<Share>,
    measured: Measured,
    trial: Trial,
}

/// Whether several ranges at once are faster.
#[derive(Clone, Copy)]
enum Trial {
    /// It was not tried yet.
    Open,
    /// It is being tried; how fast it was before, in bytes a second.
    Running(f64),
    Won,
    Lost,
}

struct Range {
    bytes: JoinSet<Result<VecDeque<Bytes>>>,
    share: Share,
}

/// How long the store and the client kept each other waiting.
struct Measured {
    bytes: u64,
    store: Duration,
    client: Duration,
    returned: Instant,
}

impl Measured {
    fn new() -> Self {
        Self { bytes: 0, store: Duration::ZERO, client: Duration::ZERO, returned: Instant::now() }
    }

    /// In bytes a second.
    fn speed(&self) -> f64 {
        self.bytes as f64 / (self.store + self.client).as_secs_f64().max(f64::EPSILON)
    }

    fn store_is_slower(&mut self) -> bool {
        let slower = self.bytes >= TRIAL && self.store > self.client;
        // What was measured last says more than what was long ago.
        if self.bytes >= 4 * TRIAL {
            self.bytes /= 4;
            self.store /= 4;
            self.client /= 4;
        }
        slower
    }
}

impl Ahead {
    pub(super) fn new(reader: Reader) -> Self {
        Self {
            reader,
            ready: VecDeque::new(),
            ranges: VecDeque::new(),
            share: None,
            measured: Measured::new(),
            trial: Trial::Open,
        }
    }

    pub(super) fn into_stream(self) -> ByteStream {
        Box::pin(stream::try_unfold(self, async |mut ahead| {
            let asked = Instant::now();
            ahead.measured.client += asked - ahead.measured.returned;
            let bytes = ahead.next().await?;
            ahead.measured.returned = Instant::now();
            ahead.measured.store += ahead.measured.returned - asked;
            Ok(bytes.map(|bytes| {
                ahead.measured.bytes += bytes.len() as u64;
                (bytes, ahead)
            }))
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
        if self.reader.object.e_tag.is_none() || !self.helps() {
            return;
        }
        let reader = &mut self.reader;
        let was_ahead = !self.ranges.is_empty();
        while self.ranges.len() < AT_ONCE && reader.end - reader.position > RANGE {
            let Some(share) = reader.client.buffers.try_take(RANGE) else { break };
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

    fn helps(&mut self) -> bool {
        match self.trial {
            Trial::Open => {
                let slower = self.measured.store_is_slower();
                if slower {
                    self.trial = Trial::Running(self.measured.speed());
                    self.measured = Measured::new();
                }
                slower
            }
            Trial::Running(_) if self.measured.bytes < 2 * TRIAL => true,
            Trial::Running(before) => {
                let won = self.measured.speed() >= GAIN * before;
                self.trial = if won { Trial::Won } else { Trial::Lost };
                won
            }
            Trial::Won => self.measured.store_is_slower(),
            Trial::Lost => false,
        }
    }
}
