//! Who is locked out, and whom operators lock out.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Desk, Trouble};
use crate::accounts::{Lock, Subject};

/// The longest lock by hand: longer ones belong into the configuration.
const LONGEST: Duration = Duration::from_secs(3653 * 24 * 60 * 60);

/// The longest name.
const NAME: usize = 1024;

impl Desk {
    /// All locks: addresses first, those that hold longest last.
    pub(crate) fn locks(&self) -> Vec<Lock> {
        let mut locks = self.limits.guard().locks();
        locks.sort_by(|a, b| (a.is_name, a.left, &a.subject).cmp(&(b.is_name, b.left, &b.subject)));
        locks
    }

    /// The same for programs.
    pub(crate) fn lockouts(&self) -> Value {
        let locks: Vec<_> = self.locks().iter().map(lock).collect();
        json!({ "count": locks.len(), "lockouts": locks })
    }

    /// Locks an address, a network or a user here.
    ///
    /// # Errors
    /// [`Trouble::Invalid`], or [`Trouble::Impossible`] if too much is locked.
    pub(super) fn lock_here(&self, by: &str, subject: &str, lasting: Duration) -> Result<(), Trouble> {
        let said = humantime::format_duration(Duration::from_secs(lasting.as_secs()));
        let detail = format!("{subject} for {said}");
        let locked = if subject.is_empty() || subject.len() > NAME || subject.contains('\0') {
            Err(Trouble::Invalid(
                "this is neither an address nor a network nor the name of a user".to_owned(),
            ))
        } else if lasting < Duration::from_secs(1) || lasting > LONGEST {
            Err(Trouble::Invalid("a lock lasts from a second to ten years".to_owned()))
        } else {
            self.limits.guard().ban(Subject::parse(subject), lasting).map_err(Trouble::impossible)
        };
        let cause = locked.as_ref().err().map(ToString::to_string);
        self.acted(by, "lock", &detail, cause.as_deref().map_or(Ok(()), Err));
        locked
    }
}

fn lock(lock: &Lock) -> Value {
    let Lock { subject, is_name, left, by_hand, age: _ } = lock;
    json!({
        "subject": subject,
        "kind": if *is_name { "user" } else { "address" },
        "remaining_seconds": seconds(*left).as_secs(),
        "by_operator": by_hand,
    })
}

/// Whole seconds, of which there is always one.
pub(crate) fn seconds(left: Duration) -> Duration {
    Duration::from_secs(left.as_secs() + 1)
}
