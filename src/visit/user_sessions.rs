//! How many sessions a user may have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts the sessions of each user.
#[derive(Debug, Default)]
pub struct UserSessions {
    open: Mutex<HashMap<String, usize>>,
}

/// The right to one session of a user; given back when it is dropped.
#[derive(Debug)]
pub struct UserPermit {
    sessions: Arc<UserSessions>,
    user: String,
}

impl UserSessions {
    /// Asks for one more session of `user`, who may have so many, or any number; `None` if there are as many.
    pub fn admit(self: &Arc<Self>, user: &str, most: Option<usize>) -> Option<UserPermit> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.get(user).copied().unwrap_or_default();
        if most.is_some_and(|most| count >= most) {
            return None;
        }
        open.insert(user.to_owned(), count + 1);
        Some(UserPermit { sessions: Arc::clone(self), user: user.to_owned() })
    }
}

impl Drop for UserPermit {
    fn drop(&mut self) {
        let mut open = self.sessions.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
#[path = "user_sessions_tests.rs"]
mod tests;
