//! What there is to tell.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use super::wire::{MOST, Telling, ToldQuota, is_tellable, milliseconds, most, numbers};
use crate::accounts::{Having, Lasting, Lock, MOST_TOLD, SessionLimits};
use crate::network::Network;
use crate::visit::Made;

/// What users or networks have, as it is told.
type Numbers<K> = HashMap<K, [u32; 4]>;

/// What was told last, from which the next telling differs.
#[derive(Debug, Default)]
pub(super) struct Collector {
    seen_users: Seen<String>,
    seen_networks: Seen<Network>,
    /// Transfers shared a bandwidth, or counted for a limit, at the last look.
    was_moving: bool,
    logged_in: u32,
    users: Numbers<String>,
    networks: Numbers<IpAddr>,
    /// How often locks had changed; the locks by their subjects, with the moment in which they began, roughly.
    locks_changed: u64,
    lifts_changed: u64,
    locks: HashMap<(String, bool, bool), tokio::time::Instant>,
    quotas: HashMap<(String, String), Made>,
}

/// The sessions of the last look, which are those of now unless something has changed.
#[derive(Debug)]
struct Seen<K> {
    changes: u64,
    sessions: Vec<(K, u32)>,
}

impl<K> Default for Seen<K> {
    fn default() -> Self {
        // Nobody has counted so far.
        Self { changes: u64::MAX, sessions: Vec::new() }
    }
}

impl Collector {
    /// What has changed since the last time; `None`: nothing.
    pub(super) fn changes(&mut self, accounts: &Lasting, limits: &SessionLimits) -> Option<Telling> {
        let mut telling = Telling::default();
        if let Some((users, networks)) = self.counters(accounts, limits) {
            telling.users = differences(&self.users, &users);
            telling.networks = differences(&self.networks, &networks);
            (self.users, self.networks) = (users, networks);
            let sessions = self.seen_users.sessions.iter();
            let logged_in = sessions.fold(0, |sum: u32, (_, count)| sum.saturating_add(*count));
            if std::mem::replace(&mut self.logged_in, logged_in) != logged_in {
                telling.logged_in = Some(logged_in);
            }
        }
        let guard = limits.guard();
        let news = guard.take_news();
        telling.failures =
            news.failures.into_iter().map(|(network, times)| (network.address(), times)).collect();
        telling.name_failures =
            news.name_failures.into_iter().filter(|(name, _)| is_tellable(name)).collect();
        telling.logins = logins(news.logins);
        let changed = guard.changes();
        // It changes below if not all could be told.
        if std::mem::replace(&mut self.locks_changed, changed) != changed {
            let locks = guard.locks();
            let known = std::mem::take(&mut self.locks);
            for lock in locks.iter().filter(|lock| is_tellable(&lock.subject)) {
                let key = (lock.subject.clone(), lock.is_name, lock.by_hand);
                let now = tokio::time::Instant::now();
                let began = now.checked_sub(lock.age).unwrap_or(now);
                // Those of others are told on: who has told of them may be gone.
                match known.get(&key) {
                    Some(before) if began <= *before + super::TICK => drop(self.locks.insert(key, *before)),
                    _ if telling.locks.len() < MOST => {
                        telling.locks.push(lock.into());
                        self.locks.insert(key, began);
                    }
                    // The next time.
                    _ => self.locks_changed = u64::MAX,
                }
            }
        }
        let lifted = guard.lift_changes();
        if std::mem::replace(&mut self.lifts_changed, lifted) != lifted {
            telling.lifts = lifts(limits);
        }
        telling.quotas = self.quotas(made(accounts));
        (telling != Telling::default()).then_some(telling)
    }

    /// What has changed in places with quotas: so many of them as there is room for, the others the next time.
    pub(super) fn quotas(&mut self, now: HashMap<(String, String), Made>) -> Vec<ToldQuota> {
        let mut quotas = Vec::new();
        // Nothing is held any more in a place that is gone.
        let gone: Vec<_> =
            self.quotas.keys().filter(|place| !now.contains_key(*place)).take(MOST).cloned().collect();
        for place in gone {
            let made = self.quotas.remove(&place);
            quotas.extend(made.map(|made| ToldQuota { held_bytes: 0, held_files: 0, ..told(&made) }));
        }
        for (place, made) in now {
            if quotas.len() < MOST && self.quotas.get(&place) != Some(&made) {
                quotas.push(told(&made));
                self.quotas.insert(place, made);
            }
        }
        quotas
    }

