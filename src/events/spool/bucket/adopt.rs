//! Takes over what is needed of the folder of another run.
//!
//! The plan. A claim keeps others from doing the same. The segments are read in their order, as those of a disk are at the start; then what is
//! needed of them is written to the own folder, and only when it is there the segments that were read are removed, and in the end the
//! owner's object. The claim stays for some minutes: it tells an owner who comes back. Whoever is killed in between leaves something that is
//! taken over again: events may then be there twice, by the same names. While one server copies, it writes its claim anew all the time, so
//! that a claim which does not change is that of nobody.
//!
//! Some of what is found is known here already: this server was cut off, or has taken over the same events before. Then only what is newer there
//! is written down here (`heard`), before it is gone there.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::oneshot;
use tokio::time::Instant;
use wharf_backends::{ByteRange, Error, ErrorKind, Result, StoragePath};

use super::heard::{Found, in_own_names};
use super::keeper::{Keeper, RENEWAL, Signs};
use super::kept::Kept;
use super::{Bucket, Command, node_of, number_of};
use crate::events::id::Id;
use crate::events::spool::shared::{again, event_of};
use crate::events::spool::state::{At, New};

/// How many segments are read, or removed, at once.
const AT_ONCE: usize = 8;
/// How many bytes of segments are kept, so that they need not be read twice.
const KEPT: usize = 16 << 20;
/// How much is written at once.
const CHUNK: usize = 512 << 10;
/// How often it is looked for segments that came later.
const TURNS: usize = 3;

/// What is in the own folder now.
#[derive(Default)]
struct Taken {
    events: u64,
    undecided: Vec<Id>,
}

/// Says again and again that this server lives, and that it takes over a folder.
async fn sign_on(bucket: Arc<Bucket>, claim: StoragePath) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let (began, was_mine) = (Instant::now(), bucket.is_mine());
        if bucket.sign(&bucket.own()).await.is_ok() && was_mine {
            bucket.renewed(began);
        }
        if let Err(error) = bucket.put(&claim, bucket.own().into()).await {
            tracing::debug!(%error, "the claim to a folder of the spool could not be renewed");
        }
    }
}

impl Keeper {
    /// Takes over a folder: of a run that is certain to be over, or of one whose signs were these for long enough.
    pub(super) async fn adopt(&mut self, folder: &str, signs: Signs, is_over: bool) -> Result<()> {
        if !self.claim(folder, signs, is_over).await? {
            return Ok(());
        }
        let mut taken = Taken::default();
        let claim = self.bucket.claim(folder)?;
        // Much takes long, and meanwhile others must take neither this server nor its claim for one that is gone.
        let result = tokio::select! {
            result = self.take_over(folder, is_over, &mut taken) => result,
            () = sign_on(Arc::clone(&self.bucket), claim) => Ok(()),
        };
        // Whatever became of the rest, this is here now.
        if taken.events > 0 {
            tracing::info!(
                folder,
                events = taken.events,
                "took over the events that another run left in the spool"
            );
            self.bucket.shared.adopted.fetch_add(taken.events, std::sync::atomic::Ordering::Relaxed);
        }
        if !taken.undecided.is_empty() {
            (self.adopted)(taken.undecided, is_over);
        }
        result
    }

    async fn take_over(&self, folder: &str, is_over: bool, taken: &mut Taken) -> Result<()> {
        let bucket = &self.bucket;
        let mut found = Found::new(self.names.clone(), bucket.node.clone());
        for _ in 0..TURNS {
            let mut segments = Vec::new();
            for entry in bucket.list(&bucket.folder(folder)?).await? {
                segments.extend(number_of(&entry.name).map(|number| (number, entry.metadata.size)));
            }
            segments.sort_unstable();
            if segments.is_empty() {
                bucket.unmake(&bucket.folder(folder)?).await?;
                bucket.remove(&bucket.owner(folder)?).await?;
                // The claim tells its owner, should that come back or be another server of this name, and is removed some time later.
                return Ok(());
            }
            let size: u64 = segments.iter().map(|(_, size)| size).sum();
            let total = bucket.shared.state().total;
            if !is_over && total + size > self.most {
                bucket.remove(&bucket.claim(folder)?).await?;
                let cause = "there is no room in the spool of this server";
                return Err(Error::with_source(ErrorKind::NoSpace, &bucket.root, cause));
            }
            let numbers: Vec<u64> = segments.into_iter().map(|(number, _)| number).collect();
            self.copy(folder, &numbers, &mut found, taken).await?;
            for some in numbers.chunks(AT_ONCE) {
                let removed =
                    join_all(some.iter().map(|number| bucket.remove_segment(Some(folder), *number)));
                removed.await.into_iter().try_for_each(|(_, result)| result)?;
            }
        }
        Ok(())
    }

