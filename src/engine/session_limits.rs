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

#[cfg(test)]
#[path = "session_limits_tests.rs"]
mod tests;
