//! What other replicas have to know: failures as they come, locks, and what lifts them.
//!
//! The plan. Each failure is told to all and counted by all, so all of them lock at the same count, within a second or two. Locks are
//! told as well, for replicas that were away: whoever hears of a lock has it from then on, so it outlives the replica that it
//! began in. A lift is told with a number and its age, and remembered: it ends locks that began before it, also those that come back with a
//! replica that was away.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::bans::Subject;
use super::lifts::Held;
use super::{Guard, Lock, State};
use crate::config;
use crate::network::Network;

/// The most of each kind that is kept until it is told. What comes on top of it within a second is not told.
const MOST: usize = 1024;

/// The longest lock that is believed.
const LONGEST: Duration = Duration::from_secs(3653 * 24 * 60 * 60);

/// What happened since it was told last.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Failed logins.
    pub(crate) failures: HashMap<Network, u32>,
    /// The same, by the names of users.
    pub(crate) name_failures: HashMap<String, u32>,
    /// Logins from where the user was not known before.
    pub(crate) logins: Vec<(String, Network)>,
}

impl News {
    pub(super) fn failed(&mut self, network: Option<Network>, name: Option<&str>) {
        if let Some(network) = network
            && (self.failures.len() < MOST || self.failures.contains_key(&network))
        {
            *self.failures.entry(network).or_default() += 1;
        }
        if let Some(name) = name
            && (self.name_failures.len() < MOST || self.name_failures.contains_key(name))
        {
            *self.name_failures.entry(name.to_owned()).or_default() += 1;
        }
    }

    pub(super) fn logged_in(&mut self, name: &str, network: Network) {
        if self.logins.len() < MOST {
            self.logins.push((name.to_owned(), network));
        }
    }
}

impl Guard {
    /// There are other replicas, which are told from now on.
    pub(crate) fn has_others(&self) {
        self.state().news.get_or_insert_default();
    }

    /// What happened since the last time.
    pub(crate) fn take_news(&self) -> News {
        self.state().news.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// How often locks have begun or were lifted.
    pub(crate) fn changes(&self) -> u64 {
        self.state().changes
    }

    /// What was lifted, by a number of its own, and how long ago.
    pub(crate) fn lifts(&self) -> Vec<(u64, Option<String>, Duration)> {
        self.state().lifts.all(Instant::now()).collect()
    }

    /// How often something was lifted.
    pub(crate) fn lift_changes(&self) -> u64 {
        self.state().lifts.changes()
    }

    /// From where users have logged in last.
    pub(crate) fn places(&self, most: usize) -> Vec<(String, Network)> {
        self.state().places.latest(most)
    }

    /// So many logins from there have failed in another replica.
    pub(crate) fn failed_elsewhere(&self, ip: IpAddr, times: u32) {
        let mut state = self.state();
        let is_counted = state.rules(ip).is_some();
        let network = Network::of(ip, self.ipv6_prefix);
        let State { lockout: Some(lockout), networks, changes, .. } = &mut *state else { return };
        if is_counted {
            let failed = |_| networks.failed(&network, lockout, Instant::now());
            *changes += u64::from(counted(times, lockout).any(failed));
        }
    }

    /// So many logins of this user have failed in another replica.
    pub(crate) fn name_failed_elsewhere(&self, name: &str, times: u32) {
        let mut state = self.state();
        let State { lockout: Some(lockout), names, changes, .. } = &mut *state else { return };
        let failed = |_| names.failed(name, lockout, Instant::now());
        *changes += u64::from(counted(times, lockout).any(failed));
    }

    /// This user has logged in from there in another replica.
    pub(crate) fn succeeded_elsewhere(&self, name: &str, ip: IpAddr) {
        let mut state = self.state();
        if state.lockout.is_some() {
            state.places.add(name, Network::of(ip, self.ipv6_prefix));
        }
    }

    /// Another replica has this lock. Says whether it is new here.
    pub(crate) fn adopt(&self, lock: &Lock) -> bool {
        let now = Instant::now();
        let Lock { subject, is_name, left, age, by_hand } = lock;
        let Some(until) = now.checked_add((*left).min(LONGEST)).filter(|until| *until > now) else {
            return false;
        };
        let began = now.checked_sub(*age).unwrap_or(now);
        let mut state = self.state();
        let is_new = match (by_hand, is_name) {
            (true, _) => {
                let subject = if *is_name { Subject::Name(subject.clone()) } else { Subject::parse(subject) };
                !state.lifts.ended(Held::ByHand(&subject), began)
                    && state.bans.adopt(subject, began, until, now)
            }
            (false, true) => {
                let is_over = state.lifts.ended(Held::Name(subject), began);
                !is_over && state.lockout.is_some() && state.names.lock(subject.as_str(), began, until, now)
            }
            (false, false) => subject.parse().is_ok_and(|ip: IpAddr| {
                let network = Network::of(ip, self.ipv6_prefix);
                !state.lifts.ended(Held::Network(network), began)
                    && state.rules(ip).is_some()
                    && state.networks.lock(&network, began, until, now)
            }),
        };
        state.changes += u64::from(is_new);
        is_new
    }

    /// Another replica has lifted these locks so long ago; `None`: all locks. Says whether that is new here.
    pub(crate) fn lifted_elsewhere(&self, number: u64, subject: Option<&str>, age: Duration) -> bool {
        let now = Instant::now();
        let at = now.checked_sub(age).unwrap_or(now);
        let mut state = self.state();
        if !state.lifts.hear(number, subject, at, self.ipv6_prefix) {
            return false;
        }
        state.changes += 1;
        let State { lifts, bans, networks, names, .. } = &mut *state;
        bans.retain(|subject, began| !lifts.ended(Held::ByHand(subject), began));
        networks.retain(|network, began| !lifts.ended(Held::Network(*network), began));
        names.retain(|name, began| !lifts.ended(Held::Name(name), began));
        true
    }
}

/// More than lock count for nothing.
fn counted(times: u32, lockout: &config::Lockout) -> std::ops::Range<usize> {
    0..(times as usize).min(lockout.failures)
}

#[cfg(test)]
#[path = "news_tests.rs"]
mod tests;
