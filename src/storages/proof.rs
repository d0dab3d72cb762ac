//! How the server proves to a store who it is: with keys, as nobody, or as the machine.

use crate::config::section::{At, Checker, Span};

/// The three ways to prove who we are, as each of the object stores knows them.
pub(super) struct Ways {
    /// The names of the keys, for sentences.
    pub(super) keys: &'static str,
    pub(super) anonymous: Option<At<bool>>,
    pub(super) ambient: Option<At<bool>>,
    /// The place that is marked if no way was chosen.
    pub(super) owner: Span,
}

/// The one that was chosen.
pub(super) enum Way {
    Keys,
    Anonymous,
    Ambient,
}

impl Ways {
    /// The way that was chosen; `keys` is where the first key stands.
    ///
    /// Exactly one way has to be chosen: without a choice the libraries would ask a metadata address that nobody
    /// configured, and with two of them it would not be clear which counts.
    pub(super) fn choice(self, checker: &Checker<'_>, keys: Option<Span>) -> Option<Way> {
        let set = |at: &Option<At<bool>>| at.as_ref().filter(|at| at.value == Some(true)).map(|at| at.key);
        let chosen: Vec<(&str, Span, Way)> = [
            keys.map(|span| (self.keys, span, Way::Keys)),
            set(&self.anonymous).map(|span| ("`anonymous`", span, Way::Anonymous)),
            set(&self.ambient).map(|span| ("`ambient_credentials`", span, Way::Ambient)),
        ]
        .into_iter()
        .flatten()
        .collect();
        if let [(first, ..), (second, span, _), ..] = chosen.as_slice() {
            checker.problem(*span, format!("{first} and {second} exclude each other"));
        }
        let way = chosen.into_iter().next().map(|(_, _, way)| way);
        // If the value of one of them didn't fit, that has been said, and this may not be true.
        let unclear =
            [&self.anonymous, &self.ambient].iter().any(|at| matches!(at, Some(At { value: None, .. })));
        if way.is_none() && !unclear {
            checker.problem(
                self.owner,
                format!(
                    "there are no credentials; give {}, or say `ambient_credentials: true` to take those of the \
                     cloud it runs in, or `anonymous: true` if the storage is public",
                    self.keys
                ),
            );
        }
        way
    }
}
