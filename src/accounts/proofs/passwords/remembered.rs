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
    lifetime: Duration,
    most: usize,
    entries: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    tag: Tag,
    until: Instant,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("until", &self.until).finish_non_exhaustive()
    }
}

impl Remembered {
    /// Remembers each password for this time after its check; none if the time is zero.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub(super) fn new(lifetime: Duration) -> Result<Self, PasswordHashError> {
        let random = rand::SystemRandom::new();
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &random)
            .map_err(|_| PasswordHashError::Hashing("the system has no random bytes".to_owned()))?;
        Ok(Self { key, lifetime, most: MOST, entries: Mutex::default() })
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

    /// Whether this password was right a moment ago.
    pub(super) fn knows(&self, name: &str, tag: &Tag) -> bool {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, fresh) = match entries.get(name) {
            Some(entry) => (entry.tag, Instant::now() < entry.until),
            None => (Tag::default(), false),
        };
        drop(entries);
        bool::from(known.ct_eq(tag)) && fresh
    }

    /// Remembers this password, which was right just now.
    pub(super) fn remember(&self, name: &str, tag: Tag) {
        if self.lifetime.is_zero() {
            return;
        }
        let now = Instant::now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.most && !entries.contains_key(name) {
            entries.retain(|_, entry| now < entry.until);
            // It comes in by a check, so it is not often that one is looked for.
            if entries.len() >= self.most
                && let Some(oldest) = entries.iter().min_by_key(|(_, entry)| entry.until)
            {
                let oldest = oldest.0.clone();
                entries.remove(&oldest);
            }
        }
        entries.insert(name.to_owned(), Entry { tag, until: now + self.lifetime });
    }
}

#[cfg(test)]
#[path = "remembered_tests.rs"]
mod tests;
