//! What is known of the events in the spool, as an index: the events themselves stand in its segments.
//!
//! - `replay`: makes it of what stands there.

mod replay;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::lane::{Keys, Lane, Number};
use super::record::End;
use crate::events::id::Id;
use crate::events::model::{Draft, Outcome, Place, now};

/// How many bytes of events are kept in memory, so that what is delivered at once is not read again.
const HELD: usize = 8 << 20;

/// A set of lanes has so many bits.
const LANES: usize = 64;

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) length: usize,
}

/// An event.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: Id,
    pub(crate) at: At,
    pub(crate) keys: Keys,
    /// Who has still to be told: a bit for each lane.
    pub(crate) pending: u64,
    /// To whom it could not be delivered, and why.
    pub(crate) dead: Vec<(usize, String)>,
    pub(crate) stage: Stage,
    /// In microseconds since 1970.
    pub(crate) time: u64,
    /// Since when it may be delivered, as far as this process knows; in microseconds since 1970.
    pub(crate) since: u64,
    /// The record, if there was room for it.
    held: Option<Box<[u8]>>,
}

/// How far an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It may happen, or may have happened.
    Intended,
    /// It waits for the name of its file.
    Parked(Outcome),
    /// It is told.
    Told(Outcome),
}

impl Stage {
    /// The end that has led to it; `None` if it is not known.
    pub(crate) fn end(&self) -> Option<End> {
        match self {
            Self::Intended => None,
            Self::Parked(outcome) => Some(End::Parked(outcome.clone())),
            Self::Told(outcome) => Some(End::Told(outcome.clone())),
        }
    }
}

/// An event that is new.
#[derive(Debug)]
pub(crate) struct New {
    pub(crate) id: Id,
    pub(crate) keys: Keys,
    pub(crate) pending: u64,
    pub(crate) dead: Vec<(usize, String)>,
    pub(crate) stage: Stage,
    pub(crate) time: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Segment {
    pub(crate) bytes: u64,
    /// The bytes of events that stand here and are needed.
    live: u64,
    entries: usize,
}

/// The index.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) events: BTreeMap<Number, Entry>,
    pub(crate) segments: BTreeMap<u64, Segment>,
    pub(crate) total: u64,
    pub(crate) lanes: Vec<Lane>,
    /// Those of the lanes, and behind them those of receivers that only other servers have: what waits for them is kept, and goes nowhere.
    names: Vec<String>,
    /// Events of other nodes than this one keep the names of receivers that are not known here; `None`: no events do.
    node: Option<String>,
    parked: HashMap<u64, Number>,
    /// How many dead letters each lane has.
    dead: HashMap<usize, u64>,
    held: usize,
    hasher: RandomState,
    /// Receivers that are gone: what waited for them, and how much.
    pub(crate) gone: BTreeMap<String, u64>,
    /// Receivers that only others have: how many events were read for them.
    pub(crate) strangers: BTreeMap<String, u64>,
    /// Since when this process knows each receiver that only others have; in microseconds since 1970.
    strangers_since: BTreeMap<usize, u64>,
}

