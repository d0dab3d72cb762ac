//! Checking names and passwords.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use subtle::ConstantTimeEq;
use tokio::runtime::Runtime;

use super::{PasswordHash, PasswordHashError};
use crate::config::{Password, Secret};

/// The longest password that is looked at, in bytes. Hashing takes time with the length.
const MAX_PASSWORD_LENGTH: usize = 1024;

/// Who somebody proved to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// A user of the configuration.
    User(String),
    /// The anonymous user.
    Anonymous,
}

/// The names by which the anonymous user logs in (RFC 1635 and the habit of clients), in lower case.
pub const ANONYMOUS_NAMES: &[&str] = &["anonymous", "ftp"];

/// Whether this is a name of the anonymous user: some devices write it with a capital.
pub fn is_anonymous(name: &str) -> bool {
    ANONYMOUS_NAMES.iter().any(|anonymous| anonymous.eq_ignore_ascii_case(name))
}

/// Why a login was refused. It is for the log; a client learns only that it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// There is no such user.
    #[error("unknown user")]
    UnknownUser,
    /// The user exists, the password is another.
    #[error("wrong password")]
    WrongPassword,
    /// Somebody tried to log in as the anonymous user, which is not enabled.
    #[error("anonymous logins are not enabled")]
    AnonymousDisabled,
    /// The server is going down.
    #[error("the check of the password was given up")]
    GivenUp,
}

/// All who may log in.
///
/// A check costs the same for a name that doesn't exist as for one that does, so that nobody learns by the
/// clock which names exist: an unknown name is checked against the hash of a user chosen by that name.
/// Hashes are computed on threads that may block, as many at once as the machine has cores.
#[derive(Debug)]
pub struct Users {
    passwords: HashMap<String, Arc<Password>>,
    anonymous: bool,
    /// One for each user, so that costs are as frequent among unknown names as among known ones.
    /// `None` stands for a password in plain text, whose comparison costs nothing.
    decoys: Vec<Option<PasswordHash>>,
    /// Chooses the decoy of a name; not to be foretold from outside.
    chooser: RandomState,
    hashing: HashThreads,
}

/// Threads that hash and nothing else, as many as the machine has cores. The memory that a hash takes stays with its thread
/// for the next one, so it must not be any of the hundreds that wait for disks.
#[derive(Debug)]
struct HashThreads(Option<Runtime>);

impl HashThreads {
    fn new() -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder
            .max_blocking_threads(cores)
            .thread_name("wharf-hash")
            .build()
            .map(|runtime| Self(Some(runtime)))
    }

    async fn run(&self, work: impl FnOnce() -> bool + Send + 'static) -> Result<bool, LoginError> {
        let Some(runtime) = &self.0 else { return Err(LoginError::GivenUp) };
        runtime.spawn_blocking(work).await.map_err(|_| LoginError::GivenUp)
    }
}

impl Drop for HashThreads {
    fn drop(&mut self) {
        // A runtime that waits for its threads must not be dropped by a task.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Users {
    /// All who may log in.
    ///
    /// Takes tens of milliseconds if there are none, as it hashes.
    ///
    /// # Errors
    /// If the system has no random bytes, or no threads.
    pub fn new(
        users: impl IntoIterator<Item = (String, Password)>,
        anonymous: bool,
    ) -> Result<Self, PasswordHashError> {
        let passwords: HashMap<_, _> =
            users.into_iter().map(|(name, password)| (name, Arc::new(password))).collect();
        let mut decoys: Vec<_> = passwords
            .values()
            .map(|password| match &**password {
                Password::Hash(hash) => Some(hash.clone()),
                Password::Plain(_) => None,
            })
            .collect();
        if decoys.is_empty() {
            decoys.push(Some(PasswordHash::new("")?));
        }
        let hashing = HashThreads::new().map_err(|error| PasswordHashError::Hashing(error.to_string()))?;
        Ok(Self { passwords, anonymous, decoys, chooser: RandomState::new(), hashing })
    }

    /// Checks a name and a password.
    ///
    /// # Errors
    /// [`LoginError`]; all of them have to look the same to the client.
    pub async fn authenticate(&self, name: &str, password: &str) -> Result<Identity, LoginError> {
        let known = self.passwords.get(name).cloned();
        if known.is_none() && is_anonymous(name) {
            return if self.anonymous { Ok(Identity::Anonymous) } else { Err(LoginError::AnonymousDisabled) };
        }
        let (given, too_long) = match password.get(..MAX_PASSWORD_LENGTH) {
            Some(start) if password.len() > MAX_PASSWORD_LENGTH => (start, true),
            _ if password.len() > MAX_PASSWORD_LENGTH => ("", true),
            _ => (password, false),
        };
        let matches = match (known.as_deref(), self.decoy(name)) {
            (Some(Password::Hash(hash)), _) => self.verify(hash.clone(), given).await?,
            (Some(Password::Plain(expected)), _) => {
                given.as_bytes().ct_eq(expected.expose().as_bytes()).into()
            }
            (None, Some(decoy)) => {
                // Only for the time that it takes.
                self.verify(decoy, given).await?;
                false
            }
            (None, None) => false,
        };
        match (known, matches && !too_long) {
            (Some(_), true) => Ok(Identity::User(name.to_owned())),
            (Some(_), false) => Err(LoginError::WrongPassword),
            (None, _) => Err(LoginError::UnknownUser),
        }
    }

    /// Hashes, when it is this one's turn.
    async fn verify(&self, hash: PasswordHash, given: &str) -> Result<bool, LoginError> {
        let given = Secret::new(given);
        self.hashing.run(move || hash.verify(given.expose())).await
    }

    fn decoy(&self, name: &str) -> Option<PasswordHash> {
        let index = self.chooser.hash_one(name) % self.decoys.len() as u64;
        self.decoys[index as usize].clone()
    }
}

#[cfg(test)]
#[path = "users_tests.rs"]
mod tests;
