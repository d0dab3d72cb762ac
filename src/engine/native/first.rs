//! What is said once for each user.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// So many users are remembered, and nothing is said of others: a log that says the same again and again is read by nobody.
const MOST: usize = 10_000;

/// Users of whom something was said.
#[derive(Debug, Default)]
pub(super) struct FirstOfUsers(Mutex<HashSet<String>>);

impl FirstOfUsers {
    /// Whether this is the first time for this user.
    pub(super) fn is_first_of(&self, user: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.len() < MOST && known.insert(user.to_owned())
    }
}

#[cfg(test)]
#[path = "first_tests.rs"]
mod tests;