impl State {
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self {
            events: BTreeMap::new(),
            segments: BTreeMap::new(),
            total: 0,
            lanes: names.iter().map(|_| Lane::default()).collect(),
            names,
            node: None,
            parked: HashMap::new(),
            dead: HashMap::new(),
            held: 0,
            hasher: RandomState::new(),
            gone: BTreeMap::new(),
            strangers: BTreeMap::new(),
            strangers_since: BTreeMap::new(),
        }
    }

    /// The paths of an event.
    pub(crate) fn keys_of(&self, draft: &Draft) -> Keys {
        let key = |place: &Option<Place>| {
            // Of what failed before it had a place, none waits for another.
            let place = place.as_ref().filter(|place| !place.backend.is_empty())?;
            Some(self.hasher.hash_one((&place.backend, &place.key)))
        };
        [key(&draft.place), key(&draft.from)]
    }

    pub(crate) fn lane_of(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The names of those who have still to be told.
    pub(crate) fn names_of(&self, pending: u64) -> Vec<String> {
        lanes_in(pending).filter_map(|lane| self.names.get(lane).cloned()).collect()
    }

    /// The names of those of these lanes to whom it could not be delivered, and the reasons.
    pub(crate) fn dead_of(&self, entry: &Entry, lanes: impl Fn(usize) -> bool) -> Vec<(String, String)> {
        let name = |(lane, cause): &(usize, String)| Some((self.names.get(*lane)?.clone(), cause.clone()));
        entry.dead.iter().filter(|(lane, _)| lanes(*lane)).filter_map(name).collect()
    }

    pub(crate) fn get(&self, id: Id) -> Option<(Number, &Entry)> {
        Some((id.number(), self.events.get(&id.number())?))
    }

    /// A record stands there now. Of one that is known it is another copy.
    pub(crate) fn add(&mut self, new: New, at: At, record: Option<&[u8]>) {
        let number = new.id.number();
        self.remove(number);
        let New { id, keys, pending, dead, stage, time } = new;
        if pending == 0 && dead.is_empty() {
            return;
        }
        let segment = self.segments.entry(at.segment).or_default();
        segment.live += at.length as u64;
        segment.entries += 1;
        for (lane, _) in &dead {
            *self.dead.entry(*lane).or_default() += 1;
        }
        let held: Option<Box<[u8]>> = record.filter(|record| self.held + record.len() <= HELD).map(Box::from);
        self.held += held.as_deref().map_or(0, <[u8]>::len);
        let (intended, since) = (Stage::Intended, time);
        let entry = Entry { id, at, keys, pending, dead, stage: intended, time, since, held };
        self.events.insert(number, entry);
        for lane in lanes_in(pending) {
            if let Some(lane) = self.lanes.get_mut(lane) {
                lane.add(number, keys);
            }
        }
        self.set_stage(number, stage);
    }

    fn set_stage(&mut self, number: Number, stage: Stage) {
        let Some(entry) = self.events.get_mut(&number) else { return };
        let was_parked = matches!(entry.stage, Stage::Parked(_));
        if was_parked {
            entry.since = now();
        }
        entry.stage = stage;
        let (keys, pending) = (entry.keys, entry.pending);
        match &entry.stage {
            Stage::Intended => return,
            Stage::Told(_) => {
                for lane in lanes_in(pending) {
                    if let Some(lane) = self.lanes.get_mut(lane) {
                        if was_parked {
                            lane.add(number, keys);
                        }
                        lane.told(number, keys);
                    }
                }
            }
            Stage::Parked(_) => {
                // Nothing waits for it meanwhile.
                for lane in lanes_in(pending) {
                    self.leave(lane, number, keys);
                }
                let key = keys[0].unwrap_or_default();
                if let Some(before) = self.parked.insert(key, number).filter(|before| *before != number) {
                    // Records that were moved are read behind newer ones.
                    self.remove(before.min(number));
                    self.parked.insert(key, before.max(number));
                }
            }
        }
        // What waited for this name has it.
        let before = keys[1].and_then(|key| self.parked.get(&key).copied());
        if let Some(before) = before.filter(|before| *before < number) {
            self.remove(before);
        }
    }

    /// It has happened, or not.
    pub(crate) fn end(&mut self, id: Id, end: End) {
        let number = id.number();
        match end {
            End::Dropped => self.remove(number),
            End::Parked(outcome) => self.set_stage(number, Stage::Parked(outcome)),
            End::Told(outcome) => self.set_stage(number, Stage::Told(outcome)),
        }
    }

    /// Somebody has it, or need not have it.
    pub(crate) fn settle(&mut self, id: Id, lane: usize) {
        let number = id.number();
        let Some(entry) = self.events.get_mut(&number) else { return };
        let keys = entry.keys;
        entry.pending &= !(1 << lane);
        take_dead(&mut entry.dead, &mut self.dead, lane);
        let is_over = entry.pending == 0 && entry.dead.is_empty();
        self.leave(lane, number, keys);
        if is_over {
            self.remove(number);
        }
    }

    /// It can't be delivered to somebody.
    pub(crate) fn bury(&mut self, id: Id, lane: usize, cause: &str) {
        let number = id.number();
        let Some(entry) = self.events.get_mut(&number) else { return };
        let keys = entry.keys;
        entry.pending &= !(1 << lane);
        take_dead(&mut entry.dead, &mut self.dead, lane);
        entry.dead.push((lane, cause.to_owned()));
        *self.dead.entry(lane).or_default() += 1;
        self.leave(lane, number, keys);
    }

    /// What could not be delivered is tried again.
    pub(crate) fn revive(&mut self, id: Id, lane: usize) {
        let number = id.number();
        let Some(entry) = self.events.get_mut(&number) else { return };
        if !take_dead(&mut entry.dead, &mut self.dead, lane) {
            return;
        }
        entry.pending |= 1 << lane;
        entry.since = now();
        let keys = entry.keys;
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.add(number, keys);
            lane.told(number, keys);
        }
    }

    /// It waits no more there; what waited for it may go.
    fn leave(&mut self, lane: usize, number: Number, keys: Keys) {
        let Self { lanes, events, .. } = self;
        let Some(lane) = lanes.get_mut(lane) else { return };
        for next in lane.remove(number, keys) {
            if let Some(entry) = events.get(&next).filter(|entry| matches!(entry.stage, Stage::Told(_))) {
                lane.told(next, entry.keys);
            }
        }
    }

    /// Nobody needs it any more.
    fn remove(&mut self, number: Number) {
        let Some(mut entry) = self.events.remove(&number) else { return };
        for lane in 0..self.lanes.len() {
            take_dead(&mut entry.dead, &mut self.dead, lane);
        }
        self.held -= entry.held.as_ref().map_or(0, |held| held.len());
        if let Some(segment) = self.segments.get_mut(&entry.at.segment) {
            segment.live -= entry.at.length as u64;
            segment.entries -= 1;
        }
        if let Some(key) = entry.keys[0]
            && self.parked.get(&key) == Some(&number)
        {
            self.parked.remove(&key);
        }
        for lane in lanes_in(entry.pending) {
            self.leave(lane, number, entry.keys);
        }
    }

    /// How many wait for the names of their files before this lane has them.
    pub(crate) fn parked_for(&self, lane: usize) -> u64 {
        let parked = self.parked.values().filter_map(|number| self.events.get(number));
        parked.filter(|entry| entry.pending >> lane & 1 == 1).count() as u64
    }

    /// The event that waits for the name of the file at a place.
    pub(crate) fn parked_at(&self, place: &Place) -> Option<Id> {
        let key = self.hasher.hash_one((&place.backend, &place.key));
        Some(self.events.get(self.parked.get(&key)?)?.id)
    }

    /// Those that wait for a name since before this time.
    pub(crate) fn parked_before(&self, time: u64) -> Vec<Id> {
        self.all_parked().filter(|entry| entry.time < time).map(|entry| entry.id).collect()
    }

    /// How many wait for the names of their files.
    pub(crate) fn parked(&self) -> usize {
        self.all_parked().count()
    }

    /// Half of those that wait for a name, the oldest first, if they take much of the room that is taken, without some.
    pub(crate) fn oldest_parked(&self, without: &HashSet<Id>) -> Vec<Id> {
        let mut entries: Vec<_> = self.all_parked().collect();
        let bytes: u64 = entries.iter().map(|entry| entry.at.length as u64).sum();
        if bytes < self.total / 4 {
            return Vec::new();
        }
        entries.retain(|entry| !without.contains(&entry.id));
        entries.sort_unstable_by_key(|entry| entry.id.number());
        entries.truncate(entries.len().div_ceil(2));
        entries.into_iter().map(|entry| entry.id).collect()
    }

    /// Those that wait for a name and that nobody was told of. The name is theirs until they are delivered.
    fn all_parked(&self) -> impl Iterator<Item = &Entry> {
        let entries = self.parked.values().filter_map(|number| self.events.get(number));
        entries.filter(|entry| matches!(entry.stage, Stage::Parked(_)))
    }

    /// Those of which it is not known whether they happened.
    pub(crate) fn undecided(&self) -> Vec<Id> {
        let entries = self.events.values().filter(|entry| entry.stage == Stage::Intended);
        entries.map(|entry| entry.id).collect()
    }

    /// Whether another event of one of its paths came later.
    pub(crate) fn is_followed(&self, number: Number, keys: Keys) -> bool {
        keys.into_iter().flatten().any(|key| {
            let waiting = self.lanes.iter().filter_map(|lane| lane.last_of(key));
            waiting.chain(self.parked.get(&key).copied()).any(|other| other > number)
        })
    }

    /// Those of a place of which it is not known whether they happened.
    pub(crate) fn open_at(&self, place: &Place) -> Vec<Id> {
        let key = self.hasher.hash_one((&place.backend, &place.key));
        let numbers: BTreeSet<Number> = self.lanes.iter().flat_map(|lane| lane.all_of(key)).collect();
        let entries = numbers.iter().filter_map(|number| self.events.get(number));
        entries.filter(|entry| entry.stage == Stage::Intended).map(|entry| entry.id).collect()
    }

    /// Whether an event of a place waits for something.
    pub(crate) fn waits_at(&self, place: &Place) -> bool {
        let key = self.hasher.hash_one((&place.backend, &place.key));
        self.parked.contains_key(&key) || self.lanes.iter().any(|lane| lane.last_of(key).is_some())
    }

    /// Its record stands somewhere else.
    pub(crate) fn relocate(&mut self, id: Id, at: At) {
        let Some(entry) = self.events.get_mut(&id.number()) else { return };
        let before = std::mem::replace(&mut entry.at, at);
        if let Some(held) = entry.held.take() {
            self.held -= held.len();
        }
        if let Some(segment) = self.segments.get_mut(&before.segment) {
            segment.live -= before.length as u64;
            segment.entries -= 1;
        }
        let segment = self.segments.entry(at.segment).or_default();
        segment.live += at.length as u64;
        segment.entries += 1;
    }

    /// The events that stand in the segment that comes first.
    pub(crate) fn of_first(&self) -> (Option<u64>, Vec<Id>) {
        let first = self.segments.keys().next().copied();
        let of_it = self.events.values().filter(|entry| Some(entry.at.segment) == first);
        (first, of_it.map(|entry| entry.id).collect())
    }

    /// The record of an event, if it is in memory.
    pub(crate) fn held(&self, number: Number) -> Option<&[u8]> {
        self.events.get(&number)?.held.as_deref()
    }

    /// The segment that comes first, unless it is this one, if nothing in it is needed.
    pub(crate) fn take_empty(&mut self, but: Option<u64>) -> Option<u64> {
        let (number, segment) = self.segments.first_key_value()?;
        let number = *number;
        if Some(number) == but || segment.entries > 0 {
            return None;
        }
        let segment = self.segments.remove(&number)?;
        self.total -= segment.bytes;
        Some(number)
    }

    /// How many could not be delivered to somebody.
    pub(crate) fn dead_letters(&self, lane: usize) -> u64 {
        self.dead.get(&lane).copied().unwrap_or_default()
    }

    /// The bytes that are needed.
    pub(crate) fn live(&self) -> u64 {
        self.segments.values().map(|segment| segment.live).sum()
    }
}

/// It is no dead letter of this lane any more. Says whether it was one.
fn take_dead(dead: &mut Vec<(usize, String)>, counts: &mut HashMap<usize, u64>, lane: usize) -> bool {
    let before = dead.len();
    dead.retain(|(of, _)| *of != lane);
    let was_one = dead.len() < before;
    if let Some(count) = counts.get_mut(&lane).filter(|_| was_one) {
        *count -= 1;
    }
    was_one
}

/// The numbers of the lanes in a set.
pub(crate) fn lanes_in(set: u64) -> impl Iterator<Item = usize> {
    (0..LANES).filter(move |lane| set & (1 << lane) != 0)
}
