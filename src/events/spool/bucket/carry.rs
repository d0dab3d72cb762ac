//! Writes what is needed of old segments again, together.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use tokio::time::Instant;

use super::Bucket;
use super::writer::{BATCH, Load, PUTS, Writer};
use crate::events::id::Id;
use crate::events::spool::record::End;
use crate::events::spool::shared::again;
use crate::events::spool::state::At;

/// So many segments there may be, and one more for so many bytes that are needed, before they are carried together.
const SEGMENTS: u64 = 64;
const FOR_EACH: u64 = 16 << 10;
/// From so many bytes on, segments of which little is needed are written anew.
const WORTH_IT: u64 = 16 << 20;
/// So many segments are read at once.
const AT_ONCE: usize = 8;
/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(5);

/// Records of events that are to be carried; without bytes, if they are not there any more.
pub(super) type Gathered = io::Result<Vec<(Id, At, Option<Vec<u8>>)>>;

impl Writer {
    /// Begins to read what is to be carried.
    pub(super) fn gather(&mut self) {
        let is_free = self.gathering.is_none() && !self.carrying && self.puts.len() < PUTS && !self.stops;
        let now = Instant::now();
        let pauses = [self.resume.as_ref().map(|(until, _)| *until), self.carry_again];
        if !is_free || pauses.into_iter().flatten().any(|until| until > now) {
            return;
        }
        self.carry_again = None;
        let found = {
            let state = self.shared.state();
            // Until what is in doubt is removed, nothing behind it is.
            if self.carry_until.is_none() && self.doubtful.values().all(|due| *due <= now) {
                let (count, live) = (state.segments.len() as u64, state.live());
                let are_many = count > SEGMENTS + live / FOR_EACH;
                let are_hollow = state.total >= WORTH_IT.min(self.most / 4) && live <= state.total / 2;
                if are_many || are_hollow {
                    self.carry_until = state.segments.keys().next_back().copied();
                }
            }
            let Some(until) = self.carry_until else { return };
            let mut found: Vec<_> = (state.events.values())
                .filter(|entry| entry.at.segment <= until)
                .map(|entry| (entry.at.segment, entry.id, entry.at))
                .collect();
            found.sort_unstable_by_key(|(segment, _, at)| (*segment, at.offset));
            let mut total = 0;
            let mut events = Vec::new();
            for (_, id, at) in found {
                total += at.length;
                if total > BATCH && !events.is_empty() {
                    break;
                }
                events.push((id, at, state.held(id.number()).map(<[u8]>::to_vec)));
            }
            events
        };
        if found.is_empty() {
            // What is still on its way to an old folder comes along as well.
            if self.puts.is_empty() {
                self.carry_until = None;
            }
            return;
        }
        let bucket = Arc::clone(&self.bucket);
        self.gathering = Some(async move { read_all(&bucket, found).await }.boxed());
    }

    /// Writes again what was read, as it is by now.
    pub(super) fn carry(&mut self, gathered: Gathered) {
        let gathered = match gathered {
            Ok(gathered) => gathered,
            Err(error) => {
                tracing::debug!(%error, "a part of the spool of events can't be read: it is tried again");
                self.carry_again = Some(Instant::now() + PAUSE);
                return;
            }
        };
        let (mut copies, mut all, mut gone) = (Vec::new(), Vec::new(), 0);
        {
            let mut state = self.shared.state();
            for (id, at, bytes) in gathered {
                if state.get(id).is_none_or(|(_, entry)| entry.at != at) {
                    continue;
                }
                let copy = match bytes {
                    Some(bytes) => again(&state, id, &bytes).unwrap_or_default(),
                    None => None,
                };
                match copy {
                    Some(copy) => {
                        copies.push((id, at, copy.len()));
                        all.extend_from_slice(&copy);
                    }
                    None => {
                        gone += 1;
                        state.end(id, End::Dropped);
                    }
                }
            }
        }
        if gone > 0 {
            tracing::warn!(
                events = gone,
                "events are not in the spool of this server any more: another one has them"
            );
        }
        if !copies.is_empty() {
            self.carrying = true;
            self.put(Load::Carried(copies), all, true);
        }
    }

    pub(super) fn relocate(&self, copies: Vec<(Id, At, usize)>, segment: u64) {
        let mut state = self.shared.state();
        let mut offset = 0;
        for (id, before, length) in copies {
            if state.get(id).is_some_and(|(_, entry)| entry.at == before) {
                state.relocate(id, At { segment, offset, length });
            }
            offset += length as u64;
        }
    }
}

/// Reads the records that are not in memory, each segment once.
async fn read_all(bucket: &Arc<Bucket>, found: Vec<(Id, At, Option<Vec<u8>>)>) -> Gathered {
    let segments: BTreeSet<u64> =
        found.iter().filter(|(.., bytes)| bytes.is_none()).map(|(_, at, _)| at.segment).collect();
    let contents: BTreeMap<u64, Option<Bytes>> = futures_util::stream::iter(segments)
        .map(|number| bucket.read_segment(None, number))
        .buffered(AT_ONCE)
        .try_collect()
        .await
        .map_err(super::to_io)?;
    let part = |at: At| {
        let begin = usize::try_from(at.offset).ok()?;
        contents.get(&at.segment)?.as_ref()?.get(begin..begin.checked_add(at.length)?).map(<[u8]>::to_vec)
    };
    Ok(found.into_iter().map(|(id, at, bytes)| (id, at, bytes.or_else(|| part(at)))).collect())
}
