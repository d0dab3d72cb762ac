//! Quotas of storage: how many bytes and files a place of a backend may hold.
//!
//! A place is a directory of a backend. What it holds is counted (`ledger`), whoever changes it: each change that passes this
//! server is added (`counted`), and a look at all files (`look`) says what was there before, and from time to time what others
//! have changed. The limit is that of whoever stores: an upload [holds](Hold) what it needs before its bytes are taken, and so
//! two at once can't pass the limit together.
//!
//! - `books`: the places of each backend, and whose turn it is to be looked at;
//! - `change`: what is told of a change before it is made, and after;
//! - `origin`: where a backend keeps what it stores, and whether another one finds it there;
//! - `storage`: the rest of a storage, as `counted` has it;
//! - `overview`: all places at a glance, for operators;
//! - `partials`: uploads that are kept for their owners;
//! - `keeping`: when places are looked at and what is known is written down;
//! - `kept`: what is known when the server starts again;
//! - `elsewhere`: what other replicas change in the same places, and what they are told of changes here;
//! - `words`: what users are told.

mod books;
mod change;
mod counted;
mod elsewhere;
mod hold;
mod keeping;
mod kept;
mod ledger;
mod look;
mod origin;
mod overview;
mod partials;
mod storage;
mod words;
mod worker;

pub(crate) use self::books::Quotas;
pub(super) use self::counted::{Counted, Limit};
pub(crate) use self::elsewhere::Made;
pub(crate) use self::hold::Hold;
pub(super) use self::ledger::Ledger;
pub(super) use self::origin::Origin;
pub(crate) use self::words::QuotaState;
pub(super) use self::words::is_refusal;

/// What a place holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) bytes: u64,
    pub(crate) files: u64,
}

impl Usage {
    /// These.
    pub(crate) fn new(bytes: u64, files: u64) -> Self {
        Self { bytes, files }
    }

    /// That of a file of this size, or of none.
    fn of(size: Option<u64>) -> Self {
        size.map_or_else(Self::default, |bytes| Self { bytes, files: 1 })
    }

    fn plus(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_add(other.bytes), files: self.files.saturating_add(other.files) }
    }

    /// Without something; nothing is less than nothing.
    fn minus(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_sub(other.bytes), files: self.files.saturating_sub(other.files) }
    }

    fn most(self, other: Self) -> Self {
        Self { bytes: self.bytes.max(other.bytes), files: self.files.max(other.files) }
    }
}
