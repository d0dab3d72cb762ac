//! The scenario of a login, once for every engine.
//!
//! The plan. A client sends a name and a credential. The proofs are asked one after the other whether the credential is right;
//! networks take turns meanwhile, so that nobody has to wait for a flood of others. A failure is logged at once, and its answer is
//! delayed. A client that is let in takes one of the sessions of its account, and keeps its place among all sessions from then on.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::account::Account;
use super::build::{AccountsError, Known};
use super::guard::Guard;
use super::guesses::Guesses;
use super::proofs::{self, Attempt, Credential, LoginError, Proof, Verdict};
use super::session_limits::SessionPermit;
use crate::config::Config;
use crate::network::Network;
use crate::ops::metrics::{Login, Metrics};
use crate::storages::Storages;
use crate::visit::journal::Journal;
use crate::visit::{Guest, Layers, Preferences, UserSessions, Visit};

/// Where a login comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The number of the session.
    pub session: u64,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The place of the session among all sessions. It follows the login, and a client that is let in keeps it.
    pub permit: &'a SessionPermit,
}

impl From<LoginError> for Login {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::UnknownUser
            | LoginError::AnonymousDisabled
            | LoginError::WrongPassword
            | LoginError::OtherNetwork
            | LoginError::Expired
            | LoginError::LockedOut => Self::Failed,
            LoginError::Busy => Self::Busy,
            LoginError::GivenUp => Self::Error,
        }
    }
}

/// The refusal of a login, by the reply that the client gets. The reason is logged already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No reply: the client is gone.
    Gone,
    /// The login failed. The reply says no more: clients must not find out which names exist. Its delay is over.
    Failed(LoginError),
    /// Try again later: the address is locked after too many failed logins. No password was looked at.
    LockedOut,
    /// Try again later: too many passwords wait for their check.
    Busy,
    /// Try again later: the credential is right, but the user has as many sessions as allowed.
    TooManySessions,
    /// Try again later: the session had to give way to another one.
    Displaced,
}

/// A login that the proofs refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failed {
    cause: LoginError,
    /// The delay of the reply. The log does not wait.
    delay: Duration,
}

/// Everybody who may log in.
#[derive(Debug)]
pub struct Accounts {
    known: Known,
    proofs: Vec<Box<dyn Proof>>,
    ipv6_prefix: u8,
    guesses: Guesses,
    sessions: Arc<UserSessions>,
    layers: Layers,
    metrics: Arc<Metrics>,
}

