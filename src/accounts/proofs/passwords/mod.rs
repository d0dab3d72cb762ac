//! The passwords of the file.

mod decoys;
mod remembered;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use subtle::ConstantTimeEq;

use self::decoys::Decoys;
use self::remembered::Remembered;
use self::turns::Turns;
use super::{Attempt, LoginError, Proof, Verdict};
use crate::accounts::build::{AccountsError, Known};
use crate::config::{Config, Password, PasswordHash, PasswordHashError, Secret};

/// The longest password that is checked, in bytes: hashing a longer one takes longer.
const MAX_PASSWORD_LENGTH: usize = 1024;

/// The passwords of all accounts that have one.
#[derive(Debug)]
pub(super) struct Passwords {
    decoys: Decoys,
    remembered: Arc<Remembered>,
    turns: Turns,
}

/// This proof is always there, even if nobody has a password: the check of an unknown name has to take its time.
pub(super) fn open(config: &Config, known: &Known) -> Result<Option<Box<dyn Proof>>, AccountsError> {
    Ok(Some(Box::new(Passwords::new(known, config.server.remember_logins)?)))
}

impl Passwords {
    /// The passwords of these accounts. For the time `remember`, a password that was right is accepted again without a check.
    ///
    /// Takes tens of milliseconds if there are none, as it hashes.
    ///
    /// # Errors
    /// If the system has no random bytes, or no threads.
    fn new(known: &Known, remember: Duration) -> Result<Self, PasswordHashError> {
        let passwords = known.users.values().filter_map(|account| account.password.as_ref());
        Ok(Self {
            decoys: Decoys::of(passwords)?,
            remembered: Arc::new(Remembered::new(remember)?),
            turns: Turns::new().map_err(|error| PasswordHashError::Hashing(error.to_string()))?,
        })
    }

    /// Hashes the password when its turn comes, unless it was right a moment ago.
    async fn verify(
        &self,
        attempt: &Attempt<'_>,
        hash: &PasswordHash,
        given: &Given<'_>,
    ) -> Result<bool, LoginError> {
        let name = attempt.name;
        let tag = self.remembered.tag(name, hash, given.text);
        if self.remembered.knows(name, &tag) && given.may_be_right {
            return Ok(true);
        }
        let (name, hash, text) = (name.to_owned(), hash.clone(), Secret::new(given.text));
        let (remembered, may_be_right) = (Arc::clone(&self.remembered), given.may_be_right);
        let work = move || {
            // Another session of the same user may have been first.
            if may_be_right && remembered.knows(&name, &tag) {
                return true;
            }
            let matches = hash.verify(text.expose());
            if matches && may_be_right {
                remembered.remember(&name, tag);
            }
            matches
        };
        self.turns.run(attempt.network, work).await
    }
}

#[async_trait]
impl Proof for Passwords {
    async fn check(&self, attempt: &Attempt<'_>) -> Result<Verdict, LoginError> {
        let Some((account, expected)) =
            attempt.account.and_then(|account| Some((account, account.password.as_ref()?)))
        else {
            return Ok(Verdict::Unknown);
        };
        let given = Given::of(attempt.credential.password);
        // Only for the time that it takes, as for a name that is unknown.
        let _ = self.decoys.of_name(attempt.name);
        let matches = match expected {
            Password::Hash(hash) => self.verify(attempt, hash, &given).await?,
            Password::Plain(expected) => given.text.as_bytes().ct_eq(expected.expose().as_bytes()).into(),
        };
        if matches && given.may_be_right {
            Ok(Verdict::Proven(Arc::clone(account)))
        } else {
            Err(LoginError::WrongPassword)
        }
    }

    async fn pretend(&self, attempt: &Attempt<'_>) -> Result<(), LoginError> {
        let decoy = self.decoys.of_name(attempt.name);
        // A name that exists takes as long as ever.
        let hash = match attempt.account.and_then(|account| account.password.as_ref()) {
            Some(Password::Hash(hash)) => Some(hash),
            Some(Password::Plain(_)) => None,
            None => decoy,
        };
        if let Some(hash) = hash {
            // Nothing is remembered, so that it takes as long the second time as the first.
            let given = Given { may_be_right: false, ..Given::of(attempt.credential.password) };
            self.verify(attempt, hash, &given).await?;
        }
        Ok(())
    }
}

/// A password as the client sent it.
struct Given<'a> {
    /// The part of the password that is checked.
    text: &'a str,
    /// Whether it can be a user's password. For bcrypt a password ends at NUL: it would accept one with more bytes behind it.
    may_be_right: bool,
}

impl<'a> Given<'a> {
    fn of(password: &'a str) -> Self {
        let too_long = password.len() > MAX_PASSWORD_LENGTH;
        let text = if too_long { password.get(..MAX_PASSWORD_LENGTH).unwrap_or_default() } else { password };
        Self { text, may_be_right: !too_long && !password.contains('\0') }
    }
}

#[cfg(test)]
#[path = "passwords_tests.rs"]
mod tests;
