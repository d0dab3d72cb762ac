//! The scenario of a login, once for every engine.
//!
//! The plan. A client sends a name and a credential. The proofs are asked one after the other whether the credential is right;
//! networks take turns meanwhile, so that nobody has to wait for a flood of others. A failure is logged at once, and its answer is
//! delayed. A client that is let in takes one of the sessions of its account, and keeps its place among all sessions from then on.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use super::account::{Account, is_anonymous};
use super::bar::Bar;
use super::build::{AccountsError, Known};
use super::guard::LockedBy;
use super::lasting::Lasting;
use super::patience;
use super::present::NoSeat;
use super::proofs::{self, Attempt, Channel, Client, Credential, LoginError, Proof, Verdict};
use super::refused::{Failed, Refused};
use super::session_limits::SessionPermit;
use super::sources::Look;
use crate::config::{Config, Limits};
use crate::host::Host;
use crate::network::Network;
use crate::ops::metrics::{Login, Metrics};
use crate::shutdown::Shutdown;
use crate::storages::Storages;
use crate::tls::ShownCertificate;
use crate::visit::facts::{Journal, Who};
use crate::visit::{Guest, Layers, Opening, Preferences, Visit, VisitLimits};

/// Where a login comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The number of the session.
    pub session: u64,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The host that the client has named.
    pub host: Option<&'a Arc<Host>>,
    /// The control connection.
    pub channel: Channel<'a>,
    /// The place of the session among all sessions. It follows the login, and a client that is let in keeps it.
    pub permit: &'a SessionPermit,
    /// How the session is told to end.
    pub ending: &'a Shutdown,
}

/// Everybody who may log in.
#[derive(Debug)]
pub struct Accounts {
    pub(super) known: Arc<Known>,
    proofs: Vec<Box<dyn Proof>>,
    ipv6_prefix: u8,
    failed_login_delay: Duration,
    pub(super) lasting: Arc<Lasting>,
    server: Limits,
    layers: Layers,
    metrics: Arc<Metrics>,
}

