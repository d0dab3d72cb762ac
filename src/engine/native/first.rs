//! Log lines that are written once for each user.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// How many users are remembered. Nothing is logged about further ones: nobody reads a log that repeats itself.
const MOST: usize = 10_000;

/// Users about whom the line was written.
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
