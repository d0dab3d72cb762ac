//! What is told, as it is sent: JSON, in which a later version may add fields.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::accounts::{Having, Lock, MOST_TOLD};

/// What the fields mean. What is told by another version is not understood.
pub(super) const VERSION: u32 = 1;

/// The longest message, in bytes.
pub(super) const LONGEST: usize = 4 * 1024 * 1024;

/// The most entries of the lists that are no counters.
pub(super) const MOST: usize = 2048;

/// The longest name that is told, in bytes.
const NAME: usize = 1024;

/// What one replica tells another one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Telling {
    pub(super) version: u32,
    /// This is all there is. Otherwise it is what has changed.
    pub(super) all: bool,
    /// The next message goes on with that.
    pub(super) more: bool,
    /// It ends in good order, and holds nothing any more.
    pub(super) leaves: bool,
    /// For how many milliseconds it has been there, if this is all there is.
    pub(super) age_ms: Option<u64>,
    /// The replicas that it has heard.
    pub(super) knows: Vec<u16>,
    /// How many sessions are logged in, if that has changed.
    pub(super) logged_in: Option<u32>,
    /// Sessions, transfers, uploads and downloads of users; nothing at all if there are none any more.
    pub(super) users: Vec<(String, [u32; 4])>,
    pub(super) networks: Vec<(IpAddr, [u32; 4])>,
    /// What was lifted (`None`: everything), by a number of its own, and how many milliseconds ago.
    pub(super) lifts: Vec<(u64, Option<String>, u64)>,
    pub(super) locks: Vec<ToldLock>,
    /// Logins that have failed since.
    pub(super) failures: Vec<(IpAddr, u32)>,
    pub(super) name_failures: Vec<(String, u32)>,
    /// From where users have logged in.
    pub(super) logins: Vec<(String, IpAddr)>,
    /// What has changed in places with quotas.
    pub(super) quotas: Vec<ToldQuota>,
}

/// A lock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ToldLock {
    subject: String,
    is_name: bool,
    by_hand: bool,
    left_ms: u64,
    age_ms: u64,
}

/// What has changed in a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ToldQuota {
    pub(super) backend: String,
    pub(super) path: String,
    /// What these changes are counted since: another number, another count.
    pub(super) since: u64,
    /// All changes since then, in bytes and files.
    pub(super) bytes: i64,
    pub(super) files: i64,
    /// What uploads under way hold.
    pub(super) held_bytes: u64,
    pub(super) held_files: u64,
}

impl From<&Lock> for ToldLock {
    fn from(lock: &Lock) -> Self {
        let Lock { subject, is_name, left, age, by_hand } = lock;
        Self {
            subject: subject.clone(),
            is_name: *is_name,
            by_hand: *by_hand,
            left_ms: milliseconds(*left),
            age_ms: milliseconds(*age),
        }
    }
}

impl From<ToldLock> for Lock {
    fn from(lock: ToldLock) -> Self {
        let ToldLock { subject, is_name, by_hand, left_ms, age_ms } = lock;
        let (left, age) = (Duration::from_millis(left_ms), Duration::from_millis(age_ms));
        Self { subject, is_name, left, age, by_hand }
    }
}

pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// As it is sent.
pub(super) fn numbers(having: Having) -> [u32; 4] {
    [having.sessions, having.transfers, having.uploads, having.downloads]
}

/// What was sent.
pub(super) fn having([sessions, transfers, uploads, downloads]: [u32; 4]) -> Having {
    Having { sessions, transfers, uploads, downloads }
}

/// Those who have the most come first, and if there are too many, the others are not told of.
pub(super) fn most<K: Ord>(mut all: Vec<(K, [u32; 4])>) -> Vec<(K, [u32; 4])> {
    if all.len() > MOST_TOLD {
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.truncate(MOST_TOLD);
    }
    all
}

/// Whether a name is told of at all.
pub(super) fn is_tellable(name: &str) -> bool {
    name.len() <= NAME
}

impl Telling {
    /// Nothing, in as few bytes as may be: this replica is here.
    pub(super) fn nothing() -> Vec<u8> {
        format!("{{\"version\":{VERSION}}}").into_bytes()
    }

    /// As it is sent. Where that is too long, the ends of all lists are left out.
    pub(super) fn encode(mut self) -> Vec<u8> {
        self.version = VERSION;
        loop {
            // There is nothing in it that has no JSON.
            let bytes = serde_json::to_vec(&self).unwrap_or_default();
            if bytes.len() <= LONGEST {
                return bytes;
            }
            self.halve();
        }
    }

    fn halve(&mut self) {
        let Self { knows, users, networks, lifts, locks, failures, name_failures, logins, quotas, .. } = self;
        knows.truncate(knows.len() / 2);
        users.truncate(users.len() / 2);
        networks.truncate(networks.len() / 2);
        lifts.truncate(lifts.len() / 2);
        locks.truncate(locks.len() / 2);
        failures.truncate(failures.len() / 2);
        name_failures.truncate(name_failures.len() / 2);
        logins.truncate(logins.len() / 2);
        quotas.truncate(quotas.len() / 2);
    }

    /// What was sent; `None`: it makes no sense, or is of another version.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let told: Self = serde_json::from_slice(bytes).ok()?;
        (told.version == VERSION).then_some(told)
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
