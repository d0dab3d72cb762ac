//! The passwords of the file.

mod decoys;
mod remembered;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use subtle::ConstantTimeEq;

use self::decoys::Decoys;
use self::remembered::Remembered;
use self::turns::Turns;
use super::{Attempt, LoginError, Proof, Verdict};
use crate::accounts::build::{AccountsError, Known};
use crate::accounts::lasting::Lasting;
use crate::config::{Config, Password, PasswordHash, PasswordHashError, Secret};

/// The longest password that is checked, in bytes: hashing a longer one takes longer.
pub(in crate::accounts) const MAX_PASSWORD_LENGTH: usize = 1024;

/// The passwords of all accounts that have one.
#[derive(Debug)]
pub(super) struct Passwords {
    decoys: ArcSwap<Decoys>,
    checks: PasswordChecks,
    /// How long a password that was right is accepted again without a check.
    remember: Duration,
}

/// What checks of passwords have in common, whichever accounts count: threads that hash, and what was right a moment ago.
#[derive(Debug, Clone)]
pub(in crate::accounts) struct PasswordChecks {
    remembered: Arc<Remembered>,
    turns: Arc<Turns>,
}

impl PasswordChecks {
    /// # Errors
    /// If the system has no random bytes, or no threads.
    pub(in crate::accounts) fn new() -> Result<Self, PasswordHashError> {
        let turns = Turns::new().map_err(|error| PasswordHashError::Hashing(error.to_string()))?;
        Ok(Self { remembered: Arc::new(Remembered::new()?), turns: Arc::new(turns) })
    }

    /// Nothing is remembered of this user any more.
    pub(in crate::accounts) fn forget(&self, name: &str) {
        self.remembered.forget(name);
    }

    /// Nothing is remembered any more of users for whom this does not hold.
    pub(in crate::accounts) fn keep(&self, holds: impl Fn(&str) -> bool) {
        self.remembered.keep(holds);
    }
}

/// This proof is always there, even if nobody has a password: the check of an unknown name has to take its time.
pub(super) fn open(
    config: &Config,
    known: &Known,
    lasting: &Lasting,
) -> Result<Option<Box<dyn Proof>>, AccountsError> {
    let checks = lasting.passwords.clone();
    Ok(Some(Box::new(Passwords::new(known, checks, config.server.remember_logins)?)))
}

impl Passwords {
    /// The passwords of these accounts. For the time `remember`, a password that was right is accepted again without a check.
    ///
    /// Takes tens of milliseconds if there are none, as it hashes.
    ///
    /// # Errors
    /// If the system has no random bytes.
    fn new(known: &Known, checks: PasswordChecks, remember: Duration) -> Result<Self, PasswordHashError> {
        Ok(Self { decoys: ArcSwap::from_pointee(Decoys::of(known)?), checks, remember })
    }

    /// Hashes the password when its turn comes, unless it was right a moment ago.
    async fn verify(
        &self,
        attempt: &Attempt<'_>,
        hash: &PasswordHash,
        given: &Given<'_>,
    ) -> Result<bool, LoginError> {
        let (name, lifetime) = (attempt.name, self.remember);
        let remembered = Arc::clone(&self.checks.remembered);
        let tag = remembered.tag(name, hash, given.text);
        if remembered.knows(name, &tag, lifetime) && given.may_be_right {
            return Ok(true);
        }
        let (user, hash, text) = (name.to_owned(), hash.clone(), Secret::new(given.text));
        let may_be_right = given.may_be_right;
        let work = {
            let remembered = Arc::clone(&remembered);
            move || {
                // Another session of the same user may have been first.
                (may_be_right && remembered.knows(&user, &tag, lifetime)) || hash.verify(text.expose())
            }
        };
        let matches = self.checks.turns.run(attempt.network, work).await?;
        // Not by the thread that hashes: whoever has hung up meanwhile must not learn by a second try that the password is right,
        // as no failure was counted.
        if matches && may_be_right {
            remembered.remember(name, tag, lifetime);
        }
        Ok(matches)
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
        let _ = self.decoys.load().of_name(attempt.name);
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

    fn follow(&self, known: &Known) {
        match Decoys::of(known) {
            Ok(decoys) => self.decoys.store(Arc::new(decoys)),
            Err(error) => tracing::warn!(%error, "checks of names that don't exist take as long as before"),
        }
    }

    async fn pretend(&self, attempt: &Attempt<'_>) -> Result<(), LoginError> {
        let decoys = self.decoys.load_full();
        let decoy = decoys.of_name(attempt.name);
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
