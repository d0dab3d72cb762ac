//! Names of events: UUIDs of version 7 (RFC 9562), which sort by time.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use serde::{Deserialize, Serialize};

/// The last one that was made.
static LAST: Mutex<u128> = Mutex::new(0);

/// The name of an event. A duplicate of an event has the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Id(u128);

/// No name of an event.
#[derive(Debug, thiserror::Error)]
#[error("this is no name of an event")]
pub(crate) struct NoId;

impl Id {
    /// A new one.
    pub(crate) fn new(now: SystemTime) -> Self {
        let milliseconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut random = [0; 16];
        // Without random bytes of the system nothing else would work either; then the time alone distinguishes.
        let _ = rand::fill(&mut random);
        let random = u128::from_be_bytes(random);
        let (version, variant) = (7 << 76, 2 << 62);
        let middle = (random >> 64 & 0xfff) << 64;
        let end = random & ((1 << 62) - 1);
        let id = (milliseconds & 0xffff_ffff_ffff) << 80 | version | middle | variant | end;
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        // In the order in which they are made, also within a millisecond, and when the clock is set back.
        let id = if id > *last { id } else { *last + 1 + (random >> 96) };
        *last = id;
        Self(id)
    }

    /// All that are made from now on are greater.
    pub(crate) fn follow(before: Self) {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        *last = before.0.max(*last);
    }

    /// By which they are sorted.
    pub(crate) fn number(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:032x}", self.0);
        write!(f, "{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        if text.len() != 36 || digits.len() != 32 {
            return Err(NoId);
        }
        let id = u128::from_str_radix(&digits, 16).map(Self).map_err(|_| NoId)?;
        // Signs, dashes elsewhere and capitals are none.
        if id.to_string() == text { Ok(id) } else { Err(NoId) }
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for Id {
    type Error = NoId;

    fn try_from(text: String) -> Result<Self, NoId> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_version_7_and_sort_by_time() {
        let early = Id::new(SystemTime::now());
        let text = early.to_string();
        assert_eq!(text.as_bytes()[14], b'7', "{text}");
        assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{text}");
        assert_eq!(text.parse::<Id>().unwrap(), early);
        assert!(early < Id::new(SystemTime::now()));
        assert!(early < Id::new(UNIX_EPOCH), "the clock was set back");
        for wrong in
            ["01234567-89ab", "-1234567--89ab-7def-8123-456789abcdef", "0123456789ab-7def-8123-4567-89abcdef"]
        {
            assert!(wrong.parse::<Id>().is_err(), "{wrong}");
        }
    }
}
