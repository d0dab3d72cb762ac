//! Who is answered when.

use std::time::Duration;

use tokio::time::Instant;

use super::queue::{Ask, Held, Note, Wanted};
use super::writer::{ENDS, GATHER, Writer};
use crate::events::spool::Refusal;
use crate::events::spool::record::{End, Record};
use crate::events::spool::shared::Item;
use crate::events::spool::state::New;

/// The cause of a refusal.
pub(super) const NOT_MINE: &str =
    "it could not be written for so long that another server may have taken it over";

impl Writer {
    pub(super) fn want(&mut self, record: Vec<u8>, new: Option<New>, reply: Ask, is_wide: bool) {
        match self.refusal() {
            Some(cause) => drop(reply.send(Err(Refusal::Failed(cause)))),
            None => self.intents.push(Wanted { record, new, reply, after: self.ends, is_wide }),
        }
    }

    pub(super) fn add_note(&mut self, item: Item, end: Option<u64>) {
        self.due_in(if end.is_some() { ENDS } else { GATHER });
        self.notes.push(Note { item, end });
    }

    /// Notes go at the latest after this time.
    pub(super) fn due_in(&mut self, time: Duration) {
        let due = Instant::now() + time;
        self.notes_due = Some(self.notes_due.map_or(due, |before| before.min(due)));
    }

    /// Answers intents for which all is there.
    pub(super) fn release(&mut self) {
        let open = &self.open_ends;
        let is_blocked = |held: &mut Held| {
            let mut before = open.range(..=held.after).map(|(_, keys)| keys);
            match held.keys {
                None => before.next().is_some(),
                Some(keys) => {
                    before.any(|others| others.iter().flatten().any(|other| keys.contains(&Some(*other))))
                }
            }
        };
        let mut gone = Vec::new();
        for held in self.held.extract_if(.., |held| !is_blocked(held)) {
            if held.reply.send(Ok(())).is_err() {
                gone.extend(held.id);
            }
        }
        // Whoever has asked for them does nothing any more.
        for id in gone {
            self.shared.state().end(id, End::Dropped);
            self.add_note((Record::Ended { id, end: End::Dropped }.framed(), None, None), None);
            self.shared.wake_all();
        }
    }

    /// What intents wait for can't be written.
    pub(super) fn refuse_held(&mut self, cause: &str) {
        for held in std::mem::take(&mut self.held) {
            let _ = held.reply.send(Err(Refusal::Failed(cause.to_owned())));
            if let Some(id) = held.id {
                self.shared.state().end(id, End::Dropped);
                self.add_note((Record::Ended { id, end: End::Dropped }.framed(), None, None), None);
            }
        }
    }

    /// Why no intent is accepted now.
    pub(super) fn refusal(&self) -> Option<String> {
        if !self.shared.is_open() {
            return Some("it could not be read yet".to_owned());
        }
        if let Some((until, cause)) = &self.resume
            && *until > Instant::now()
        {
            return Some(cause.clone());
        }
        (!self.bucket.is_mine()).then(|| NOT_MINE.to_owned())
    }
}
