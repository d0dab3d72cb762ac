//! Who may not even ask: addresses and names after too many failed logins, and addresses that connect too often.
//!
//! The plan. Failures are counted for the network of a client and for the name of a user. A network that is locked gets no session,
//! and no check of a password in the sessions that it has: a right password is of no use there. A name that is locked is refused as
//! a wrong password is, and takes as long, because strangers must not find out which names exist; so only names that do are counted.
//! But a user who is attacked from elsewhere must get in: a network from which the name logged in before is not concerned.
//!
//! What other replicas have to know of it, and what is heard of them, is in `news`.
//!
//! All of this outlives the accounts of one reading of the configuration, so it belongs to the limits of sessions, with which every
//! connection begins and every login comes. It is in memory alone, and each table has a bound.

mod bans;
mod known_places;
mod lifts;
mod news;
mod pace;
mod record;

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;

use self::bans::Bans;
pub use self::bans::{Subject, TooManyBans};
use self::known_places::KnownPlaces;
use self::lifts::Lifts;
pub(crate) use self::news::News;
use self::pace::Pace;
use self::record::Record;
use crate::config;
use crate::network::Network;

/// Who may not even ask.
#[derive(Debug)]
pub struct Guard {
    ipv6_prefix: u8,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    lockout: Option<config::Lockout>,
    /// What operators have locked, whatever the rules are.
    bans: Bans,
    networks: Record<Network>,
    names: Record<String>,
    places: KnownPlaces,
    pace: Option<Pace>,
    /// What operators have lifted.
    lifts: Lifts,
    /// How often locks have begun or were lifted.
    changes: u64,
    /// What other replicas have to be told, if there are any.
    news: Option<News>,
}

/// Why a connection is refused before anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bar {
    /// Its address is locked.
    Locked(LockedBy),
    /// Its address connects too often.
    TooFast,
}

/// Why an address, or a name, is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockedBy {
    /// Too many logins have failed.
    Failures,
    /// An operator wants it.
    Operator,
    /// It is in `lockout.always`.
    Configuration,
}

impl LockedBy {
    /// Why an address is locked, for operators.
    pub(super) fn of_address(self) -> &'static str {
        match self {
            Self::Failures => "too many logins from this address have failed",
            Self::Operator => "an operator has locked this address",
            Self::Configuration => "this address is in lockout.always",
        }
    }
}

/// What a failure has locked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct NewLocks {
    pub(super) address: bool,
    pub(super) name: bool,
}

/// Something that is locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The address, for IPv6 the first one of the network, or the name of the user.
    pub subject: String,
    /// Whether that is the name of a user.
    pub is_name: bool,
    /// How long it still is.
    pub left: Duration,
    /// How long it has been.
    pub age: Duration,
    /// Whether an operator has locked it.
    pub by_hand: bool,
}

impl Guard {
    /// Locks by these rules, if there are any, and admits new connections of an address at this rate.
    pub fn new(
        lockout: Option<config::Lockout>,
        connections_per_ip: Option<config::Rate>,
        ipv6_prefix: u8,
    ) -> Self {
        let state = State {
            lockout,
            bans: Bans::default(),
            networks: Record::default(),
            names: Record::default(),
            places: KnownPlaces::default(),
            pace: connections_per_ip.map(Pace::new),
            lifts: Lifts::default(),
            changes: 0,
            news: None,
        };
        Self { ipv6_prefix, state: Mutex::new(state) }
    }

