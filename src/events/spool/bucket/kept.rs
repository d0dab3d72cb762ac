//! What was adopted, as it comes into the own spool.

use super::heard::is_newer;
use super::writer::Writer;
use crate::events::id::Id;
use crate::events::spool::record::{End, Record};
use crate::events::spool::state::{At, New, Stage, State};

/// Something that was adopted.
pub(super) enum Kept {
    /// An event.
    Event(Vec<u8>, New),
    /// What became of one that is known already.
    End(Id, End),
}

impl Kept {
    /// The event that this is, and whether it is not known if it happened.
    pub(super) fn event(&self) -> Option<(Id, bool)> {
        match self {
            Self::Event(_, new) => Some((new.id, new.stage == Stage::Intended)),
            Self::End(..) => None,
        }
    }
}

impl Writer {
    /// What was adopted stands in this segment now.
    pub(super) fn kept(&mut self, kept: Vec<(Kept, usize)>, segment: u64) {
        let (mut at, mut notes) = (At { segment, offset: 0, length: 0 }, Vec::new());
        {
            let mut state = self.shared.state();
            for (kept, length) in kept {
                at.length = length;
                match kept {
                    Kept::Event(record, new) => {
                        notes.extend(since(&state, &new));
                        match state.get(new.id) {
                            Some(_) => state.relocate(new.id, at),
                            None => state.add(new, at, Some(&record)),
                        }
                    }
                    Kept::End(id, end) => {
                        if state.get(id).is_some_and(|(_, entry)| is_newer(&end, &entry.stage)) {
                            state.end(id, end);
                        }
                    }
                }
                at.offset += length as u64;
            }
        }
        for note in notes {
            self.add_note((note.framed(), None, None), None);
        }
        self.shared.wake_all();
    }
}

/// What became of an event that was known here, while it was written again.
fn since(state: &State, new: &New) -> Vec<Record> {
    let id = new.id;
    let Some((_, entry)) = state.get(id) else { return Vec::new() };
    let end = if entry.stage == new.stage { None } else { entry.stage.end() };
    let (dead, gone) =
        (state.dead_of(entry, |lane| new.pending >> lane & 1 == 1), new.pending & !entry.pending);
    let settled = state.names_of(gone).into_iter().filter(|to| !dead.iter().any(|(of, _)| of == to));
    let mut notes: Vec<Record> = settled.map(|to| Record::Settled { id, to }).collect();
    notes.extend(end.map(|end| Record::Ended { id, end }));
    notes.extend(dead.iter().map(|(to, cause)| Record::Dead { id, to: to.clone(), cause: cause.clone() }));
    notes
}
