//! Who may be connected at the same time.
//!
//! Whoever comes gets a place. If there is none left, somebody leaves who comes from the address that has most of them: who
//! has asked nothing, or so long ago that the answer was theirs to take, before who waits for an answer, the oldest before the
//! others. So nobody keeps others out by holding on to connections, and whoever connects again and again takes places from
//! itself.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::network::{IPV6_PREFIX, Network};

/// How long whoever has asked leaves after those who haven't. Answers are made at once, so it is the time to take one.
const ANSWERED: Duration = Duration::from_secs(2);

/// All places, in the order in which they were taken.
#[derive(Debug)]
pub(super) struct Places {
    all: usize,
    taken: Mutex<Taken>,
    /// Somebody left.
    left: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    by_age: BTreeMap<u64, Guest>,
}

#[derive(Debug)]
struct Guest {
    address: Network,
    asked: Option<Instant>,
    leave: CancellationToken,
}

/// One place; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    leave: CancellationToken,
}

impl Places {
    /// So many.
    pub(super) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self { all, taken: Mutex::default(), left: Notify::new() })
    }

    /// A place for somebody from this address. Waits at most until another one has left, who is told to.
    pub(super) async fn take(self: &Arc<Self>, ip: IpAddr) -> Place {
        let address = Network::of(ip, IPV6_PREFIX);
        loop {
            // Whoever leaves after the look wakes it, too.
            let left = self.left.notified();
            if let Some(place) = self.look(address) {
                return place;
            }
            left.await;
        }
    }

    fn look(self: &Arc<Self>, address: Network) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.by_age.len() < self.all {
            let (number, leave) = (taken.next, CancellationToken::new());
            taken.next += 1;
            taken.by_age.insert(number, Guest { address, asked: None, leave: leave.clone() });
            return Some(Place { places: Arc::clone(self), number, leave });
        }
        // One who is about to leave is enough.
        if !taken.by_age.values().any(|guest| guest.leave.is_cancelled()) {
            let mut counts: HashMap<Network, usize> = HashMap::new();
            for guest in taken.by_age.values() {
                *counts.entry(guest.address).or_default() += 1;
            }
            let waits = |guest: &Guest| guest.asked.is_some_and(|asked| asked.elapsed() < ANSWERED);
            let first = |guest: &&Guest| (Reverse(counts.get(&guest.address)), waits(guest));
            if let Some(guest) = taken.by_age.values().min_by_key(first) {
                guest.leave.cancel();
            }
        }
        None
    }
}

impl Place {
    /// A whole request has come: for the time of an answer, others of this address leave first.
    pub(super) fn asked(&self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guest) = taken.by_age.get_mut(&self.number) {
            guest.asked = Some(Instant::now());
        }
    }

    /// Until the place is for somebody else.
    pub(super) async fn is_needed(&self) {
        self.leave.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.by_age.remove(&self.number);
        drop(taken);
        self.places.left.notify_waiters();
    }
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;
