//! Finds out whether something has happened that was written down before, by asking the storage.
//!
//! The plan. An upload's file is recognised by its mark: if the file that is there has it, the upload was finished. Where there are
//! no marks, what is there is compared with what was there before: an append leaves the file the same and makes it longer. If
//! something else is there, somebody has stored it since, or the upload was never finished and it was there all along: then what
//! was there before decides, if that was looked at (it takes a request, so in buckets it is not), and else the time of the file, if
//! it is not too near. Whatever can't be known is told, as uncertain, unless the client has heard of a failure. If nothing is there,
//! it is not told: a crash in the moment between the end of an upload and its record is followed by a removal of the file far less
//! often than uploads are cut off by one.
//!
//! A store carries out what it was sent, also when the one who sent it is gone, and it may do so after it was asked. So what has
//! not happened at the first look is looked at again and again for some minutes, in which its event stays where it is in the spool.
//! If its client comes again meanwhile, whatever the client changes next settles it: a removal looks at what it removes, and what a
//! new upload replaces needs no event of its own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use tokio::time::Instant;
use wharf_backends::{ErrorKind, Metadata, StoragePath};

use super::id::Id;
use super::model::{Draft, Outcome, Place, Question, STORED, Seen, micros, time_of};
use super::spool::record::End;
use super::spool::state::Stage;
use super::{Events, NEARLY_FULL};
use crate::config::EventSpool;

/// How long a start waits for answers.
const START: Duration = Duration::from_secs(5);
/// The first and the longest pause before a storage is asked again.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The first pause before it is looked again whether a store has carried out what it was sent; each further one is twice as long.
const AGAIN: Duration = Duration::from_millis(500);
/// After this time it does not do so any more.
const DOUBT: Duration = Duration::from_secs(8 * 60);
/// How often it is looked whether something of the same path follows.
const TICK: Duration = Duration::from_millis(250);
/// How far apart the clocks of a store and of this server may be, and how exact times of files are.
const CLOCKS: Duration = Duration::from_secs(60);
const TIMES: Duration = Duration::from_secs(2);
/// How many questions each backend is asked at once.
const AT_ONCE: usize = 16;
/// How often it is looked for files that wait too long for their name.
const PARKED: Duration = Duration::from_secs(10);

/// How long events are kept for receivers that only other servers have: as long as receivers are usually tried (`retry_for`).
const STRANGERS: Duration = Duration::from_secs(72 * 60 * 60);

/// What is known of something.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Happened(Outcome),
    Uncertain(Outcome),
    DidNot,
}

/// Asks for all that the spool does not know the end of, and waits for a while.
pub(super) async fn at_the_start(events: &Arc<Events>) {
    let ids = events.spool.state().undecided();
    if ids.is_empty() {
        return;
    }
    tracing::info!(changes = ids.len(), "asking the storages what became of changes that were under way");
    let asking = {
        let events = Arc::clone(events);
        tokio::spawn(async move { of_others(&events, ids).await })
    };
    // Those of storages that don't answer are asked for meanwhile.
    if tokio::time::timeout(START, asking).await.is_err() {
        tracing::warn!("a storage does not tell what became of changes: their events wait for it");
    }
}

/// Asks what became of changes of servers that are gone.
pub(super) async fn of_others(events: &Arc<Events>, ids: Vec<Id>) {
    let mut of_backends = HashMap::<_, Vec<_>>::new();
    for id in ids {
        let read = events.spool.read(id).await;
        let place = read.ok().flatten().and_then(|(draft, _)| draft.place);
        of_backends.entry(place.map(|place| place.backend)).or_default().push(id);
    }
    // One that does not answer keeps no other waiting.
    let asked = of_backends.into_values().map(|ids| {
        let known = stream::iter(ids).map(|id| until_known(events, id, false));
        known.buffer_unordered(AT_ONCE).for_each(|()| async {})
    });
    join_all(asked).await;
}

