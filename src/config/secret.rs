//! A value that must not be seen.

use std::fmt;

use zeroize::Zeroizing;

/// A secret: it can't be printed by accident, and its memory is wiped when it is dropped.
///
/// There is no `Display` and no `Serialize` on purpose; [`expose`](Self::expose) is the one way in,
/// so a search for that word finds every place where a secret leaves.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one who has to send or compare it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}
