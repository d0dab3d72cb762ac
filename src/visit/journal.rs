//! Log lines of what sessions do, the same in both engines: operators filter by their fields.

use std::net::SocketAddr;
use std::time::Duration;

use wharf_backends::{Error, StoragePath};

use super::failure::{is_trouble, label};
use crate::host::Host;
use crate::ops::logging::rate;
use crate::ops::metrics::Metrics;
use crate::tls::DistinguishedName;

/// How much of a name that anybody may have made up is shown.
const SHOWN: usize = 128;

/// Whose lines these are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Journal<'a> {
    pub(crate) session: u64,
    /// Empty before the login.
    pub(crate) user: &'a str,
    pub(crate) peer: SocketAddr,
}

/// What a session moved, in bytes of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

impl Journal<'_> {
    /// A client has connected. Balancers do each second, to look whether somebody listens.
    pub(crate) fn opened(&self) {
        let Self { session, peer, .. } = *self;
        tracing::debug!(session, %peer, "session opened");
    }

    /// It is gone, or was sent away.
    pub(crate) fn closed(&self, moved: Moved, lasted: Duration) {
        let Self { session, user, peer } = *self;
        let (Moved { received, sent }, seconds) = (moved, lasted.as_secs_f64());
        match user.is_empty() {
            true => tracing::debug!(session, %peer, seconds, "session closed"),
            false => tracing::info!(session, user, %peer, received, sent, seconds, "session closed"),
        }
    }

    /// Somebody has logged in, maybe at a host that the client has named.
    pub(crate) fn logged_in(&self, host: Option<&Host>) {
        let Self { session, user, peer } = *self;
        let host = host.map(tracing::field::display);
        tracing::info!(session, user, %peer, host, "logged in");
    }

    /// Somebody makes room for another user (REIN).
    pub(crate) fn logged_out(&self, moved: Moved) {
        let Self { session, user, peer } = *self;
        let Moved { received, sent } = moved;
        tracing::info!(session, user, %peer, received, sent, "logged out");
    }

    /// Somebody has not, for this reason.
    pub(crate) fn login_failed(&self, cause: &str) {
        let Self { session, user, peer } = *self;
        if rate::FAILED_LOGINS.admits(peer.ip()) {
            tracing::warn!(session, user = shown(user), %peer, cause, "login failed");
        }
    }

    /// A login failed with a certificate of somebody else: this is what the configuration would have to say.
    pub(crate) fn other_certificate(&self, subject: Option<&DistinguishedName>, sha256: &[u8]) {
        let Self { session, user, peer } = *self;
        if rate::FAILED_LOGINS.admits(peer.ip()) {
            let (subject, sha256) = (subject.map(ToString::to_string), hex::encode(sha256));
            tracing::info!(session, user = shown(user), %peer, subject, sha256, "the client has shown this certificate");
        }
    }

    /// A failure has locked the address or the name.
    pub(crate) fn locked_out(&self, address: bool, name: bool) {
        let Self { session, user, peer } = *self;
        if address && rate::FAILED_LOGINS.admits(peer.ip()) {
            tracing::warn!(session, %peer, "an address is locked out: too many logins from it have failed");
        }
        if name && rate::FAILED_LOGINS.admits(peer.ip()) {
            tracing::warn!(session, user = shown(user), %peer, "a user is locked out: too many logins have failed");
        }
    }

    /// The client left before it was the turn of its password.
    pub(crate) fn login_abandoned(&self) {
        let Self { session, user, peer } = *self;
        if rate::FAILED_LOGINS.admits(peer.ip()) {
            tracing::info!(session, user = shown(user), %peer, "the client left before its password was checked");
        }
    }

    /// The account is no more, and the session ends.
    pub(crate) fn expired(&self) {
        let Self { session, user, peer } = *self;
        tracing::info!(session, user, %peer, "the account has expired: ending its session");
    }

    /// The session had not logged in, and its place is needed.
    pub(crate) fn displaced(&self) {
        let Self { session, peer, .. } = *self;
        if rate::REFUSED_SESSIONS.admits(peer.ip()) {
            tracing::info!(session, %peer, "a session that had not logged in gave way to a new one");
        }
    }

    /// The user has as many transfers as it may have.
    pub(crate) fn too_many_transfers(&self) {
        let Self { session, user, peer } = *self;
        if rate::REFUSALS.admits(peer.ip()) {
            tracing::info!(session, user, %peer, "refused a transfer: the user has as many as it may have");
        }
    }

    /// A command has changed what is stored.
    pub(crate) fn changed(&self, operation: &str, path: &StoragePath, to: Option<&StoragePath>) {
        let Self { session, user, peer } = *self;
        let (path, to) = (path.as_str(), to.map(StoragePath::as_str));
        tracing::info!(session, user, %peer, operation, path, to, "changed");
    }

    /// A command failed in the storage, or was refused by it: counts it, and writes a warning if the storage is in trouble.
    pub(crate) fn command_failed(&self, metrics: &Metrics, operation: &str, error: &Error) {
        metrics.command_failed(label(error));
        let Self { session, user, peer } = *self;
        if !rate::REFUSALS.admits(peer.ip()) {
            return;
        }
        let (path, cause) = (error.path().map(StoragePath::as_str), error.to_string());
        if is_trouble(error) {
            tracing::warn!(session, user, %peer, operation, path, cause, "command failed");
        } else {
            tracing::info!(session, user, %peer, operation, path, cause, "command refused");
        }
    }
}

/// The beginning of a name.
fn shown(name: &str) -> &str {
    name.char_indices().nth(SHOWN).map_or(name, |(end, _)| &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_between_letters() {
        assert_eq!(shown("demo"), "demo");
        assert_eq!(shown(&"ü".repeat(200)), "ü".repeat(128));
    }
}
