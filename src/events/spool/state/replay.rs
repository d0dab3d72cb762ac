//! From what stands in the spool to the index, and for whom it is.

use super::{At, Entry, LANES, New, Stage, State};
use crate::events::id::Id;
use crate::events::model::{Draft, now};
use crate::events::spool::record::{End, Record};

impl State {
    /// Events of other nodes keep the names of receivers that are not known here.
    pub(crate) fn keeping_names_of_others(self, node: String) -> Self {
        Self { node: Some(node), ..self }
    }

    /// The number of a receiver, which only others may have; `None` if there is no room for one more.
    pub(crate) fn lane_or_stranger(&mut self, name: &str) -> Option<usize> {
        if let Some(lane) = self.lane_of(name) {
            return Some(lane);
        }
        let lane = self.names.len();
        if lane >= LANES {
            return None;
        }
        self.names.push(name.to_owned());
        self.strangers_since.insert(lane, now());
        Some(lane)
    }

    /// What was kept since before this time, as far as this process knows, for receivers that only others have.
    pub(crate) fn of_strangers_before(&self, time: u64) -> Vec<(Id, usize)> {
        let strangers = self.lanes.len()..self.names.len();
        if strangers.is_empty() {
            return Vec::new();
        }
        let has = |entry: &Entry, lane: usize| {
            entry.pending >> lane & 1 == 1 || entry.dead.iter().any(|(dead, _)| *dead == lane)
        };
        let since = |lane: usize| self.strangers_since.get(&lane).copied().unwrap_or_default();
        let is_old = |entry: &Entry, lane: usize| entry.time.max(since(lane)) < time;
        let of = |entry: &Entry, lane: usize| has(entry, lane) && is_old(entry, lane);
        let each =
            |entry| strangers.clone().filter(move |lane| of(entry, *lane)).map(|lane| (entry.id, lane));
        self.events.values().flat_map(each).collect()
    }

    /// What a record says, as the spool is read.
    pub(crate) fn replay(&mut self, record: Record, at: At) {
        match record {
            Record::Intent { event, to, .. } => {
                self.replay_event(&event, &to, &[], Stage::Intended, at);
            }
            Record::Whole { event, to, dead, end, .. } => {
                let stage = match end {
                    None => Stage::Intended,
                    Some(End::Parked(outcome)) => Stage::Parked(outcome),
                    Some(End::Told(outcome)) => Stage::Told(outcome),
                    Some(End::Dropped) => return,
                };
                self.replay_event(&event, &to, &dead, stage, at);
            }
            Record::Ended { id, end } => self.end(id, end),
            Record::Settled { id, to } => {
                if let Some(lane) = self.lane_of(&to) {
                    self.settle(id, lane);
                }
            }
            Record::Dead { id, to, cause } => {
                if let Some(lane) = self.lane_of(&to) {
                    self.bury(id, lane, &cause);
                }
            }
            Record::Again { id, to } => {
                if let Some(lane) = self.lane_of(&to) {
                    self.revive(id, lane);
                }
            }
        }
    }

    fn replay_event(
        &mut self,
        event: &Draft,
        to: &[String],
        dead: &[(String, String)],
        stage: Stage,
        at: At,
    ) {
        let mut pending = 0;
        let keeps = self.node.as_ref().is_some_and(|node| *node != event.node);
        for name in to {
            let known = self.lane_of(name);
            let lane = if keeps { self.lane_or_stranger(name) } else { known };
            match lane {
                Some(lane) => pending |= 1 << lane,
                None => *self.gone.entry(name.clone()).or_default() += 1,
            }
            if lane.is_some() && known.is_none_or(|lane| lane >= self.lanes.len()) {
                *self.strangers.entry(name.clone()).or_default() += 1;
            }
        }
        let mut letters = Vec::new();
        for (name, cause) in dead {
            let lane = if keeps { self.lane_or_stranger(name) } else { self.lane_of(name) };
            letters.extend(lane.map(|lane| (lane, cause.clone())));
        }
        let (dead, keys) = (letters, self.keys_of(event));
        self.add(New { id: event.id, keys, pending, dead, stage, time: event.time }, at, None);
    }
}