impl Accounts {
    /// The accounts of a configuration, on these storages.
    ///
    /// Takes tens of milliseconds if there are no users, as it hashes.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub fn new(config: &Config, storages: &Storages, metrics: Arc<Metrics>) -> Result<Self, AccountsError> {
        let known = Known::of(config, storages)?;
        Ok(Self {
            proofs: proofs::open(config, &known)?,
            known,
            ipv6_prefix: config.server.limits.ipv6_prefix,
            guesses: Guesses::new(config.server.failed_login_delay),
            sessions: Arc::default(),
            layers: Layers::new(config, &metrics),
            metrics,
        })
    }

    /// The settings of the sessions of the user of this name, if there is one: the name itself may have to be read in the
    /// character set of that user.
    pub fn preferences_of(&self, name: &str) -> Option<&Preferences> {
        self.known.users.get(name).map(|account| &*account.preferences)
    }

    /// Lets a client in if its credential is right. `gone` ends when the client is gone: then a check that has not begun is never
    /// done.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn enter(
        &self,
        name: &str,
        credential: Credential<'_>,
        origin: Origin<'_>,
        gone: impl Future<Output = ()>,
    ) -> Result<Visit, Refused> {
        let Origin { session, peer, permit } = origin;
        let journal = Journal { session, user: name, peer };
        if permit.guard().is_locked(peer.ip(), Instant::now()) {
            journal.login_failed("too many logins from this address have failed");
            self.metrics.login(Login::LockedOut);
            return Err(Refused::LockedOut);
        }
        let check = self.metrics.login_begins();
        permit.asked();
        let checked = tokio::select! {
            // Who says PASS and closes its side at once is answered, if that takes no time.
            biased;
            checked = self.authenticate(name, credential, peer.ip(), permit.guard()) => checked,
            () = gone => {
                journal.login_abandoned();
                return Err(Refused::Gone);
            }
        };
        check.is_over();
        match checked {
            Ok(account) => self.admit(name, &account, origin),
            Err(failed) => {
                if failed.cause.is_wrong() {
                    // Only of a name that there is; nothing is known of the others.
                    let name = (failed.cause == LoginError::WrongPassword).then_some(name);
                    let locks = permit.guard().failed(peer.ip(), name, Instant::now());
                    journal.locked_out(locks.address, locks.name);
                }
                Err(self.refuse(failed, journal, permit).await)
            }
        }
    }

    /// The account that the name and the credential belong to. It waits for the turn of the client's network.
    async fn authenticate(
        &self,
        name: &str,
        credential: Credential<'_>,
        from: IpAddr,
        guard: &Guard,
    ) -> Result<Arc<Account>, Failed> {
        let network = Network::of(from, self.ipv6_prefix);
        let account = self.known.users.get(name);
        let attempt = Attempt { name, credential, network, account };
        self.prove(&attempt, from, guard).await.map_err(|cause| {
            let delay = if cause.is_wrong() { self.guesses.failed(network, name) } else { Duration::ZERO };
            Failed { cause, delay }
        })
    }

    async fn prove(
        &self,
        attempt: &Attempt<'_>,
        from: IpAddr,
        guard: &Guard,
    ) -> Result<Arc<Account>, LoginError> {
        let is_locked = guard.is_name_locked(attempt.name, from, Instant::now());
        let barred = |account: &Account| account.access.refuses(from, SystemTime::now());
        let bar = is_locked.then_some(LoginError::LockedOut);
        let bar = bar.or_else(|| attempt.account.and_then(|account| barred(account)));
        if bar.is_none() {
            for proof in &self.proofs {
                match proof.check(attempt).await? {
                    Verdict::Proven(account) => return barred(&account).map_or(Ok(account), Err),
                    Verdict::Unknown => {}
                }
            }
        }
        for proof in &self.proofs {
            proof.pretend(attempt).await?;
        }
        Err(bar.unwrap_or(LoginError::UnknownUser))
    }

    /// Lets a client in whose credential was right.
    fn admit(&self, name: &str, account: &Account, origin: Origin<'_>) -> Result<Visit, Refused> {
        let Origin { session, peer, permit } = origin;
        // However it is written, it is one user in limits and logs.
        let name = if account.is_anonymous { name.to_ascii_lowercase() } else { account.name.clone() };
        let guest = Guest { name, is_anonymous: account.is_anonymous, session, peer };
        let Some(own) = self.sessions.admit(&guest.name, account.limits.sessions) else {
            guest.journal().login_failed("the user has as many sessions as it may have");
            self.metrics.login(Login::SessionLimit);
            permit.answered();
            return Err(Refused::TooManySessions);
        };
        if !permit.logged_in() {
            return Err(Refused::Displaced);
        }
        if !account.is_anonymous {
            permit.guard().succeeded(&guest.name, peer.ip());
        }
        guest.journal().logged_in();
        self.metrics.login(Login::Success);
        let (view, preferences) = (account.view.clone(), Arc::clone(&account.preferences));
        let visit = Visit::new(guest, view, preferences, self.layers.clone(), Arc::clone(&self.metrics), own);
        Ok(visit.until(account.access.expires))
    }

    async fn refuse(&self, failed: Failed, journal: Journal<'_>, permit: &SessionPermit) -> Refused {
        let Failed { cause, delay } = failed;
        journal.login_failed(&cause.to_string());
        self.metrics.login(cause.into());
        if cause == LoginError::Busy {
            permit.answered();
            return Refused::Busy;
        }
        // Whoever hangs up meanwhile keeps its place among the sessions, or connecting anew would be faster than waiting.
        permit.failed();
        tokio::time::sleep(delay).await;
        permit.answered();
        Refused::Failed(cause)
    }
}

#[cfg(test)]
#[path = "enter_tests.rs"]
mod tests;