    /// Says that this server takes over a folder; `false`: another one does.
    async fn claim(&self, folder: &str, signs: Signs, is_over: bool) -> Result<bool> {
        let bucket = &self.bucket;
        let (claim, own) = (bucket.claim(folder)?, bucket.own());
        let content = Bytes::from(own.clone());
        match bucket.put_new(&claim, content.clone()).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                // An earlier run of this node began, or somebody who is gone as well.
                let holder = match bucket.get(&claim, ByteRange::ALL).await {
                    Ok(holder) => holder,
                    Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
                    Err(error) => return Err(error),
                };
                let holder = String::from_utf8_lossy(&holder).into_owned();
                let is_ours = node_of(&holder) == Some(&bucket.node);
                if holder != own && (if is_over { !is_ours } else { signs.claim.is_none() }) {
                    return Ok(false);
                }
                bucket.put(&claim, content).await?;
            }
            Err(error) => return Err(error),
        }
        if is_over {
            return Ok(true);
        }
        let now = self.all().await?.get(folder).copied().unwrap_or_default();
        if now.owner != signs.owner {
            bucket.remove(&claim).await?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Copies what is needed of some segments into the own folder.
    async fn copy(&self, folder: &str, numbers: &[u64], found: &mut Found, taken: &mut Taken) -> Result<()> {
        let (mut kept, mut room) = (BTreeMap::new(), KEPT);
        let mut contents = futures_util::stream::iter(numbers.to_vec())
            .map(|number| self.bucket.read_segment(Some(folder), number))
            .buffered(AT_ONCE);
        while let Some((number, bytes)) = contents.try_next().await? {
            // If it was removed meanwhile, nothing in it is needed.
            let Some(bytes) = bytes else { continue };
            found.read(number, &bytes, &self.bucket.shared);
            if let Some(rest) = room.checked_sub(bytes.len()) {
                room = rest;
                kept.insert(number, bytes);
            }
        }
        found.say(folder);
        let these: BTreeSet<u64> = numbers.iter().copied().collect();
        let entries = found.state.events.values().filter(|entry| these.contains(&entry.at.segment));
        let mut needed: Vec<(At, Id)> = entries.map(|entry| (entry.at, entry.id)).collect();
        if let Some((_, entry)) = found.state.events.last_key_value() {
            Id::follow(entry.id);
        }
        needed.sort_unstable_by_key(|(at, _)| (at.segment, at.offset));
        let (mut records, mut size) = (Vec::new(), 0);
        let mut last: Option<(u64, Bytes)> = None;
        for (at, id) in needed {
            if self.has(id) {
                continue;
            }
            let content = match (&last, kept.get(&at.segment)) {
                (_, Some(bytes)) => bytes.clone(),
                (Some((number, bytes)), _) if *number == at.segment => bytes.clone(),
                _ => self.bucket.read_segment(Some(folder), at.segment).await?.1.unwrap_or_default(),
            };
            last = Some((at.segment, content.clone()));
            let begin = usize::try_from(at.offset).unwrap_or(usize::MAX);
            let part = content.get(begin..begin.saturating_add(at.length)).unwrap_or_default();
            let Some((record, new)) = self.new_of(found, id, part).map_err(|error| self.failed(&error))?
            else {
                continue;
            };
            size += record.len();
            records.push(Kept::Event(record, new));
            if size >= CHUNK {
                size = 0;
                self.write(std::mem::take(&mut records), taken).await?;
            }
        }
        records.extend(found.news(&self.bucket.shared).into_iter().map(|(id, end)| Kept::End(id, end)));
        if !records.is_empty() {
            self.write(records, taken).await?;
        }
        Ok(())
    }

    /// Whether an event is in the own folder. What this server took along from a folder that it has lost is there only when it is carried.
    fn has(&self, id: Id) -> bool {
        let at = self.bucket.shared.state().get(id).map(|(_, entry)| entry.at);
        at.is_some_and(|at| self.bucket.is_in_own(at.segment))
    }

    /// An event as it is to be in the own spool; `None` if nobody needs it.
    fn new_of(&self, found: &Found, id: Id, part: &[u8]) -> io::Result<Option<(Vec<u8>, New)>> {
        let mut own = self.bucket.shared.state();
        let (draft, _) = event_of(part)?;
        // What is known here of one that is on its way into this folder is at least as new as what others know.
        let (record, pending, dead, stage) = match own.get(id) {
            Some((_, entry)) => {
                let known = (entry.pending, entry.dead.clone(), entry.stage.clone());
                (again(&own, id, part)?, known.0, known.1, known.2)
            }
            None => {
                let Some((_, entry)) = found.state.get(id) else { return Ok(None) };
                let (pending, dead) = in_own_names(&found.state, entry, &mut own);
                (again(&found.state, id, part)?, pending, dead, entry.stage.clone())
            }
        };
        let Some(record) = record else { return Ok(None) };
        Ok(Some((record, New { id, keys: own.keys_of(&draft), pending, dead, stage, time: draft.time })))
    }

    async fn write(&self, records: Vec<Kept>, taken: &mut Taken) -> Result<()> {
        let events: Vec<(Id, bool)> = records.iter().filter_map(Kept::event).collect();
        let (done, written) = oneshot::channel();
        let _ = self.commands.send(Command::Keep { records, done });
        let written = written.await.unwrap_or_else(|_| Err(io::Error::other("the server stops")));
        written.map_err(|error| self.failed(&error))?;
        taken.events += events.len() as u64;
        taken.undecided.extend(events.into_iter().filter(|(_, is_open)| *is_open).map(|(id, _)| id));
        Ok(())
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::with_source(ErrorKind::Unavailable, &self.bucket.root, error.to_string())
    }
}
