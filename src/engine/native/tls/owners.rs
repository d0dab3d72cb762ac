//! The users of families of control connections.
//!
//! Some clients have one store of tickets for all connections to a server (.NET, Java): a data connection shows the
//! latest ticket, from whichever control connection. A client that resumes with it knows a secret of a client that has
//! logged in as the same user: it is that client, or may do everything that the client may.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::family::Family;

/// How many entries are remembered; the oldest are forgotten first. A client whose entries are forgotten has to show a
/// ticket of its own control connection.
const MOST: usize = 16 * 1024;

/// Which families belong to which users, even after their sessions have ended: clients keep their tickets.
#[derive(Debug, Default)]
pub(super) struct Owners(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// A family, and its user.
    of: HashSet<(Family, u64)>,
    in_order: VecDeque<(Family, u64)>,
}

impl Owners {
    /// Records that a session of this family belongs to this user.
    pub(super) fn add(&self, family: Family, user: u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.of.insert((family, user)) {
            known.in_order.push_back((family, user));
        }
        if known.in_order.len() > MOST
            && let Some(oldest) = known.in_order.pop_front()
        {
            known.of.remove(&oldest);
        }
    }

    /// Whether a session of this family belonged to this user.
    pub(super) fn has(&self, family: Family, user: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).of.contains(&(family, user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_can_be_of_several_users_and_the_oldest_are_forgotten() {
        let owners = Owners::default();
        owners.add(Family::of_session(1), 7);
        owners.add(Family::of_session(1), 8);
        assert!(owners.has(Family::of_session(1), 7) && owners.has(Family::of_session(1), 8));
        assert!(!owners.has(Family::of_session(1), 9) && !owners.has(Family::of_session(2), 7));
        for session in 0..MOST as u64 {
            owners.add(Family::of_session(100 + session), 7);
        }
        assert!(!owners.has(Family::of_session(1), 7) && owners.has(Family::of_session(100), 7));
    }
}