    /// Other rules count from now on. What is locked stays so for as long as it was said, unless nothing locks any more.
    pub fn set(&self, lockout: Option<config::Lockout>, connections_per_ip: Option<config::Rate>) {
        let mut state = self.state();
        if lockout.is_none() {
            (state.networks, state.names) = (Record::default(), Record::default());
        }
        state.lockout = lockout;
        if state.pace.as_ref().map(Pace::rate) != connections_per_ip {
            state.pace = connections_per_ip.map(Pace::new);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No holder of the lock leaves it half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more connection from `ip` is refused.
    pub(super) fn bars(&self, ip: IpAddr, now: Instant) -> Option<Bar> {
        if let Some(by) = self.lock_of(ip, now) {
            return Some(Bar::Locked(by));
        }
        let network = Network::of(ip, self.ipv6_prefix);
        let is_too_fast = self.state().pace.as_mut().is_some_and(|pace| !pace.admits(network, now));
        is_too_fast.then_some(Bar::TooFast)
    }

    /// Why this address is locked, if it is.
    pub(super) fn lock_of(&self, ip: IpAddr, now: Instant) -> Option<LockedBy> {
        let state = self.state();
        if state.bans.has(ip, now) {
            return Some(LockedBy::Operator);
        }
        let rules = state.rules(ip)?;
        if has(&rules.always, ip) {
            return Some(LockedBy::Configuration);
        }
        state.networks.is_locked(&Network::of(ip, self.ipv6_prefix), now).then_some(LockedBy::Failures)
    }

    /// Why this name is locked for clients at this address, if it is.
    pub(super) fn lock_of_name(&self, name: &str, ip: IpAddr, now: Instant) -> Option<LockedBy> {
        let state = self.state();
        if state.bans.has_name(name, now) {
            return Some(LockedBy::Operator);
        }
        let is_locked = state.rules(ip).is_some()
            && state.names.is_locked(name, now)
            && !state.places.has(name, Network::of(ip, self.ipv6_prefix));
        is_locked.then_some(LockedBy::Failures)
    }

    /// A login from `ip` failed; `name` is that of a user whose password was wrong.
    pub(super) fn failed(&self, ip: IpAddr, name: Option<&str>, now: Instant) -> NewLocks {
        let mut state = self.state();
        let is_counted = state.rules(ip).is_some();
        let network = Network::of(ip, self.ipv6_prefix);
        let State { lockout: Some(lockout), networks, names, news, changes, .. } = &mut *state else {
            return NewLocks::default();
        };
        if let Some(news) = news {
            news.failed(is_counted.then_some(network), name);
        }
        let locks = NewLocks {
            address: is_counted && networks.failed(&network, lockout, now),
            name: name.is_some_and(|name| names.failed(name, lockout, now)),
        };
        *changes += u64::from(locks.address || locks.name);
        locks
    }

    /// This user has logged in from `ip`.
    pub(super) fn succeeded(&self, name: &str, ip: IpAddr) {
        let mut state = self.state();
        let network = Network::of(ip, self.ipv6_prefix);
        if state.lockout.is_some()
            && state.places.add(name, network)
            && let Some(news) = &mut state.news
        {
            news.logged_in(name, network);
        }
    }

    /// Locks an address, a network or a name for this time, as an operator wants it: neither `lockout.never` nor where the user was before
    /// makes a difference.
    ///
    /// # Errors
    /// [`TooManyBans`].
    pub fn ban(&self, subject: Subject, lasting: Duration) -> Result<(), TooManyBans> {
        let mut state = self.state();
        state.changes += 1;
        state.bans.add(subject, Instant::now(), lasting)
    }

    /// All that is locked now because of failures, or because an operator wants it.
    pub fn locks(&self) -> Vec<Lock> {
        let now = Instant::now();
        let state = self.state();
        let networks = state.networks.locked(now).map(|(network, left, age)| Lock {
            subject: network.address().to_string(),
            is_name: false,
            left,
            age,
            by_hand: false,
        });
        let names = state.names.locked(now).map(|(name, left, age)| Lock {
            subject: name.clone(),
            is_name: true,
            left,
            age,
            by_hand: false,
        });
        networks.chain(names).chain(state.bans.locks(now)).collect()
    }

    /// Lifts the locks of an address, or of a name, and forgets their failures; returns how many locks there were.
    pub fn lift(&self, subject: &str) -> usize {
        let now = Instant::now();
        let mut state = self.state();
        let address = subject.parse().ok().map(|ip: IpAddr| Network::of(ip, self.ipv6_prefix));
        let of_address = address.is_some_and(|network| state.networks.forget(&network, now));
        let by_hand = state.bans.lift(&Subject::parse(subject), now);
        state.lifts.add(Some(subject), now, self.ipv6_prefix);
        state.changes += 1;
        usize::from(of_address) + usize::from(state.names.forget(subject, now)) + usize::from(by_hand)
    }

    /// Lifts all locks, and forgets all failures; returns how many locks there were.
    pub fn lift_all(&self) -> usize {
        let now = Instant::now();
        let mut state = self.state();
        let locks = state.networks.locked(now).count()
            + state.names.locked(now).count()
            + state.bans.locks(now).count();
        state.bans = Bans::default();
        (state.networks, state.names) = (Record::default(), Record::default());
        state.lifts.add(None, now, self.ipv6_prefix);
        state.changes += 1;
        locks
    }
}

impl State {
    /// The rules, if they can lock this address.
    fn rules(&self, ip: IpAddr) -> Option<&config::Lockout> {
        self.lockout.as_ref().filter(|rules| !has(&rules.never, ip))
    }
}

fn has(networks: &[IpNet], ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    networks.iter().any(|network| network.contains(&ip))
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
