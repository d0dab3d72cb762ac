//! Hears what another replica tells.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::super::keys::ConnectionKey;
use super::super::sealed::{End, Sealed};
use super::super::service::{Call, Service};
use super::Told;
use super::tell::SAID;
use super::wire::{LONGEST, MOST, Telling, ToldQuota, having};
use crate::accounts::{FRESH, Lock, MOST_TOLD};
use crate::config::Secret;
use crate::network::Network;
use crate::ops::logging::rate;
use crate::ops::metrics::Way;
use crate::visit::{Made, Usage};

/// Whoever was heard in this time is there: it tells something more often than that.
const LIVELY: Duration = Duration::from_secs(3);

impl Service for Told {
    fn knows(&self, said: &[u8]) -> bool {
        said == SAID
    }

    fn serve(self: Arc<Self>, call: Call) {
        let Call { stream, from, key, secrets, .. } = call;
        // Two replicas with one number would be told of as one.
        if from == self.cluster.index {
            self.has_a_double(from);
            return;
        }
        if from >= crate::config::MOST_REPLICAS {
            return;
        }
        let over = CancellationToken::new();
        {
            let mut hearing = self.hearing.lock().unwrap_or_else(PoisonError::into_inner);
            // Another connection of the same replica takes the place of the one before.
            let before = hearing.insert(from, over.clone());
            drop(hearing);
            if let Some(before) = before.filter(|before| !before.is_cancelled()) {
                before.cancel();
                if self.accounts.elsewhere.silence(from).is_some_and(|silent| silent < LIVELY) {
                    self.has_a_double(from);
                }
            }
        }
        self.wake(from);
        tokio::spawn(async move {
            let heard = over.run_until_cancelled(self.hear((stream, secrets), from, &key)).await;
            // Whoever comes again after that is no double.
            over.cancel();
            if let Some(Err(error)) = heard {
                match error.kind() {
                    io::ErrorKind::InvalidData if rate::RELAYS.admits(super::super::as_address(from)) => {
                        tracing::warn!(replica = from, %error, "what another replica tells makes no sense");
                    }
                    _ => tracing::debug!(replica = from, %error, "another replica tells nothing more"),
                }
            }
        });
    }
}

impl Told {
    /// Somebody tells by a number by which somebody else does.
    fn has_a_double(&self, replica: u16) {
        if rate::RELAYS.admits(super::super::as_address(replica)) {
            tracing::warn!(
                replica,
                "two replicas seem to have one number; what they count is known of one of them alone"
            );
        }
    }

    async fn hear(
        &self,
        (mut stream, mut secrets): (TcpStream, watch::Receiver<Vec<Secret>>),
        from: u16,
        key: &ConnectionKey,
    ) -> io::Result<()> {
        let mut sealed = Sealed::new(key, End::Owner)?;
        loop {
            // Whoever is silent for so long is away, and comes again.
            let message = tokio::select! {
                message = timeout(FRESH, sealed.receive(&mut stream, LONGEST)) => message,
                // Whoever knows an old one alone is not heard any more.
                _ = secrets.changed() => return Err(io::Error::other("there are other secrets")),
            };
            let message = message.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            self.cluster.meter.told(Way::From, message.len());
            let wrong = || io::Error::new(io::ErrorKind::InvalidData, "it can't be read");
            self.heard(from, Telling::decode(&message).ok_or_else(wrong)?);
        }
    }

    /// Takes in what was told.
    fn heard(&self, from: u16, telling: Telling) {
        let Telling {
            version: _,
            all,
            more,
            leaves,
            age_ms,
            knows,
            logged_in,
            users,
            networks,
            lifts,
            locks,
            failures,
            name_failures,
            logins,
            quotas,
        } = telling;
        let prefix = self.limits.ipv6_prefix();
        let users = &users[..users.len().min(2 * MOST_TOLD)];
        self.accounts.elsewhere.told(
            from,
            all,
            users.iter().map(|(user, numbers)| (user.clone(), having(*numbers))),
            networks
                .into_iter()
                .take(2 * MOST_TOLD)
                .map(|(ip, numbers)| (Network::of(ip, prefix), having(numbers))),
        );
        // Somebody may wait for the end of a transfer there.
        self.accounts.counts.look_at(users.iter().map(|(user, _)| user.as_str()));
        if let Some(logged_in) = logged_in {
            self.accounts.elsewhere.told_sessions(from, logged_in);
        }
        let guard = self.limits.guard();
        // First, as locks that began before are none.
        for (number, subject, age) in lifts.iter().take(MOST) {
            let age = Duration::from_millis(*age);
            if guard.lifted_elsewhere(*number, subject.as_deref(), age) {
                tracing::debug!(replica = from, subject, "another replica has lifted locks");
            }
        }
        for (ip, times) in failures.into_iter().take(MOST) {
            guard.failed_elsewhere(ip, times);
        }
        for (name, times) in name_failures.into_iter().take(MOST) {
            guard.name_failed_elsewhere(&name, times);
        }
        for (name, ip) in logins.into_iter().take(MOST) {
            guard.succeeded_elsewhere(&name, ip);
        }
        for lock in locks.into_iter().take(MOST).map(Lock::from) {
            if guard.adopt(&lock) {
                tracing::debug!(
                    replica = from,
                    subject = lock.subject,
                    "a lock of another replica holds here"
                );
            }
        }
        if age_ms.is_some_and(|age| Duration::from_millis(age) < self.started.elapsed()) {
            self.accounts.quotas.began_elsewhere(from);
        }
        self.accounts.quotas.made_elsewhere(from, all, more, quotas.into_iter().take(MOST).map(made));
        if leaves {
            self.accounts.elsewhere.forget(from);
            self.here().retain(|replica| *replica != from);
            tracing::info!(replica = from, "another replica has ended");
        }
        for replica in knows.into_iter().take(MOST).filter(|replica| *replica != self.cluster.index) {
            if !self.cluster.peers.was_there(replica) {
                self.wake(replica);
            }
        }
    }
}

fn made(told: ToldQuota) -> Made {
    let ToldQuota { backend, path, since, bytes, files, held_bytes, held_files } = told;
    Made { backend, path, since, bytes, files, held: Usage::new(held_bytes, held_files) }
}
