//! What operators see of events, and do with them.

use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use super::id::Id;
use super::model::rfc3339;
use super::spool::state::{Entry, Stage, State};
use super::{Draft, Events};

/// An event that waits for one receiver, or could not be delivered to it.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// The name of the event.
    pub(crate) id: String,
    /// The receiver.
    pub(crate) to: String,
    /// Its kind.
    pub(crate) kind: String,
    /// When it happened.
    pub(crate) time: String,
    /// The user.
    pub(crate) user: String,
    /// The path of the user.
    pub(crate) path: Option<String>,
    /// Why it could not be delivered, if it is a dead letter.
    pub(crate) dead: Option<String>,
    /// It is not known yet whether it happened, or the file has no name yet.
    pub(crate) is_open: bool,
}

/// Which events are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Those that wait.
    pub(crate) waiting: bool,
    /// Those that could not be delivered.
    pub(crate) dead: bool,
    /// Only those to this receiver.
    pub(crate) receiver: Option<String>,
    /// Only those behind this one.
    pub(crate) after: Option<Id>,
    /// At most so many events; each has a letter for each of its receivers.
    pub(crate) limit: usize,
}

/// A receiver of an event, and why that can't be delivered to it, if it is a dead letter.
type Addressee = (String, Option<String>);

impl Wanted {
    /// To whom an event has not been delivered, of those in this set who are asked for.
    fn of(&self, state: &State, entry: &Entry, lanes: u64) -> Vec<Addressee> {
        let waiting = if self.waiting { entry.pending & lanes } else { 0 };
        let waiting = state.names_of(waiting).into_iter().map(|name| (name, None));
        let is_wanted = |lane: usize| self.dead && lanes >> lane & 1 == 1;
        let dead = state.dead_of(entry, is_wanted).into_iter().map(|(name, cause)| (name, Some(cause)));
        waiting.chain(dead).collect()
    }
}

impl Events {
    /// The letters that are asked for, the oldest first, and the last event of them if there are more.
    pub(crate) async fn letters(&self, wanted: &Wanted) -> (Vec<Letter>, Option<String>) {
        let mut listed: Vec<_> = {
            let state = self.spool.state();
            let after = wanted.after.map_or(Unbounded, |id| Excluded(id.number()));
            let lanes = match &wanted.receiver {
                Some(name) => state.lane_of(name).map_or(0, |lane| 1 << lane),
                None => u64::MAX,
            };
            let of = |entry: &Entry| {
                let addressees = wanted.of(&state, entry, lanes);
                let is_open = !matches!(entry.stage, Stage::Told(_));
                (!addressees.is_empty()).then_some((entry.id, addressees, is_open))
            };
            let entries = state.events.range((after, Unbounded)).map(|(_, entry)| entry);
            entries.filter_map(of).take(wanted.limit + 1).collect()
        };
        let has_more = listed.len() > wanted.limit;
        listed.truncate(wanted.limit);
        let next = listed.last().filter(|_| has_more).map(|(id, ..)| id.to_string());
        let mut letters = Vec::new();
        for (id, addressees, is_open) in listed {
            let Ok(Some((draft, _))) = self.spool.read(id).await else { continue };
            letters.extend(addressees.into_iter().map(|(to, dead)| letter(&draft, to, dead, is_open)));
        }
        (letters, next)
    }

    /// How many letters wait, those included whose file has no final name yet, and how many are dead: of one receiver, or of all.
    pub(crate) fn counts(&self, receiver: Option<&str>) -> (u64, u64) {
        let state = self.spool.state();
        let lanes = match receiver {
            Some(name) => state.lane_of(name).map_or(0..0, |lane| lane..lane + 1),
            None => 0..state.lanes.len(),
        };
        let counts = lanes.map(|lane| {
            let due = state.lanes.get(lane).map_or(0, |lane| lane.len() as u64);
            (due + state.parked_for(lane), state.dead_letters(lane))
        });
        counts.fold((0, 0), |(waiting, dead), of| (waiting + of.0, dead + of.1))
    }

    /// Whether somebody of this name is told of events.
    pub(crate) fn has_receiver(&self, name: &str) -> bool {
        self.spool.state().lane_of(name).is_some()
    }

    /// How large the spool may become.
    pub(crate) fn spool_size(&self) -> u64 {
        self.settings.spool_size
    }

    /// Has dead letters sent again: those of this name, or to this receiver, or all. Says how many.
    pub fn retry(&self, which: &str) -> usize {
        let dead = self.dead(which);
        dead.iter().for_each(|(id, lane)| self.spool.revive(*id, *lane));
        dead.len()
    }

    /// Drops dead letters, and what is kept for a receiver of this name that only other servers have. Says how many.
    pub fn drop_dead(&self, which: &str) -> usize {
        let mut dead = self.dead(which);
        let kept = {
            let state = self.spool.state();
            let lane = state.lane_of(which);
            state.of_strangers_before(u64::MAX).into_iter().filter(move |(_, of)| Some(*of) == lane)
        };
        dead.extend(kept);
        dead.sort_unstable();
        dead.dedup();
        dead.iter().for_each(|(id, lane)| self.spool.settle(*id, *lane));
        dead.len()
    }

    fn dead(&self, which: &str) -> Vec<(Id, usize)> {
        let state = self.spool.state();
        let lane = state.lane_of(which);
        let id: Option<Id> = which.parse().ok();
        let fits = |entry: Id, dead: usize| which == "all" || lane == Some(dead) || id == Some(entry);
        let entries = state.events.values();
        let all = entries.flat_map(|entry| entry.dead.iter().map(|(lane, _)| (entry.id, *lane)));
        all.filter(|(id, lane)| fits(*id, *lane)).collect()
    }

    /// Drops the oldest of what nobody here can deliver, and of dead letters, while it keeps what is needed from having room.
    pub(super) fn make_room(self: &Arc<Self>) {
        if self.spool.fullness() < super::NEARLY_FULL {
            return;
        }
        let strangers = self.spool.state().of_strangers_before(u64::MAX);
        let for_strangers = !strangers.is_empty();
        let mut dead = if for_strangers { strangers } else { self.dead("all") };
        dead.truncate(dead.len().div_ceil(2).max(100));
        if dead.is_empty() {
            return;
        }
        let what = match for_strangers {
            true => "events for receivers that only other servers have are dropped",
            false => "dead letters are dropped",
        };
        tracing::error!(letters = dead.len(), "{what}: the spool of events is half full");
        self.dropped.fetch_add(dead.len() as u64, std::sync::atomic::Ordering::Relaxed);
        dead.iter().for_each(|(id, lane)| self.spool.settle(*id, *lane));
    }
}

fn letter(draft: &Draft, to: String, dead: Option<String>, is_open: bool) -> Letter {
    Letter {
        id: draft.id.to_string(),
        to,
        kind: draft.kind.clone(),
        time: rfc3339(draft.time),
        user: draft.user.clone(),
        path: draft.place.as_ref().map(|place| place.path.clone()),
        dead,
        is_open,
    }
}
