//! The events that wait for their receivers, and the dead letters.

use serde_json::{Value, json};

use super::{Desk, Trouble};
use crate::events::{Events, Letter, Wanted};

/// The most events of one answer.
const MOST: usize = 1000;

/// How many there are if nobody says.
const USUAL: usize = 100;

/// The longest name of receivers and events.
const NAME: usize = 1024;

/// A filter of these words.
///
/// # Errors
/// [`Trouble::Invalid`] for a word that is none, or whose value is none.
pub(crate) fn wanted<'a>(words: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Wanted, Trouble> {
    let mut wanted = Wanted { waiting: true, dead: true, receiver: None, after: None, limit: USUAL };
    for (word, value) in words {
        let wrong = |expected: &str| Trouble::Invalid(format!("`{word}`: expected {expected}"));
        match (word, value) {
            ("state", "waiting") => wanted.dead = false,
            ("state", "dead") => wanted.waiting = false,
            ("state", _) => return Err(wrong("`waiting` or `dead`")),
            ("receiver", _) => wanted.receiver = Some(value.to_owned()),
            ("after", _) => wanted.after = Some(value.parse().map_err(|_| wrong("the id of an event"))?),
            ("limit", _) => {
                let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                wanted.limit = limit.ok_or_else(|| wrong(&format!("a number from 1 to {MOST}")))?;
            }
            _ => return Err(Trouble::Invalid(format!("there is no filter `{word}`"))),
        }
    }
    Ok(wanted)
}

impl Desk {
    fn telling(&self) -> Result<&Events, Trouble> {
        self.events.as_deref().ok_or_else(|| {
            Trouble::NotFound("this server tells nobody of events (`events` in its configuration)".to_owned())
        })
    }

    /// The events that wait, or those that could not be delivered, or both.
    ///
    /// # Errors
    /// [`Trouble::NotFound`] if nobody is told of events, or there is no such receiver.
    pub(crate) async fn letters(&self, wanted: &Wanted) -> Result<Vec<Letter>, Trouble> {
        Ok(self.page(wanted).await?.0)
    }

    async fn page(&self, wanted: &Wanted) -> Result<(Vec<Letter>, Option<String>), Trouble> {
        let events = self.telling()?;
        match &wanted.receiver {
            Some(name) if !events.has_receiver(name) => {
                Err(Trouble::NotFound(format!("there is no receiver {name:?}")))
            }
            _ => Ok(events.letters(wanted).await),
        }
    }

    /// The same for programs.
    ///
    /// # Errors
    /// Those.
    pub(crate) async fn events(&self, wanted: &Wanted) -> Result<Value, Trouble> {
        let (letters, next) = self.page(wanted).await?;
        let letters: Vec<_> = letters.iter().map(letter).collect();
        let (waiting, dead) = self.telling()?.counts(wanted.receiver.as_deref());
        let count = [(wanted.waiting, waiting), (wanted.dead, dead)];
        let count: u64 = count.into_iter().filter_map(|(is_wanted, count)| is_wanted.then_some(count)).sum();
        Ok(json!({ "events": letters, "count": count, "next": next }))
    }

    /// Has dead letters sent again: that of an event, those to a receiver, or `all`; how many there were.
    ///
    /// # Errors
    /// [`Trouble::NotFound`] if there was none.
    pub(crate) fn retry_events(&self, by: &str, which: &str) -> Result<usize, Trouble> {
        self.with_dead(by, "retry_events", which, Events::retry)
    }

    /// Gives dead letters up; how many there were.
    ///
    /// # Errors
    /// [`Trouble::NotFound`] if there was none.
    pub(crate) fn drop_events(&self, by: &str, which: &str) -> Result<usize, Trouble> {
        self.with_dead(by, "drop_events", which, Events::drop_dead)
    }

    fn with_dead(
        &self,
        by: &str,
        action: &'static str,
        which: &str,
        act: fn(&Events, &str) -> usize,
    ) -> Result<usize, Trouble> {
        if which.chars().count() > NAME {
            return Err(Trouble::Invalid("this is too long to be a name".to_owned()));
        }
        let acted = self.telling().and_then(|events| match act(events, which) {
            0 => Err(Trouble::NotFound(format!("there is no dead letter of {which:?}"))),
            letters => Ok(letters),
        });
        match &acted {
            Ok(letters) => self.acted(by, action, &format!("{letters} dead letters of {which:?}"), Ok(())),
            Err(trouble) => self.acted(by, action, &format!("{which:?}"), Err(&trouble.to_string())),
        }
        acted
    }

    /// How much there is of them; `null` if nobody is told of events.
    pub(super) fn events_in_short(&self) -> Value {
        let Some(events) = &self.events else { return Value::Null };
        let numbers = events.numbers();
        let sum = |of: fn(&crate::ops::metrics::ReceiverNumbers) -> u64| -> u64 {
            numbers.receivers.iter().map(|(_, receiver)| of(receiver)).sum()
        };
        let oldest = numbers.receivers.iter().map(|(_, receiver)| receiver.oldest).fold(0.0, f64::max);
        json!({
            "waiting": sum(|it| it.waiting),
            "dead": sum(|it| it.dead),
            "oldest_seconds": oldest,
            "spool_bytes": numbers.spool,
            "spool_limit_bytes": events.spool_size(),
            "refusals": numbers.refused,
            "dropped": numbers.dropped,
        })
    }
}

/// A letter for programs.
pub(crate) fn letter(letter: &Letter) -> Value {
    let Letter { id, to, kind, time, user, path, dead, is_open } = letter;
    json!({
        "id": id, "receiver": to, "state": if dead.is_some() { "dead" } else { "waiting" }, "kind": kind, "time": time,
        "user": user, "path": path, "cause": dead, "is_open": is_open,
    })
}
