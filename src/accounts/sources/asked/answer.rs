//! What somebody who is asked may answer, and why there may be no answer.

use std::time::Duration;

use crate::config::Password;

/// As much of a reason is logged, in characters.
const SHOWN: usize = 300;

/// An answer. Everything else that comes back is none.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::accounts::sources) enum Answer {
    /// The user may come in.
    User {
        /// The entry of `users` without its proof, as text.
        entry: String,
        /// How long the same question has this answer.
        holds: Duration,
    },
    /// The user may come in who shows this password.
    #[cfg_attr(not(feature = "sql"), allow(dead_code))]
    WithPassword {
        /// The entry of `users` without its proof, as text.
        entry: String,
        password: Password,
        /// How long the same question has this answer.
        holds: Duration,
    },
    /// Nobody has this name there.
    Unknown,
    /// The user may not come in, for this reason.
    Refused(String),
    /// The user could come in, but what is known of this one makes no entry: the operator has to know why.
    #[cfg_attr(not(feature = "ldap"), allow(dead_code))]
    Unusable(String),
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::accounts::sources) enum Failure {
    /// The time is over.
    #[error("there is no answer in time")]
    TooSlow,
    /// There is no connection, or it broke.
    #[error("{0}")]
    Unreachable(String),
    /// What came is no answer.
    #[error("{0}")]
    Wrong(String),
    /// Something before the service says that it can't be reached.
    #[error("status {0}")]
    Elsewhere(u16),
}

/// A question that got no answer.
#[derive(Debug)]
pub(in crate::accounts::sources) struct Unanswered {
    pub(in crate::accounts::sources) failure: Failure,
    /// The service has not seen the question, or says that another attempt may help.
    pub(in crate::accounts::sources) may_be_repeated: bool,
}

impl Unanswered {
    /// The connection broke; whether the question was seen is not known.
    pub(in crate::accounts::sources) fn broken(reason: String) -> Self {
        Self { failure: Failure::Unreachable(reason), may_be_repeated: false }
    }

    /// What came is no answer.
    pub(in crate::accounts::sources) fn wrong(reason: impl Into<String>) -> Self {
        Self { failure: Failure::Wrong(reason.into()), may_be_repeated: false }
    }
}

/// One line that is not too long, of a text from outside.
pub(in crate::accounts::sources) fn cut(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = line.take(SHOWN + 1).collect();
    if let Some((end, _)) = line.char_indices().nth(SHOWN) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(cut("no\r\nlogged in\u{1b}"), "no  logged in ");
        assert_eq!(cut(&"ü".repeat(300)), "ü".repeat(300));
        assert_eq!(cut(&"ü".repeat(301)), format!("{}…", "ü".repeat(300)));
    }
}
