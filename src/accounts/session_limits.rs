//! The limits on the number of sessions, and which session gives way.
//!
//! The plan. Every connection takes a place, and keeps it for good when it logs in. If all places are taken, a session that has
//! not logged in gives way to a new one: the oldest session of the network that has the most of them, if that network has more
//! of them than the newcomer's. So a flood takes places from itself, and clients that have logged in, or log in at once, are not
//! touched.
//!
//! If all places of one network are taken, its own oldest session gives way, provided that it has had its time to log in and
//! waits for nothing. A session that has just connected, or whose password is being checked, does not give way: many devices
//! behind one address would throw each other out, and none of them would ever finish. Sessions that wait for the answer to a
//! failed login keep their places, too: otherwise guessing would be as fast as connecting. But they keep only half of the
//! places: otherwise guesses would keep everybody else behind that address out.
//!
//! Of other replicas, sessions count that are logged in there, and when somebody logs in here (`SessionPermit::is_crowded`). Whoever
//! only connects takes places of the replica alone that it connects to: otherwise connections that never log in at one of them
//! would keep everybody behind that address out of all.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::elsewhere::Elsewhere;
use super::guard::{Bar, Guard, LockedBy};
use crate::network::Network;

/// The time that a new session has to log in before another one of its network can take its place.
const YOUNG: Duration = Duration::from_secs(3);

/// Counts sessions, in all and for each network.
#[derive(Debug)]
pub struct SessionLimits {
    ipv6_prefix: u8,
    guard: Guard,
    /// Sessions of a network in other replicas count, too.
    elsewhere: Arc<Elsewhere>,
    /// The most sessions of all replicas.
    most_of_all: Option<usize>,
    /// No new sessions and no new logins.
    is_draining: AtomicBool,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// The most in all, and of one network.
    most: usize,
    most_per_ip: usize,
    next: u64,
    total: usize,
    /// How often the number of sessions of a network that are logged in has changed.
    changes: u64,
    networks: HashMap<Network, Sessions>,
    /// Networks with sessions that have not logged in, sorted by their number; of networks with equally many, the one with the
    /// oldest session is last.
    strangers: BTreeSet<(usize, Reverse<u64>, Network)>,
}

/// The sessions of one network.
#[derive(Debug, Default)]
struct Sessions {
    all: usize,
    /// Sessions that have not logged in, and since when.
    strangers: BTreeMap<u64, (CancellationToken, Instant)>,
    /// Sessions whose passwords are being checked.
    checked: BTreeMap<u64, CancellationToken>,
    /// Sessions whose login has failed, and which wait for the reply.
    failed: BTreeMap<u64, CancellationToken>,
}

/// Why a session was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooManySessions {
    /// The server has as many sessions as it may have.
    #[error("the server has as many sessions as it may have")]
    InAll,
    /// This address, or its network, has as many sessions as it may have.
    #[error("this address has as many sessions as it may have")]
    FromThisAddress,
    /// This address, or its network, is locked.
    #[error("{}", .0.of_address())]
    LockedOut(LockedBy),
    /// This address, or its network, connects more often than it may.
    #[error("this address connects too often")]
    TooFast,
    /// An operator wants no new sessions.
    #[error("the server takes no new sessions for now")]
    Draining,
}

/// The place of one session; given back when it is dropped, or when a new session takes it.
#[derive(Debug)]
pub struct SessionPermit {
    limits: Arc<SessionLimits>,
    network: Network,
    number: u64,
    displaced: CancellationToken,
}

impl SessionLimits {
    /// Limits on all sessions, and on those of one IPv4 address or IPv6 network; the latter has a prefix of this many bits.
    pub fn new(sessions: usize, sessions_per_ip: usize, ipv6_prefix: u8) -> Self {
        let guard = Guard::new(None, None, ipv6_prefix);
        let open = Open { most: sessions, most_per_ip: sessions_per_ip, ..Open::default() };
        let (elsewhere, is_draining) = (Arc::default(), AtomicBool::new(false));
        let open = Mutex::new(open);
        Self { ipv6_prefix, guard, elsewhere, most_of_all: None, is_draining, open }
    }

    /// The same, where others count as well, and all together may have so many sessions.
    #[must_use]
    pub fn beside(self, elsewhere: &Arc<Elsewhere>, most_of_all: Option<usize>) -> Self {
        Self { elsewhere: Arc::clone(elsewhere), most_of_all, ..self }
    }