impl Accounts {
    /// The accounts of a configuration, on these storages. What outlives them is in `lasting`. Of files of users that are wrong, those
    /// of the accounts before stay. Blocks while such files are read.
    ///
    /// Takes tens of milliseconds if there are no users, as it hashes.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub fn new(
        config: &Config,
        storages: &Storages,
        metrics: Arc<Metrics>,
        lasting: Arc<Lasting>,
        before: Option<&Self>,
    ) -> Result<Self, AccountsError> {
        lasting.quotas.start(config.server.state_directory.as_deref(), metrics.quotas());
        let known =
            Known::of(config, storages, &lasting.quotas, &metrics, before.map(|before| &*before.known))?;
        let (facts, events) = (&lasting.facts, lasting.events.get());
        let layers = Layers::new(Opening { config, storages, metrics: &metrics, facts, events });
        Ok(Self {
            proofs: proofs::open(config, &known, &lasting)?,
            known: Arc::new(known),
            ipv6_prefix: config.server.limits.ipv6_prefix,
            failed_login_delay: config.server.failed_login_delay,
            server: config.server.limits.clone(),
            layers,
            lasting,
            metrics,
        })
    }

    /// The settings of the sessions of the user of this name, if there is one: the name itself may have to be read in the
    /// character set of that user.
    pub fn preferences_of(&self, name: &str) -> Option<Arc<Preferences>> {
        self.known.find(name).map(|account| Arc::clone(&account.preferences))
    }

    /// These accounts count from now on, in place of those. Sessions are told to end whose account is gone, or asks for another
    /// proof; returns what else ends these, if their transfers take too long.
    pub(crate) fn follow(&self, before: Option<&Self>) -> Vec<Shutdown> {
        self.metrics.set_wrong_user_files(self.wrong_files());
        self.known.maker.views().follow();
        let dismissed = self.lasting.present.follow(&self.known);
        let is_the_same = |name: &str| {
            let accounts = before.and_then(|before| before.known.find(name)).zip(self.known.find(name));
            accounts.is_some_and(|(before, now)| now.has_the_proof_of(&before))
        };
        if before.is_some() {
            self.lasting.passwords.keep(is_the_same);
        }
        dismissed
    }

    /// Has sources look at what may have changed, one look at a time; whose accounts have, and what ends the sessions that were told
    /// to end because of that. Blocks.
    pub fn look(&self, at: &Look) -> (Vec<String>, Vec<Shutdown>) {
        let changed: Vec<_> = self.known.sources.iter().flat_map(|source| source.look(at)).collect();
        let dismissed = self.changed(&changed);
        (changed, dismissed)
    }

    /// How many files of users can't be used.
    pub fn wrong_files(&self) -> usize {
        self.known.sources.iter().map(|source| source.wrong()).sum()
    }

    /// Whether some users belong to some hosts alone.
    pub fn has_hosts(&self) -> bool {
        self.known.has_hosts()
    }

    /// Whether a user belongs to this host.
    pub fn knows_host(&self, host: &Host) -> bool {
        self.known.knows_host(host)
    }

    /// How many users are known before somebody logs in.
    pub fn users(&self) -> usize {
        self.known.len()
    }

    /// The accounts of these users have changed in a source, and count from now on. Their sessions are told to end if the account
    /// is gone, or asks for another proof; returns what else ends these. Blocks for the time that it takes to sort all passwords.
    pub fn changed(&self, users: &[String]) -> Vec<Shutdown> {
        self.metrics.set_wrong_user_files(self.wrong_files());
        let dismissed = self.lasting.present.look_at(users.iter().map(String::as_str), &self.known);
        users.iter().for_each(|user| self.lasting.passwords.forget(user));
        if !users.is_empty() {
            self.proofs.iter().for_each(|proof| proof.follow(&self.known));
        }
        dismissed
    }

    /// Whether the certificate of the client is all that the user of this name has to show, and lets it in from there: then no password is asked
    /// for. Nothing is logged or counted.
    pub fn suffices(&self, name: &str, origin: Origin<'_>) -> bool {
        let Some(certificate) = origin.channel.certificate else { return false };
        // Read in any case: the time that it takes must not tell whether there is such a user.
        let shown = ShownCertificate::of(certificate);
        let from = origin.peer.ip();
        let locked = origin.permit.guard().lock_of_name(name, from, Instant::now());
        let bar = Bar { from, at: origin.host.map(|host| &**host), locked };
        self.known.decides(name).is_some_and(|account| {
            let own = account.certificate.as_ref().filter(|_| account.password.is_none());
            own.is_some_and(|own| proofs::check_certificate(own, Some(&shown)).is_ok())
                && bar.of(&account).is_none()
        })
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
        let Origin { session, peer, channel, permit, .. } = origin;
        let journal = Journal { facts: &self.lasting.facts, who: Who { session, user: name, peer } };
        if let Some(by) = permit.guard().lock_of(peer.ip(), Instant::now()) {
            return Err(self.locked_out(journal, by));
        }
        if !self.lasting.facts.can_be_told().await {
            journal.login_untold();
            self.metrics.login(Login::Unavailable);
            return Err(Refused::Unavailable);
        }
        if permit.is_draining() {
            journal.login_refused("the server takes no new logins");
            self.metrics.login(Login::Error);
            return Err(Refused::Draining);
        }
        let check = self.metrics.login_begins();
        permit.asked();
        let certificate = channel.certificate;
        let checked = tokio::select! {
            // Who says PASS and closes its side at once is answered, if that takes no time.
            biased;
            checked = self.authenticate(name, credential, origin) => checked,
            () = gone => {
                journal.login_abandoned();
                return Err(Refused::Gone);
            }
        };
        check.is_over();
        // Others may have failed meanwhile: many checks at once are no more guesses than one after the other.
        if let Some(by) = permit.guard().lock_of(peer.ip(), Instant::now()) {
            permit.answered();
            return Err(self.locked_out(journal, by));
        }
        match checked {
            Ok(account) => self.admit(name, &account, origin).await,
            Err(failed) => {
                if failed.cause.is_wrong() {
                    // Only of a name that there is; nothing is known of the others.
                    let name = failed.cause.is_of_user().then_some(name);
                    let locks = permit.guard().failed(peer.ip(), name, Instant::now());
                    journal.locked_out(locks.address, locks.name);
                }
                if let (LoginError::OtherCertificate, Some(certificate)) = (failed.cause, certificate) {
                    let shown = ShownCertificate::of(certificate);
                    journal.other_certificate(shown.subject.as_ref(), &shown.sha256);
                }
                Err(self.refuse(failed, journal, permit).await)
            }
        }
    }

    fn locked_out(&self, journal: Journal<'_>, by: LockedBy) -> Refused {
        journal.login_failed(by.of_address());
        self.metrics.login(Login::LockedOut);
        Refused::LockedOut(by)
    }

    /// The account that the name and the credential belong to. It waits for the turn of the client's network.
    async fn authenticate(
        &self,
        name: &str,
        credential: Credential<'_>,
        origin: Origin<'_>,
    ) -> Result<Arc<Account>, Failed> {
        let Origin { channel, permit, .. } = origin;
        let (from, at) = (origin.peer.ip(), origin.host.map(|host| &**host));
        let network = Network::of(from, self.ipv6_prefix);
        let bar = || Bar { from, at, locked: permit.guard().lock_of_name(name, from, Instant::now()) };
        let before = bar();
        let reason = OnceLock::new();
        let client = Client { address: from, channel, host: at, reason: &reason };
        let attempt =
            Attempt { name, credential, network, client, is_locked: before.locked.is_some(), account: None };
        let mut proven = self.find_and_prove(attempt, before).await;
        // It may have been locked while the credential was looked at.
        if let Ok(account) = &proven
            && let Some(cause) = bar().of(account)
        {
            // What a source has made is known only now, and a wrong password takes this time, too.
            if account.made_by.is_some() {
                for proof in &self.proofs {
                    let _ = proof.pretend(&attempt).await;
                }
            }
            proven = Err(cause);
        }
        proven.map_err(|cause| {
            if cause == LoginError::OtherHost {
                let _ = reason
                    .set(at.map_or_else(|| "the client has named none".to_owned(), ToString::to_string));
            }
            let most = self.failed_login_delay;
            let guesses = &self.lasting.guesses;
            let delay = if cause.is_slow() { guesses.failed(most, network, name) } else { Duration::ZERO };
            Failed { cause, reason: reason.into_inner(), delay }
        })
    }

    /// Asks the configuration file and then each source, in their order, whose name it is. The first that knows it decides.
    async fn find_and_prove(&self, attempt: Attempt<'_>, bar: Bar<'_>) -> Result<Arc<Account>, LoginError> {
        let name = attempt.name;
        if let Some(account) = self.known.in_file(name) {
            return self.prove(Attempt { account: Some(&account), ..attempt }, bar).await;
        }
        for source in &self.known.sources {
            if let Some(account) = source.find(name) {
                return self.prove(Attempt { account: Some(&account), ..attempt }, bar).await;
            }
            // The anonymous user's name belongs to nobody, so nobody has to be asked.
            if is_anonymous(name) {
                continue;
            }
            // Of a name that is locked no credential is looked at; and whether it is one of the sources behind this one, only
            // this one could say.
            match (bar.locked.is_some(), source.asks()) {
                (true, true) => break,
                (true, false) => continue,
                (false, _) => {}
            }
            match source.ask(&attempt).await {
                Ok(Verdict::Proven(account)) => return Ok(account),
                Ok(Verdict::Found(account)) => {
                    return self.prove(Attempt { account: Some(&account), ..attempt }, bar).await;
                }
                Ok(Verdict::Wrong(cause)) => return Err(cause),
                Ok(Verdict::Unknown) => {}
                Err(refused) => {
                    // A name that nobody knows takes this time, too. The guess counts even if there is no time.
                    if refused.is_wrong() {
                        let _ = self.pretend(&attempt).await;
                    }
                    return Err(refused);
                }
            }
        }
        self.prove(attempt, bar).await
    }

    /// Asks the proofs, unless the account may not be used here and now: then they only take their time.
    async fn prove(&self, attempt: Attempt<'_>, bar: Bar<'_>) -> Result<Arc<Account>, LoginError> {
        let mut barred = match attempt.account {
            Some(account) => bar.of(account),
            None => bar.lock(),
        };
        if barred.is_none() {
            for proof in &self.proofs {
                match proof.check(&attempt).await? {
                    Verdict::Proven(account) => return Ok(account),
                    Verdict::Unknown | Verdict::Found(_) => {}
                    Verdict::Wrong(cause) => {
                        barred = Some(cause);
                        break;
                    }
                }
            }
        }
        self.pretend(&attempt).await?;
        // A wrong password of an account that is known does not get to them.
        if barred.is_none() || attempt.account.is_none() {
            for source in &self.known.sources {
                source.pretend(&attempt).await?;
            }
        }
        Err(barred.unwrap_or(LoginError::UnknownUser))
    }

    /// Takes as long as a check that fails. Of an unknown name it takes as long as for most users of a source that has passwords of its
    /// own and has found some.
    async fn pretend(&self, attempt: &Attempt<'_>) -> Result<(), LoginError> {
        let decoy = match attempt.account {
            Some(_) => None,
            None => self.known.sources.iter().find_map(|source| source.decoy()),
        };
        let attempt = Attempt { account: attempt.account.or(decoy.as_ref()), ..*attempt };
        for proof in &self.proofs {
            proof.pretend(&attempt).await?;
        }
        Ok(())
    }

    /// Lets a client in whose credential was right.
    async fn admit(&self, name: &str, account: &Arc<Account>, origin: Origin<'_>) -> Result<Visit, Refused> {
        let Origin { session, peer, host, permit, ending, channel } = origin;
        // However it is written, it is one user in limits and logs.
        let name = if account.is_anonymous { name.to_ascii_lowercase() } else { account.name.clone() };
        let facts = Arc::clone(&self.lasting.facts);
        let guest = Guest { name, is_anonymous: account.is_anonymous, session, peer, facts };
        let (among, whose) = ((&self.lasting.present, permit), (&guest, account));
        let place = match patience::seat(among, whose, host, ending).await {
            Ok(place) => place,
            Err(NoSeat::Changed) => {
                let failed = Failed::of(LoginError::Changed);
                return Err(self.refuse(failed, guest.journal(), permit).await);
            }
            Err(too_many) => {
                guest.journal().login_failed(&too_many.to_string());
                self.metrics.login(Login::SessionLimit);
                permit.answered();
                return Err(too_many.into());
            }
        };
        let view = match account.view(self.known.maker.views()) {
            Ok(view) => view,
            Err(error) => {
                tracing::error!(session, %peer, user = guest.name, %error, "an account can't be used");
                let failed = Failed::of(LoginError::GivenUp);
                return Err(self.refuse(failed, guest.journal(), permit).await);
            }
        };
        if !permit.logged_in() {
            guest.journal().login_failed("the session had to give way to another one");
            return Err(Refused::Displaced);
        }
        if !account.is_anonymous {
            permit.guard().succeeded(&guest.name, peer.ip());
        }
        guest.journal().logged_in(host.map(|host| &**host), account.proof(), channel.encrypted);
        self.metrics.login(Login::Success);
        let preferences = Arc::clone(&account.preferences);
        let (layers, metrics) = (self.layers.clone(), Arc::clone(&self.metrics));
        let limits = VisitLimits::new(&self.lasting.counts, &guest, &account.limits.own, &self.server);
        let visit = Visit::new(guest, view, preferences, layers, metrics, Box::new(place));
        Ok(visit.limited(limits).until(account.access.expires))
    }

    async fn refuse(&self, failed: Failed, journal: Journal<'_>, permit: &SessionPermit) -> Refused {
        let Failed { cause, reason, delay } = failed;
        let said = reason.map_or_else(|| cause.to_string(), |reason| format!("{cause}: {reason}"));
        journal.login_failed(&said);
        self.metrics.login(cause.into());
        match cause {
            LoginError::Busy => {
                permit.answered();
                return Refused::Busy;
            }
            LoginError::Unavailable => {
                permit.answered();
                return Refused::Unavailable;
            }
            _ => {}
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
