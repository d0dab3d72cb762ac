//! What the folder of another run says: of events that this server has to take over, and of those that it knows already.
//!
//! The plan. All that was read of a folder is kept while it is taken over, as a note may arrive later than what it is about was copied. What a
//! note says of an event that is known here counts here as well, if it is newer: that it has happened, or that nobody is to hear of it.
//!
//! Receivers that only the other server has keep their events: they stand in the own folder, under the names of these receivers, until
//! somebody who has them takes it over. Only what the own node has written for a receiver that it does not have any more is dropped.

use std::collections::BTreeMap;

use crate::events::id::Id;
use crate::events::spool::record::{End, Record};
use crate::events::spool::shared::{Shared, replay_each};
use crate::events::spool::state::{Entry, Stage, State, lanes_in};

/// What was found in a folder so far.
pub(super) struct Found {
    pub(super) state: State,
    /// The ends that were noted of events that are known here.
    ended: BTreeMap<Id, End>,
}

impl Found {
    /// `names` are the receivers of this server, `node` is what it is called.
    pub(super) fn new(names: Vec<String>, node: String) -> Self {
        Self { state: State::new(names).keeping_names_of_others(node), ended: BTreeMap::new() }
    }

    /// Reads a segment.
    pub(super) fn read(&mut self, number: u64, bytes: &[u8], own: &Shared) {
        let Self { state, ended } = self;
        let own = own.state();
        replay_each(state, number, bytes, |record| {
            if let Record::Ended { id, end } = record
                && own.get(*id).is_some()
            {
                ended.insert(*id, end.clone());
            }
        });
    }

    /// Tells the log of receivers that this server does not have.
    pub(super) fn say(&mut self, folder: &str) {
        for (to, events) in std::mem::take(&mut self.state.gone) {
            tracing::warn!(to, events, "events are dropped: nobody of this name is told any more");
        }
        for (to, events) in std::mem::take(&mut self.state.strangers) {
            tracing::warn!(
                folder,
                to,
                events,
                "another server has a receiver that this one does not have: its events are kept for a server that has it; all that share a \
                 spool have to tell the same receivers"
            );
        }
    }

    /// What is newer than what is known here.
    pub(super) fn news(&self, own: &Shared) -> Vec<(Id, End)> {
        let own = own.state();
        let is_new = |id: Id, end: &End| own.get(id).is_some_and(|(_, entry)| is_newer(end, &entry.stage));
        let stages = self.state.events.values().filter_map(|entry| Some((entry.id, entry.stage.end()?)));
        // A note may stand before what it is about.
        let is_open = |id: Id| self.state.get(id).is_none_or(|(_, entry)| entry.stage == Stage::Intended);
        let ended = self.ended.iter().filter(|(id, _)| is_open(**id)).map(|(id, end)| (*id, end.clone()));
        stages.chain(ended).filter(|(id, end)| is_new(*id, end)).collect()
    }
}

/// Whether an end says more than what is known.
pub(super) fn is_newer(end: &End, known: &Stage) -> bool {
    match known {
        Stage::Intended => true,
        Stage::Parked(_) => !matches!(end, End::Parked(_)),
        Stage::Told(_) => false,
    }
}

/// Who has still to be told of an event, and to whom it could not be delivered, by the numbers of the own receivers.
pub(super) fn in_own_names(found: &State, entry: &Entry, own: &mut State) -> (u64, Vec<(usize, String)>) {
    let mut lane = |number: usize| own.lane_or_stranger(found.names_of(1 << number).first()?);
    let pending = lanes_in(entry.pending).filter_map(&mut lane).fold(0, |set, lane| set | 1 << lane);
    let dead =
        entry.dead.iter().filter_map(|(number, cause)| Some((lane(*number)?, cause.clone()))).collect();
    (pending, dead)
}
