//! The cost of a login with a name that doesn't exist.
//!
//! The plan. A check takes the same time whether the name exists or not, so that nobody finds out by the clock which names
//! exist: the password for an unknown name is checked against the hash of some user. The name decides which user. The choice is
//! the same after a restart and on every replica, and it changes for few names when users come and go: a name whose cost changes
//! would be known not to exist. So the key of the choice is made of the configured hashes, which all replicas share and nobody
//! else knows, and the hashes to choose from are sorted by their cost.

use aws_lc_rs::{digest, hmac};

use crate::accounts::build::Known;
use crate::config::{Password, PasswordHash, PasswordHashError};

#[derive(Debug)]
pub(super) struct Decoys {
    key: hmac::Key,
    /// One for each user, so that costs are as frequent among unknown names as among known ones.
    /// `None` stands for a password in plain text, whose comparison costs nothing.
    sorted: Vec<Option<PasswordHash>>,
}

impl Decoys {
    /// Takes tens of milliseconds if there are no passwords, as it hashes.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub(super) fn of(known: &Known) -> Result<Self, PasswordHashError> {
        let mut hashes = Vec::new();
        known.for_each_password(|password| hashes.push(hash_of(password)));
        Self::of_hashes(hashes)
    }

    fn of_hashes(mut sorted: Vec<Option<PasswordHash>>) -> Result<Self, PasswordHashError> {
        if sorted.is_empty() {
            sorted.push(Some(PasswordHash::new("")?));
        }
        sorted.sort_by_cached_key(|hash| {
            hash.as_ref().map(|hash| (hash.cost().to_owned(), hash.as_str().to_owned()))
        });
        // One of the hashes is the key, the same one until just this one is taken away. Where no password is hashed, there is
        // nothing to choose.
        let digests =
            sorted.iter().flatten().map(|hash| digest::digest(&digest::SHA256, hash.as_str().as_bytes()));
        let secret = digests.map(|digest| digest.as_ref().to_vec()).min().unwrap_or_default();
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), sorted })
    }

    /// The hash to check a password against if there is no user of this name; `None` if the check costs nothing.
    pub(super) fn of_name(&self, name: &str) -> Option<&PasswordHash> {
        let tag = hmac::sign(&self.key, name.as_bytes());
        let mut start = [0; 8];
        start.copy_from_slice(&tag.as_ref()[..8]);
        let index = (u128::from(u64::from_be_bytes(start)) * self.sorted.len() as u128) >> 64;
        self.sorted[index as usize].as_ref()
    }
}

/// `None` stands for a password in plain text.
fn hash_of(password: &Password) -> Option<PasswordHash> {
    match password {
        Password::Hash(hash) => Some(hash.clone()),
        Password::Plain(_) => None,
    }
}

#[cfg(test)]
#[path = "decoys_tests.rs"]
mod tests;
