//! Failures and the locks that come of them, by network or by name.

use std::borrow::Borrow;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::Lockout;

/// The most networks, and the most names, of which anything is known. When there are more, those are forgotten first that would be
/// first anyway, and locks last.
pub(super) const MOST: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Record<K> {
    entries: HashMap<K, Entry>,
    /// The same in the order in which they are forgotten.
    order: BTreeSet<(bool, Instant, K)>,
}

impl<K> Default for Record<K> {
    fn default() -> Self {
        Self { entries: HashMap::new(), order: BTreeSet::new() }
    }
}

#[derive(Debug)]
struct Entry {
    /// The moments of the last ones; no more than lock.
    failures: VecDeque<Instant>,
    is_locked: bool,
    /// When the lock, or the first of these failures, began.
    began: Instant,
    /// When the lock, or the last failure, counts no more.
    until: Instant,
}

impl<K: Hash + Ord + Clone> Record<K> {
    pub(super) fn is_locked<Q: Hash + Eq + ?Sized>(&self, key: &Q, now: Instant) -> bool
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).is_some_and(|entry| entry.is_locked && now < entry.until)
    }

    /// Counts a failure; returns whether it begins a lock.
    pub(super) fn failed<Q: Hash + Eq + ToOwned<Owned = K> + ?Sized>(
        &mut self,
        key: &Q,
        lockout: &Lockout,
        now: Instant,
    ) -> bool
    where
        K: Borrow<Q>,
    {
        if self.is_locked(key, now) {
            return false;
        }
        let mut failures = self.remove(key).map_or_else(VecDeque::new, |entry| match entry.is_locked {
            // It is over, and counts no more.
            true => VecDeque::new(),
            false => entry.failures,
        });
        while failures.front().is_some_and(|first| now.duration_since(*first) >= lockout.within) {
            failures.pop_front();
        }
        failures.push_back(now);
        let is_locked = failures.len() >= lockout.failures;
        let (failures, began, until) = match is_locked {
            true => (VecDeque::new(), now, now + lockout.lasting),
            false => {
                let first = failures.front().copied().unwrap_or(now);
                (failures, first, now + lockout.within)
            }
        };
        self.insert(key.to_owned(), Entry { failures, is_locked, began, until });
        is_locked
    }

    /// Another replica has locked it; `false` if it is locked already, or if that is over.
    pub(super) fn lock<Q: Hash + Eq + ToOwned<Owned = K> + ?Sized>(
        &mut self,
        key: &Q,
        began: Instant,
        until: Instant,
        now: Instant,
    ) -> bool
    where
        K: Borrow<Q>,
    {
        if until <= now || self.is_locked(key, now) {
            return false;
        }
        self.remove(key);
        self.insert(key.to_owned(), Entry { failures: VecDeque::new(), is_locked: true, began, until });
        true
    }

    /// Keeps those entries whose key and beginning this says yes to.
    pub(super) fn retain(&mut self, stays: impl Fn(&K, Instant) -> bool) {
        let Self { entries, order } = self;
        entries.retain(|key, entry| stays(key, entry.began));
        order.retain(|(_, _, key)| entries.contains_key(key));
    }

    fn insert(&mut self, key: K, entry: Entry) {
        while self.entries.len() >= MOST
            && let Some((_, _, first)) = self.order.pop_first()
        {
            self.entries.remove(first.borrow());
        }
        self.order.insert((entry.is_locked, entry.until, key.clone()));
        self.entries.insert(key, entry);
    }

    fn remove<Q: Hash + Eq + ToOwned<Owned = K> + ?Sized>(&mut self, key: &Q) -> Option<Entry>
    where
        K: Borrow<Q>,
    {
        let entry = self.entries.remove(key)?;
        self.order.remove(&(entry.is_locked, entry.until, key.to_owned()));
        Some(entry)
    }

    /// Forgets the failures of a key; returns whether it was locked.
    pub(super) fn forget<Q: Hash + Eq + ToOwned<Owned = K> + ?Sized>(&mut self, key: &Q, now: Instant) -> bool
    where
        K: Borrow<Q>,
    {
        self.remove(key).is_some_and(|entry| entry.is_locked && now < entry.until)
    }

    /// All locks, how long each still holds, and how long it has.
    pub(super) fn locked(&self, now: Instant) -> impl Iterator<Item = (&K, Duration, Duration)> {
        let locks = self.order.iter().filter(move |(is_locked, until, _)| *is_locked && now < *until);
        locks.filter_map(move |(_, until, key)| {
            let age = now.saturating_duration_since(self.entries.get(key)?.began);
            Some((key, until.duration_since(now), age))
        })
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.entries.len(), self.order.len());
        self.entries.len()
    }
}