/// Asks until there is an answer. Whether the one who makes the change `lives`, so that its work may go on here.
async fn until_known(events: &Arc<Events>, id: Id, lives: bool) {
    let mut pause = PAUSE;
    loop {
        match settle(events, id, Look::First, lives).await {
            Ok(true) => return,
            Ok(false) => {
                let events = Arc::clone(events);
                tokio::spawn(async move { watch(&events, id, lives).await });
                return;
            }
            Err(cause) => tracing::debug!(%id, cause, "it is not known yet what became of a change"),
        }
        tokio::select! {
            () = events.stopping.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The end of a change was not seen, but its work may go on: asks for it now, and later.
pub(super) async fn later(events: &Arc<Events>, id: Id) {
    until_known(events, id, true).await;
}

/// It has not happened so far, and may happen yet.
async fn watch(events: &Arc<Events>, id: Id, lives: bool) {
    let mut pause = AGAIN;
    loop {
        let until = Instant::now() + pause;
        let look = loop {
            tokio::select! {
                () = events.stopping.cancelled() => return,
                () = tokio::time::sleep(TICK.min(until.saturating_duration_since(Instant::now()))) => {}
            }
            if is_followed(events, id) {
                break Look::Last;
            }
            if Instant::now() >= until {
                break Look::Again;
            }
        };
        match settle(events, id, look, lives).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(cause) => tracing::debug!(%id, cause, "it is not known yet what became of a change"),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether another event of one of its paths came later.
fn is_followed(events: &Events, id: Id) -> bool {
    let state = events.spool.state();
    state.get(id).is_some_and(|(number, entry)| state.is_followed(number, entry.keys))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    First,
    Again,
    /// Something else came: whatever has not happened by now does not count any more.
    Last,
}

/// Asks once. Says whether it is known now: what did not happen may happen yet.
async fn settle(events: &Arc<Events>, id: Id, look: Look, lives: bool) -> Result<bool, String> {
    let Some((draft, Some(question))) = events.spool.read(id).await.map_err(|error| error.to_string())?
    else {
        return Ok(true);
    };
    let is_open = {
        let state = events.spool.state();
        state.get(id).is_some_and(|(_, entry)| entry.stage == Stage::Intended)
    };
    if !is_open {
        return Ok(true);
    }
    let is_followed = look == Look::First && is_followed(events, id);
    let age = SystemTime::now().duration_since(time_of(draft.time)).unwrap_or_default();
    let is_open_still = look != Look::Last && age < DOUBT;
    let answer = match ask(events, &draft, &question, is_followed).await? {
        Answer::Happened(outcome) => Answer::Happened(outcome),
        // This server may have removed it, before it heard of this change.
        other => {
            let found = draft.place.as_ref().and_then(|place| events.recent.find(place, &question));
            found.map_or(other, Answer::Happened)
        }
    };
    let end = match answer {
        Answer::Happened(outcome) => told(events, &draft, outcome),
        Answer::DidNot if is_open_still && (lives || may_come(events, &draft)) => return Ok(false),
        // Its client has heard of a failure, or is gone: only what is there counts.
        Answer::Uncertain(_) if is_open_still && lives => return Ok(false),
        Answer::Uncertain(_) if lives => End::Dropped,
        Answer::DidNot => End::Dropped,
        Answer::Uncertain(outcome) => told(events, &draft, outcome.uncertain()),
    };
    tracing::info!(%id, kind = draft.kind, path = draft.place.as_ref().map(|place| &*place.path), ?end, "it is known what became of a change");
    events.spool.end(id, end);
    Ok(true)
}

/// Whether a change may be carried out though nobody waits for it any more.
fn may_come(events: &Events, draft: &Draft) -> bool {
    let storage = draft.place.as_ref().and_then(|place| events.storage(&place.backend));
    storage.is_some_and(|storage| storage.capabilities().remote)
}

/// This is at a place now, and is about to be removed or to get another name: what has brought it there has happened.
pub(super) async fn stands(events: &Events, place: &Place, metadata: &Metadata) {
    let open = events.spool.state().open_at(place);
    let seen = Seen::of(metadata);
    if matches!(events.settings.spool, EventSpool::Bucket { .. }) {
        events.recent.note(place, metadata);
    }
    for id in open {
        let Ok(Some((draft, Some(question)))) = events.spool.read(id).await else { continue };
        let mark = match &question {
            Question::Stored { mark, .. } => *mark,
            Question::Renamed { before } => before.mark,
            _ => continue,
        };
        if draft.place.as_ref().is_some_and(|of| of.key == place.key) && mark.is_some() && mark == seen.mark {
            events.spool.end(id, told(events, &draft, Outcome::of(metadata)));
        }
    }
}

fn told(events: &Events, draft: &Draft, outcome: Outcome) -> End {
    let is_partial = draft.place.as_ref().is_some_and(|place| events.is_partial(&place.path));
    if draft.kind == STORED && is_partial { End::Parked(outcome) } else { End::Told(outcome) }
}

/// What is there now.
struct Now {
    seen: Option<Seen>,
    outcome: Outcome,
    is_remote: bool,
}

/// `None`: nobody can know, as the backend was taken out of the configuration.
async fn look(events: &Events, place: &Place) -> Result<Option<Now>, String> {
    let Some(storage) = events.storage(&place.backend) else { return Ok(None) };
    let path = StoragePath::parse(&place.key).map_err(|error| error.to_string())?;
    let is_remote = storage.capabilities().remote;
    match storage.stat(&path).await {
        Ok(metadata) => {
            let outcome = Outcome::of(&metadata);
            Ok(Some(Now { seen: Some(Seen::of(&metadata)), outcome, is_remote }))
        }
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => {
                Ok(Some(Now { seen: None, outcome: Outcome::default(), is_remote }))
            }
            _ => Err(error.to_string()),
        },
    }
}

async fn ask(
    events: &Events,
    draft: &Draft,
    question: &Question,
    is_followed: bool,
) -> Result<Answer, String> {
    let Some(place) = &draft.place else { return Ok(Answer::DidNot) };
    let unknown = || Answer::Uncertain(Outcome::default());
    let Some(now) = look(events, place).await? else { return Ok(unknown()) };
    Ok(match question {
        Question::Stored { mark, before, looked } => {
            let before = if *looked { Some(before.as_ref()) } else { None };
            stored(draft, *mark, before, now, is_followed)
        }
        Question::Made => match now.seen {
            Some(seen) if seen.is_directory => Answer::Happened(now.outcome),
            _ if is_followed => Answer::Uncertain(now.outcome),
            _ => Answer::DidNot,
        },
        Question::Removed { before } => match now.seen {
            None => Answer::Happened(Outcome::default()),
            Some(seen) if before.is(&seen) || (before.is_directory && seen.is_directory) => match is_followed
            {
                true => Answer::Uncertain(Outcome::default()),
                false => Answer::DidNot,
            },
            Some(_) => Answer::Uncertain(Outcome::default()),
        },
        Question::Renamed { before } => {
            let Some(from) = &draft.from else { return Ok(Answer::DidNot) };
            let Some(source) = look(events, from).await? else { return Ok(unknown()) };
            tracing::debug!(path = place.path, ?before, source = ?source.seen, target = ?now.seen, "looked at a rename");
            let is_there =
                now.seen.is_some_and(|seen| before.is(&seen) || (before.is_directory && seen.is_directory));
            match source.seen {
                None if is_there => Answer::Happened(now.outcome),
                None => Answer::Uncertain(now.outcome),
                Some(source) if is_there && before.mark.is_some() && !before.is(&source) => {
                    Answer::Happened(now.outcome)
                }
                // A bucket copies first and removes then: both are there, and whoever sees the new one has to know of it.
                Some(_) if is_there || is_new(draft, before, &now) => Answer::Uncertain(now.outcome),
                Some(_) if is_followed => Answer::Uncertain(now.outcome),
                Some(_) => Answer::DidNot,
            }
        }
    })
}

/// Whether what stands under the new name may be what was to get it: not every store keeps marks when it copies.
fn is_new(draft: &Draft, before: &Seen, now: &Now) -> bool {
    let slack = if now.is_remote { CLOCKS } else { TIMES };
    let limit = draft.time.saturating_sub(u64::try_from(slack.as_micros()).unwrap_or(u64::MAX));
    now.seen.is_some_and(|seen| {
        let is_marked = seen.mark.is_some() && before.mark.is_some();
        !is_marked && seen.size == before.size && seen.modified.is_some_and(|modified| modified >= limit)
    })
}

/// Whether an upload was finished. `before` is what was there before, if that was looked at.
fn stored(
    draft: &Draft,
    mark: Option<u128>,
    before: Option<Option<&Seen>>,
    now: Now,
    is_followed: bool,
) -> Answer {
    let Some(seen) = now.seen else {
        // Somebody has removed or renamed it since, and the spool knows: it may have been this one.
        return if is_followed { Answer::Uncertain(now.outcome) } else { Answer::DidNot };
    };
    let has_mark = mark.is_some();
    if has_mark && seen.mark == mark {
        return Answer::Happened(now.outcome);
    }
    if is_followed {
        return Answer::Uncertain(if has_mark { Outcome::default() } else { now.outcome });
    }
    match before {
        // All of it is as it was.
        Some(Some(before)) if before.is_untouched(&seen) => Answer::DidNot,
        // Somebody has stored it since.
        Some(_) if has_mark => Answer::Uncertain(Outcome::default()),
        // An append leaves the file the same; one that was cut off has been taken back, and only the times tell of that.
        Some(Some(before)) if before.mark.is_some() && before.is(&seen) => match seen.size > before.size {
            true => Answer::Happened(now.outcome),
            false => Answer::DidNot,
        },
        Some(_) => Answer::Happened(now.outcome),
        None => {
            // Whatever is there now was there before, unless it is newer than the upload.
            let slack = if now.is_remote { CLOCKS } else { TIMES };
            let limit = draft.time.saturating_sub(u64::try_from(slack.as_micros()).unwrap_or(u64::MAX));
            // Copies may have times of long ago; when a file of a disk was made, its mark tells.
            let made = seen.mark.filter(|_| !now.is_remote).map_or(0, made);
            let is_newer = seen.modified.unwrap_or_default().max(made) >= limit;
            if is_newer { Answer::Uncertain(Outcome::default()) } else { Answer::DidNot }
        }
    }
}

/// When a file of a disk was made, in microseconds since 1970: the lower half of its mark has nanoseconds.
fn made(mark: u128) -> u64 {
    u64::try_from((mark & u128::from(u64::MAX)) / 1000).unwrap_or_default()
}

/// Tells of files that waited too long for another name, if they are still there.
pub(super) async fn parked(events: &Arc<Events>) {
    let wait = u64::try_from(events.settings.partial_wait.as_micros()).unwrap_or(u64::MAX);
    let every = PARKED.min(events.settings.partial_wait / 2).max(Duration::from_millis(50));
    // Of these the storage gave no answer: others come first.
    let mut unknown = HashSet::new();
    let mut is_said = false;
    loop {
        tokio::select! {
            () = events.stopping.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let dropped = events.spool.drop_of_strangers(STRANGERS);
        if dropped > 0 {
            tracing::warn!(
                events = dropped,
                "events are dropped: they were kept for receivers that only other servers had, and none of these has come for them"
            );
        }
        let before = micros(SystemTime::now()).saturating_sub(wait);
        let mut ids = events.spool.state().parked_before(before);
        // Names that never come must not keep everybody from storing anything.
        if events.spool.fullness() > NEARLY_FULL {
            let oldest = events.spool.state().oldest_parked(&unknown);
            if !(oldest.is_empty() || is_said) {
                is_said = true;
                tracing::warn!(
                    files = oldest.len(),
                    "the spool of events is half full: the files that have waited longest for their names are told of by those that they have"
                );
            }
            ids.extend(oldest);
            ids.sort_unstable();
            ids.dedup();
        } else {
            is_said = false;
            unknown.clear();
        }
        for id in ids {
            let Ok(Some((draft, _))) = events.spool.read(id).await else { continue };
            let Some(place) = &draft.place else { continue };
            match look(events, place).await {
                Ok(Some(Now { seen: Some(_), outcome, .. })) => events.spool.end(id, End::Told(outcome)),
                Ok(Some(_)) => events.spool.end(id, End::Dropped),
                // It was stored, and nobody can know any more.
                Ok(None) => events.spool.end(id, End::Told(Outcome::default().uncertain())),
                Err(cause) => {
                    tracing::debug!(%id, cause, "it is not known whether a file is still there");
                    unknown.insert(id);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "recover_tests.rs"]
mod tests;