    /// Everything, as it was when it was told last, in several messages if it is much.
    pub(super) fn all(&self, limits: &SessionLimits, knows: Vec<u16>) -> Vec<Telling> {
        let guard = limits.guard();
        let locks: Vec<Lock> =
            guard.locks().into_iter().filter(|lock| is_tellable(&lock.subject)).take(MOST).collect();
        let quotas: Vec<_> = self.quotas.values().map(told).collect();
        let mut parts = quotas.chunks(MOST).map(<[ToldQuota]>::to_vec);
        let first = Telling {
            all: true,
            knows,
            logged_in: Some(self.logged_in),
            users: most(self.users.iter().map(|(user, having)| (user.clone(), *having)).collect()),
            networks: most(self.networks.iter().map(|(network, having)| (*network, *having)).collect()),
            lifts: lifts(limits),
            locks: locks.iter().map(Into::into).collect(),
            logins: logins(guard.places(MOST)),
            quotas: parts.next().unwrap_or_default(),
            ..Telling::default()
        };
        let mut all = vec![first];
        all.extend(parts.map(|quotas| Telling { quotas, ..Telling::default() }));
        let last = all.len() - 1;
        all[..last].iter_mut().for_each(|telling| telling.more = true);
        all
    }

    /// What users and networks have; `None`: what they had at the last look.
    fn counters(
        &mut self,
        accounts: &Lasting,
        limits: &SessionLimits,
    ) -> Option<(Numbers<String>, Numbers<IpAddr>)> {
        let (users, networks) =
            (accounts.users(&mut self.seen_users.changes), limits.networks(&mut self.seen_networks.changes));
        let (mut moving_users, mut moving_networks) = (Vec::new(), Vec::new());
        accounts.counts.having(
            |user, having| {
                if having != Having::default() && is_tellable(user) {
                    moving_users.push((user.to_owned(), having));
                }
            },
            |network, having| {
                if having != Having::default() {
                    moving_networks.push((network.address(), having));
                }
            },
        );
        let is_moving = !moving_users.is_empty() || !moving_networks.is_empty();
        let was_moving = std::mem::replace(&mut self.was_moving, is_moving);
        if users.is_none() && networks.is_none() && !is_moving && !was_moving {
            return None;
        }
        self.seen_users.sessions = users.unwrap_or_else(|| std::mem::take(&mut self.seen_users.sessions));
        self.seen_networks.sessions =
            networks.unwrap_or_else(|| std::mem::take(&mut self.seen_networks.sessions));
        let sessions = |sessions: u32| Having { sessions, ..Having::default() };
        let users = self.seen_users.sessions.iter().filter(|(user, _)| is_tellable(user));
        let users = users.map(|(user, count)| (user.clone(), sessions(*count)));
        let networks = self.seen_networks.sessions.iter();
        let networks = networks.map(|(network, count)| (network.address(), sessions(*count)));
        Some((told_of(users.chain(moving_users)), told_of(networks.chain(moving_networks))))
    }
}

fn told_of<K: Hash + Ord>(all: impl Iterator<Item = (K, Having)>) -> Numbers<K> {
    let mut sums: HashMap<K, Having> = HashMap::new();
    for (key, having) in all {
        let sum = sums.entry(key).or_default();
        *sum = sum.plus(having);
    }
    most(sums.into_iter().map(|(key, having)| (key, numbers(having))).collect()).into_iter().collect()
}

/// What is different now, with nothing for what is gone.
fn differences<K: Hash + Eq + Clone>(before: &Numbers<K>, now: &Numbers<K>) -> Vec<(K, [u32; 4])> {
    let gone = before.keys().filter(|key| !now.contains_key(key)).map(|key| (key.clone(), [0; 4]));
    // First, so that there is room for those who come.
    let changed = now.iter().filter(|(key, having)| before.get(key) != Some(having));
    gone.chain(changed.map(|(key, having)| (key.clone(), *having))).take(2 * MOST_TOLD).collect()
}

fn lifts(limits: &SessionLimits) -> Vec<(u64, Option<String>, u64)> {
    let tellable = |subject: &Option<String>| subject.as_deref().is_none_or(is_tellable);
    let lifts = limits.guard().lifts().into_iter().filter(|(_, subject, _)| tellable(subject));
    lifts.map(|(number, subject, age)| (number, subject, milliseconds(age))).collect()
}

fn logins(places: Vec<(String, Network)>) -> Vec<(String, IpAddr)> {
    let places = places.into_iter().filter(|(name, _)| is_tellable(name));
    places.map(|(name, network)| (name, network.address())).collect()
}

fn made(accounts: &Lasting) -> HashMap<(String, String), Made> {
    let made = accounts.quotas.made().into_iter().filter(|made| is_tellable(&made.path));
    made.map(|made| ((made.backend.clone(), made.path.clone()), made)).collect()
}

fn told(made: &Made) -> ToldQuota {
    let Made { backend, path, since, bytes, files, held } = made;
    ToldQuota {
        backend: backend.clone(),
        path: path.clone(),
        since: *since,
        bytes: *bytes,
        files: *files,
        held_bytes: held.bytes,
        held_files: held.files,
    }
}

#[cfg(test)]
#[path = "collect_tests.rs"]
mod tests;