    /// Whether there is no place for one more: here, or in all replicas. Of others, those count that are logged in: a flood
    /// there takes no places here.
    fn is_full(&self, open: &Open) -> bool {
        let all = || open.total + self.elsewhere.logged_in();
        open.total >= open.most || self.most_of_all.is_some_and(|most| all() >= most)
    }

    /// How many leading bits of an IPv6 address are a network.
    pub(crate) fn ipv6_prefix(&self) -> u8 {
        self.ipv6_prefix
    }

    /// The sessions of each network that are logged in, unless nothing has changed since `seen`, which is what this was at the
    /// last time.
    pub(crate) fn networks(&self, seen: &mut u64) -> Option<Vec<(Network, u32)>> {
        let open = self.open();
        if std::mem::replace(seen, open.changes) == open.changes {
            return None;
        }
        let count = |sessions: &Sessions| u32::try_from(sessions.logged_in()).unwrap_or(u32::MAX);
        let networks = open.networks.iter().map(|(network, sessions)| (*network, count(sessions)));
        Some(networks.filter(|(_, count)| *count > 0).collect())
    }

    /// The same, with a guard before them.
    #[must_use]
    pub fn guarded_by(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// The guard that every connection and every login passes.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Other limits count from now on. Sessions that are open stay so.
    pub fn set(&self, sessions: usize, sessions_per_ip: usize) {
        let mut open = self.open();
        (open.most, open.most_per_ip) = (sessions, sessions_per_ip);
    }

    /// Takes no new sessions and no new logins, or takes them again. Those that are logged in go on.
    pub fn drain(&self, is_draining: bool) {
        self.is_draining.store(is_draining, Ordering::Release);
    }

    /// Whether there are no new sessions and no new logins.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// Asks for one more session from `ip`.
    ///
    /// # Errors
    /// [`TooManySessions`], which says which limit is reached.
    pub fn admit(self: &Arc<Self>, ip: IpAddr) -> Result<SessionPermit, TooManySessions> {
        self.admit_at(ip, Instant::now())
    }

    fn admit_at(self: &Arc<Self>, ip: IpAddr, now: Instant) -> Result<SessionPermit, TooManySessions> {
        if self.is_draining() {
            return Err(TooManySessions::Draining);
        }
        match self.guard.bars(ip, now) {
            None => {}
            Some(Bar::Locked(by)) => return Err(TooManySessions::LockedOut(by)),
            Some(Bar::TooFast) => return Err(TooManySessions::TooFast),
        }
        let network = Network::of(ip, self.ipv6_prefix);
        let mut open = self.open();
        let sessions = open.networks.get(&network);
        let own = sessions.map_or(0, Sessions::strangers);
        let all = sessions.map_or(0, |sessions| sessions.all);
        if all >= open.most_per_ip {
            let oldest = sessions.and_then(|sessions| sessions.strangers.first_key_value());
            let oldest = oldest.filter(|(_, (_, since))| now.saturating_duration_since(*since) >= YOUNG);
            let oldest = oldest.map(|(number, _)| *number);
            open.displace(network, oldest.ok_or(TooManySessions::FromThisAddress)?);
        } else if self.is_full(&open) {
            let busiest = open.strangers.last().filter(|(count, ..)| *count > own);
            let &(_, Reverse(oldest), busiest) = busiest.ok_or(TooManySessions::InAll)?;
            open.displace(busiest, oldest);
        }
        let (number, displaced) = (open.next, CancellationToken::new());
        open.next += 1;
        open.total += 1;
        open.change(network, |sessions| {
            sessions.all += 1;
            sessions.strangers.insert(number, (displaced.clone(), now));
        });
        Ok(SessionPermit { limits: Arc::clone(self), network, number, displaced })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Changes the sessions of a network, and its place among the others with it.
    fn change(&mut self, network: Network, change: impl FnOnce(&mut Sessions)) {
        let sessions = self.networks.entry(network).or_default();
        let (before, logged_in) = (sessions.place(network), sessions.logged_in());
        change(sessions);
        let (after, is_empty) = (sessions.place(network), sessions.all == 0);
        self.changes += u64::from(sessions.logged_in() != logged_in);
        if before != after {
            before.map(|place| self.strangers.remove(&place));
            self.strangers.extend(after);
        }
        if is_empty {
            self.networks.remove(&network);
        }
    }

    fn displace(&mut self, network: Network, number: u64) {
        self.total = self.total.saturating_sub(1);
        self.change(network, |sessions| {
            sessions.all = sessions.all.saturating_sub(1);
            let displaced = sessions.remove(number);
            displaced.inspect(CancellationToken::cancel);
        });
    }
}

impl Sessions {
    /// The number of sessions that have not logged in.
    fn strangers(&self) -> usize {
        self.strangers.len() + self.checked.len() + self.failed.len()
    }

    fn logged_in(&self) -> usize {
        self.all.saturating_sub(self.strangers())
    }

    fn place(&self, network: Network) -> Option<(usize, Reverse<u64>, Network)> {
        let waiting = [&self.checked, &self.failed].into_iter().filter_map(|kind| kind.keys().next());
        let oldest = waiting.chain(self.strangers.keys().next()).min()?;
        Some((self.strangers(), Reverse(*oldest), network))
    }

    fn remove(&mut self, number: u64) -> Option<CancellationToken> {
        let stranger = self.strangers.remove(&number).map(|(token, _)| token);
        stranger.or_else(|| self.checked.remove(&number)).or_else(|| self.failed.remove(&number))
    }
}

impl SessionPermit {
    /// Notes that the client has logged in: from now on no other session can take its place. `false` if one already has.
    pub fn logged_in(&self) -> bool {
        self.change(|sessions| drop(sessions.remove(self.number)))
    }

    /// Notes that the client is logged in no more.
    pub fn logged_out(&self) {
        let stranger = (self.displaced.clone(), Instant::now());
        self.change(|sessions| drop(sessions.strangers.insert(self.number, stranger)));
    }

    /// Notes that a password is being checked, until [`answered`](Self::answered), [`failed`](Self::failed) or
    /// [`logged_in`](Self::logged_in).
    pub fn asked(&self) {
        self.change(|sessions| {
            if let Some(token) = sessions.remove(self.number) {
                sessions.checked.insert(self.number, token);
            }
        });
    }

    /// Notes that a login failed, and that its answer is delayed until [`answered`](Self::answered). If too many wait for such an
    /// answer, the oldest of them has to leave.
    pub fn failed(&self) {
        let mut open = self.limits.open();
        if self.displaced.is_cancelled() {
            return;
        }
        let most = open.most_per_ip.div_ceil(2);
        let mut too_many = None;
        open.change(self.network, |sessions| {
            if let Some(token) = sessions.remove(self.number) {
                sessions.failed.insert(self.number, token);
            }
            let oldest = sessions.failed.keys().next().copied();
            too_many = oldest.filter(|_| sessions.failed.len() > most);
        });
        if let Some(oldest) = too_many {
            open.displace(self.network, oldest);
        }
    }

    /// Notes that the client got the reply to its login, and can try again.
    pub fn answered(&self) {
        let since = Instant::now();
        self.change(|sessions| {
            if let Some(token) = sessions.remove(self.number) {
                sessions.strangers.insert(self.number, (token, since));
            }
        });
    }

    /// Whether the address has as many sessions as it may have without this one, which is not logged in, because of what others
    /// have that are logged in in other replicas. What is open here counts when a session begins.
    pub(super) fn is_crowded(&self) -> bool {
        let elsewhere = self.limits.elsewhere.network(self.network).sessions as usize;
        if elsewhere == 0 {
            return false;
        }
        let open = self.limits.open();
        let here = open.networks.get(&self.network).map_or(0, Sessions::logged_in);
        here + elsewhere >= open.most_per_ip
    }

    /// Whether there are no new logins.
    pub(super) fn is_draining(&self) -> bool {
        self.limits.is_draining()
    }

    /// The guard that every login passes.
    pub(super) fn guard(&self) -> &Guard {
        &self.limits.guard
    }

    /// Waits until the session has to give way to another one.
    pub async fn displaced(&self) {
        self.displaced.cancelled().await;
    }

    /// `false` if the session has no place any more.
    fn change(&self, change: impl FnOnce(&mut Sessions)) -> bool {
        let mut open = self.limits.open();
        // It is cancelled under the lock.
        if self.displaced.is_cancelled() {
            return false;
        }
        open.change(self.network, change);
        true
    }
}

impl Drop for SessionPermit {
    fn drop(&mut self) {
        let mut open = self.limits.open();
        if self.displaced.is_cancelled() {
            return;
        }
        open.total = open.total.saturating_sub(1);
        open.change(self.network, |sessions| {
            sessions.all = sessions.all.saturating_sub(1);
            sessions.remove(self.number);
        });
    }
}

#[cfg(test)]
#[path = "session_limits_tests.rs"]
mod tests;
