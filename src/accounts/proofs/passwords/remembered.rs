//! Passwords that were right a moment ago.
//!
//! Devices log in anew for each file, and a check by argon2id takes a core for tens of milliseconds. So a password that was
//! right is remembered for some minutes, only in memory: as a keyed hash of the name, the account's hash and the password, with
//! a random key for each process. When an account gets another password, its hash changes, and the remembered one fits no more.
//! A wrong password fits nothing that is remembered, so its check costs what it always costs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::{hmac, rand};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use crate::config::{PasswordHash, PasswordHashError};

/// The most users whose passwords are remembered.
const MOST: usize = 16 * 1024;

/// The keyed hash of a name, the hash of its account and a password.
pub(super) type Tag = [u8; 32];

/// One password for each user.
#[derive(Debug)]
pub(super) struct Remembered {
    key: hmac::Key,
    most: usize,
    entries: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    tag: Tag,
    since: Instant,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("since", &self.since).finish_non_exhaustive()
    }
}

impl Remembered {
    /// Remembers nothing yet.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub(super) fn new() -> Result<Self, PasswordHashError> {
        let random = rand::SystemRandom::new();
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &random)
            .map_err(|_| PasswordHashError::Hashing("the system has no random bytes".to_owned()))?;
        Ok(Self { key, most: MOST, entries: Mutex::default() })
    }

    /// The keyed hash of this password of an account. It is computed for names that don't exist, too, so that they take as long.
    pub(super) fn tag(&self, name: &str, hash: &PasswordHash, password: &str) -> Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [name, hash.as_str(), password] {
            // So that no part can end where another one begins.
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let mut tag = Tag::default();
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    /// Whether this password was right a moment ago: no longer ago than `lifetime`.
    pub(super) fn knows(&self, name: &str, tag: &Tag, lifetime: Duration) -> bool {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, fresh) = match entries.get(name) {
            Some(entry) => (entry.tag, entry.since.elapsed() < lifetime),
            None => (Tag::default(), false),
        };
        drop(entries);
        bool::from(known.ct_eq(tag)) && fresh
    }

    /// Remembers this password, which was right just now, for so long; not at all if that is no time.
    pub(super) fn remember(&self, name: &str, tag: Tag, lifetime: Duration) {
        if lifetime.is_zero() {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.most && !entries.contains_key(name) {
            entries.retain(|_, entry| entry.since.elapsed() < lifetime);
            // It comes in by a check, so it is not often that one is looked for.
            if entries.len() >= self.most
                && let Some(oldest) = entries.iter().min_by_key(|(_, entry)| entry.since)
            {
                let oldest = oldest.0.clone();
                entries.remove(&oldest);
            }
        }
        entries.insert(name.to_owned(), Entry { tag, since: Instant::now() });
    }

    /// Remembers nothing of this user any more.
    pub(super) fn forget(&self, name: &str) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Remembers nothing any more of users for whom this does not hold.
    pub(super) fn keep(&self, holds: impl Fn(&str) -> bool) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| holds(name));
    }
}

#[cfg(test)]
#[path = "remembered_tests.rs"]
mod tests;
