//! The connections that are open at the same time.
//!
//! Every new client gets a place. If there is none left, one connection of the address that has most of them is closed:
//! first those that have asked nothing, or so long ago that they could have read the answer, then those that wait for
//! an answer; the oldest first. So nobody keeps others out by holding connections, and a client that connects again and
//! again takes places from itself. Whoever may stay is passed over.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::network::{IPV6_PREFIX, Network};

/// How long connections with a request are kept longer than those without. Answers are made at once, so this is the
/// time to read one.
const ANSWERED: Duration = Duration::from_secs(2);

/// All places, in the order in which they were taken.
#[derive(Debug)]
pub(super) struct Places {
    all: usize,
    taken: Mutex<Taken>,
    /// Signals that a connection has been closed.
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
    /// It leaves when it wants, for nobody else.
    stays: bool,
    leave: CancellationToken,
}

/// One place; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    leave: CancellationToken,
}

impl Places {
    /// A number of places.
    pub(super) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self { all, taken: Mutex::default(), left: Notify::new() })
    }

    /// A place for a client from this address. Waits at most until another connection, which is told to close, is
    /// closed.
    pub(super) async fn take(self: &Arc<Self>, ip: IpAddr) -> Place {
        let address = Network::of(ip, IPV6_PREFIX);
        loop {
            // Created before the look, so that a connection which closes after it wakes the waiter, too.
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
            taken.by_age.insert(number, Guest { address, asked: None, stays: false, leave: leave.clone() });
            return Some(Place { places: Arc::clone(self), number, leave });
        }
        // One connection that is about to close is enough.
        if !taken.by_age.values().any(|guest| !guest.stays && guest.leave.is_cancelled()) {
            let mut counts: HashMap<Network, usize> = HashMap::new();
            for guest in taken.by_age.values() {
                *counts.entry(guest.address).or_default() += 1;
            }
            let waits = |guest: &Guest| guest.asked.is_some_and(|asked| asked.elapsed() < ANSWERED);
            let first = |guest: &&Guest| (Reverse(counts.get(&guest.address)), waits(guest));
            let others = taken.by_age.values().filter(|guest| !guest.stays);
            if let Some(guest) = others.min_by_key(first) {
                guest.leave.cancel();
            }
        }
        None
    }
}

impl Place {
    /// A whole request has arrived: for the time of an answer, other connections of this address are closed first.
    pub(super) fn asked(&self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guest) = taken.by_age.get_mut(&self.number) {
            guest.asked = Some(Instant::now());
        }
    }

    /// From now on the place is for nobody else. `false`: it is needed already.
    pub(super) fn stays(&self) -> bool {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.by_age.get_mut(&self.number) {
            Some(guest) if !guest.leave.is_cancelled() => {
                guest.stays = true;
                true
            }
            _ => false,
        }
    }

    /// Waits until the place is needed for another client.
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
