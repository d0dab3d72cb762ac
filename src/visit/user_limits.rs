//! How many sessions a user may have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts the sessions of each user.
#[derive(Debug)]
pub struct UserLimits {
    /// `None`: any number.
    sessions: Option<usize>,
    open: Mutex<HashMap<String, usize>>,
}

/// The right to one session of a user; given back when it is dropped.
#[derive(Debug)]
pub struct UserPermit {
    limits: Arc<UserLimits>,
    user: String,
}

impl UserLimits {
    /// So many sessions of one user.
    pub fn new(sessions: Option<usize>) -> Self {
        Self { sessions, open: Mutex::default() }
    }

    /// Asks for one more session of `user`; `None` if there are as many as there may be.
    pub fn admit(self: &Arc<Self>, user: &str) -> Option<UserPermit> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.get(user).copied().unwrap_or_default();
        if self.sessions.is_some_and(|sessions| count >= sessions) {
            return None;
        }
        open.insert(user.to_owned(), count + 1);
        Some(UserPermit { limits: Arc::clone(self), user: user.to_owned() })
    }
}

impl Drop for UserPermit {
    fn drop(&mut self) {
        let mut open = self.limits.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
#[path = "user_limits_tests.rs"]
mod tests;
