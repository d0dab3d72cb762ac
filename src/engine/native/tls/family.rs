//! Which control connections resumed one another.

/// Control connections that resumed one another; unique in the life of the process, as the IDs of sessions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Family(pub(super) u64);

impl Family {
    /// The family of a control connection that resumed no other.
    pub(super) fn of_session(session: u64) -> Self {
        Self(session)
    }

    /// The text with the mark of the family before it.
    pub(super) fn mark(self, plain: &[u8]) -> Vec<u8> {
        [&self.0.to_be_bytes(), plain].concat()
    }

    /// The family whose mark a text has, and the text behind it.
    pub(super) fn marked(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (mark, plain) = bytes.split_first_chunk()?;
        Some((Self(u64::from_be_bytes(*mark)), plain))
    }
}
