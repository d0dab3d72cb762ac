//! Hears what another replica tells.

use std::io;
use std::sync::{Arc, PoisonError};

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::super::keys::ConnectionKey;
use super::super::sealed::{End, Sealed};
use super::super::service::{Call, Service};
use super::Told;
use super::tell::SAID;
use super::wire::{LONGEST, MOST, Telling, ToldQuota, having};
use crate::accounts::{FRESH, Lock, MOST_TOLD};
use crate::network::Network;
use crate::ops::logging::rate;
use crate::ops::metrics::Way;
use crate::visit::{Made, Usage};

impl Service for Told {
    fn knows(&self, said: &[u8]) -> bool {
        said == SAID
    }

    fn serve(self: Arc<Self>, call: Call) {
        let Call { stream, from, key, .. } = call;
        // Two replicas with one number would be told of as one.
        if from == self.cluster.index || from >= crate::config::MOST_REPLICAS {
            return;
        }
        let over = CancellationToken::new();
        {
            let mut hearing = self.hearing.lock().unwrap_or_else(PoisonError::into_inner);
            // Another connection of the same replica takes the place of the one before.
            if let Some(before) = hearing.insert(from, over.clone()) {
                before.cancel();
            }
        }
        self.wake(from);
        tokio::spawn(async move {
            let heard = over.run_until_cancelled(self.hear(stream, from, &key)).await;
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
    async fn hear(&self, mut stream: TcpStream, from: u16, key: &ConnectionKey) -> io::Result<()> {
        let mut sealed = Sealed::new(key, End::Owner)?;
        let mut secrets = self.cluster.secrets();
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
        self.accounts.elsewhere.told(
            from,
            all,
            users.into_iter().take(2 * MOST_TOLD).map(|(user, numbers)| (user, having(numbers))),
            networks
                .into_iter()
                .take(2 * MOST_TOLD)
                .map(|(ip, numbers)| (Network::of(ip, prefix), having(numbers))),
        );
        if let Some(logged_in) = logged_in {
            self.accounts.elsewhere.told_sessions(from, logged_in);
        }
        let guard = self.limits.guard();
        // First, as locks that began before are none.
        for (subject, age) in lifts.iter().take(MOST) {
            let age = std::time::Duration::from_millis(*age);
            if guard.lifted_elsewhere(subject.as_deref(), age) {
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
        self.accounts.quotas.made_elsewhere(from, all, more, quotas.into_iter().take(MOST).map(made));
        if leaves {
            self.accounts.elsewhere.forget(from);
            self.here().retain(|replica| *replica != from);
            tracing::info!(replica = from, "another replica has ended");
        }
        for replica in knows.into_iter().filter(|replica| *replica != self.cluster.index) {
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
