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

    /// Whom an operator means, and whether it is an address, a network or a user who is known without asking anybody.
    pub(super) fn meant(&self, text: &str) -> (Subject, bool) {
        let subject = Subject::parse(text);
        let is_known = match &subject {
            Subject::Network(_) => true,
            Subject::Name(name) => self.reloader.world().now().accounts.overview().contains_key(name),
        };
        (subject, is_known)
    }

    /// Locks an address, a network or a user here. A name that looks like an address has to be `known`: a lock of a mistyped
    /// address would keep nobody out.
    ///
    /// # Errors
    /// [`Trouble::Invalid`], or [`Trouble::Impossible`] if too much is locked.
    pub(super) fn lock_here(
        &self,
        by: &str,
        subject: &Subject,
        is_known: bool,
        lasting: Duration,
    ) -> Result<(), Trouble> {
        let said = humantime::format_duration(Duration::from_secs(lasting.as_secs()));
        let text = subject.to_string();
        let detail = format!("{text} for {said}");
        let locked = if text.is_empty() || text.len() > NAME || text.contains('\0') {
            Err(Trouble::Invalid(
                "this is neither an address nor a network nor the name of a user".to_owned(),
            ))
        } else if !is_known && subject.may_be_a_slip() {
            Err(Trouble::Invalid(format!(
                "{text:?} is no address, no network and no user who is known: an address is such as 192.0.2.7 or 2001:db8::7, a \
                 network such as 192.0.2.0/24"
            )))
        } else if lasting < Duration::from_secs(1) || lasting > LONGEST {
            Err(Trouble::Invalid("a lock lasts from a second to ten years".to_owned()))
        } else {
            self.limits.guard().ban(subject.clone(), lasting).map_err(Trouble::impossible)
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
