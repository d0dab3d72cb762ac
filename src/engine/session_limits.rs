//! How many sessions there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts sessions, in all and for each address.
#[derive(Debug)]
pub struct SessionLimits {
    sessions: usize,
    sessions_per_ip: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// Why a session was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooManySessions {
    /// The server has as many as it may.
    #[error("the server has as many sessions as it may have")]
    InAll,
    /// This address has as many as it may.
    #[error("this address has as many sessions as it may have")]
    FromThisAddress,
}

/// The right to one session; given back when it is dropped.
#[derive(Debug)]
pub struct SessionPermit {
    limits: Arc<SessionLimits>,
    ip: IpAddr,
}

impl SessionLimits {
    /// Limits of so many sessions in all and from one address.
    pub fn new(sessions: usize, sessions_per_ip: usize) -> Self {
        Self { sessions, sessions_per_ip, open: Mutex::default() }
    }

    /// Asks for one more session from `ip`.
    ///
    /// # Errors
    /// [`TooManySessions`], which says which limit is reached.
    pub fn admit(self: &Arc<Self>, ip: IpAddr) -> Result<SessionPermit, TooManySessions> {
        // An IPv4 client of an IPv6 socket is the same client.
        let ip = ip.to_canonical();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= self.sessions {
            return Err(TooManySessions::InAll);
        }
        let from_this_address = open.by_ip.entry(ip).or_default();
        if *from_this_address >= self.sessions_per_ip {
            return Err(TooManySessions::FromThisAddress);
        }
        *from_this_address += 1;
        open.total += 1;
        Ok(SessionPermit { limits: Arc::clone(self), ip })
    }
}

impl Drop for SessionPermit {
    fn drop(&mut self) {
        let mut open = self.limits.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total = open.total.saturating_sub(1);
        if let Some(count) = open.by_ip.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                open.by_ip.remove(&self.ip);
            }
        }
    }
}

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
#[path = "session_limits_tests.rs"]
mod tests;
