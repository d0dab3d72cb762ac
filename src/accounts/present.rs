//! Who is here: the sessions of each user, how many they may be, and which of them have to go when accounts change.
//!
//! It outlives every world: a user has as many sessions as are open, whichever reading of the configuration let them in. The
//! accounts that count now are known here, too, under the same lock. So a login that was checked by accounts that were replaced
//! meanwhile is either refused here, or found by the look at all sessions that the replacement takes.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::account::Account;
use super::build::Known;
use super::elsewhere::Elsewhere;
use crate::host::Host;
use crate::shutdown::Shutdown;
use crate::visit::Guest;

/// Who is here.
#[derive(Debug, Default)]
pub(super) struct Present {
    state: Mutex<State>,
    /// Sessions in other replicas count, too.
    elsewhere: Arc<Elsewhere>,
}

#[derive(Default)]
struct State {
    /// The accounts that count now; none until the first ones do.
    known: Option<Weak<Known>>,
    /// The sessions of each user, by a number of their own: one control connection can ask for several logins at once.
    users: HashMap<String, HashMap<u64, Seat>>,
    /// The number of the next one.
    next: u64,
    /// How often somebody has come or gone.
    changes: u64,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("users", &self.users.len()).finish_non_exhaustive()
    }
}

/// One session of a user.
struct Seat {
    account: Arc<Account>,
    from: IpAddr,
    /// The host that the client has named.
    at: Option<Arc<Host>>,
    ending: Shutdown,
}

/// Why somebody gets no session whose credential was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoSeat {
    /// The user has as many sessions as it may have.
    #[error("the user has as many sessions as it may have")]
    TooMany,
    /// The same, with those in other replicas, of which some may be over by now.
    #[error("the user has as many sessions as it may have")]
    Elsewhere,
    /// The address has as many sessions as it may have, with those in other replicas, of which some may be over by now.
    #[error("this address has as many sessions as it may have")]
    Address,
    /// The account that let them in is there no more, or asks for something else.
    #[error("the account has changed")]
    Changed,
}

/// The right to one session of a user; given back when it is dropped.
#[derive(Debug)]
pub(super) struct UserPermit {
    present: Arc<Present>,
    user: String,
    seat: u64,
}

impl Present {
    /// Nobody is here; others may be elsewhere.
    pub(super) fn beside(elsewhere: &Arc<Elsewhere>) -> Self {
        Self { state: Mutex::default(), elsewhere: Arc::clone(elsewhere) }
    }

    /// The sessions of each user, unless nothing has changed since.
    pub(super) fn users(&self, seen: &mut u64) -> Option<Vec<(String, u32)>> {
        let state = self.state();
        if std::mem::replace(seen, state.changes) == state.changes {
            return None;
        }
        let count = |sessions: &HashMap<_, _>| u32::try_from(sessions.len()).unwrap_or(u32::MAX);
        Some(state.users.iter().map(|(user, sessions)| (user.clone(), count(sessions))).collect())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for one more session of a guest whom this account has let in `at` this host, and which is told to end by `ending`.
    ///
    /// # Errors
    /// [`NoSeat`].
    pub(super) fn admit(
        self: &Arc<Self>,
        guest: &Guest,
        account: &Arc<Account>,
        at: Option<&Arc<Host>>,
        ending: &Shutdown,
    ) -> Result<UserPermit, NoSeat> {
        let from = guest.peer.ip();
        let mut state = self.state();
        let known = state.known.as_ref().and_then(Weak::upgrade);
        if known.is_some_and(|known| !known.stands_by(account, from, at.map(|at| &**at))) {
            return Err(NoSeat::Changed);
        }
        let own = state.users.get(&guest.name).map_or(0, HashMap::len);
        if let Some(most) = account.limits.sessions {
            if own >= most {
                return Err(NoSeat::TooMany);
            }
            if own + self.elsewhere.user(&guest.name).sessions as usize >= most {
                return Err(NoSeat::Elsewhere);
            }
        }
        let number = state.next;
        state.next += 1;
        state.changes += 1;
        let sessions = state.users.entry(guest.name.clone()).or_default();
        let seat = Seat { account: Arc::clone(account), from, at: at.cloned(), ending: ending.clone() };
        sessions.insert(number, seat);
        Ok(UserPermit { present: Arc::clone(self), user: guest.name.clone(), seat: number })
    }

    /// These accounts count from now on. Sessions whom they would not have let in are told to end; returns what else ends these.
    pub(super) fn follow(&self, known: &Arc<Known>) -> Vec<Shutdown> {
        let mut state = self.state();
        state.known = Some(Arc::downgrade(known));
        dismissed(state.users.values().flat_map(HashMap::values), known)
    }

    /// The accounts of these users have changed. Their sessions are told to end if they have to.
    pub(super) fn look_at<'a>(
        &self,
        users: impl IntoIterator<Item = &'a str>,
        known: &Arc<Known>,
    ) -> Vec<Shutdown> {
        let state = self.state();
        let sessions = users.into_iter().filter_map(|user| state.users.get(user)).flat_map(HashMap::values);
        dismissed(sessions, known)
    }
}

/// Has those sessions end that the accounts don't stand by.
fn dismissed<'a>(sessions: impl Iterator<Item = &'a Seat>, known: &Known) -> Vec<Shutdown> {
    let has_to_go = |seat: &&Seat| !known.stands_by(&seat.account, seat.from, seat.at.as_deref());
    let not_yet = |seat: &&Seat| !seat.ending.is_dismissed() && has_to_go(seat);
    let endings = sessions.filter(not_yet).map(|seat| seat.ending.clone());
    endings.inspect(Shutdown::dismiss).collect()
}

impl Drop for UserPermit {
    fn drop(&mut self) {
        let mut state = self.present.state();
        state.changes += 1;
        if let Some(sessions) = state.users.get_mut(&self.user) {
            let seat = sessions.remove(&self.seat);
            if sessions.is_empty() {
                state.users.remove(&self.user);
            }
            drop(state);
            // It may be the last that holds a world, whose end takes its time.
            drop(seat);
        }
    }
}

#[cfg(test)]
#[path = "present_tests.rs"]
mod tests;
