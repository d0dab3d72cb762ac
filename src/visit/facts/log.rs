//! The log lines of facts: operators filter by their fields.

use wharf_backends::StoragePath;

use super::{Moved, Transfer, TransferEnd, What, Who};
use crate::ops::logging::rate;
use crate::visit::failure::is_trouble;
use crate::visit::transfers::Direction;

/// How much of a name that anybody may have made up is shown.
const SHOWN: usize = 128;

/// Writes the line of a fact, unless there were too many of its kind from this address.
pub(super) fn write(who: Who<'_>, what: What<'_>) {
    let Who { session, user, peer } = who;
    match what {
        // Balancers connect each second, to look whether somebody listens.
        What::SessionOpened { .. } => tracing::debug!(session, %peer, "session opened"),
        What::SessionClosed { moved: Moved { received, sent }, lasted } => {
            let seconds = lasted.as_secs_f64();
            match user.is_empty() {
                true => tracing::debug!(session, %peer, seconds, "session closed"),
                false => tracing::info!(session, user, %peer, received, sent, seconds, "session closed"),
            }
        }
        What::SessionDisplaced if rate::REFUSED_SESSIONS.admits(peer.ip()) => {
            tracing::info!(session, %peer, "a session that had not logged in gave way to a new one");
        }
        What::AccountExpired => {
            tracing::info!(session, user, %peer, "the account has expired: ending its session");
        }
        What::LoggedIn { host, .. } => {
            let host = host.map(tracing::field::display);
            tracing::info!(session, user, %peer, host, "logged in");
        }
        What::LoggedOut { moved: Moved { received, sent } } => {
            tracing::info!(session, user, %peer, received, sent, "logged out");
        }
        What::LoginFailed { cause } if rate::FAILED_LOGINS.admits(peer.ip()) => {
            tracing::warn!(session, user = shown(user), %peer, cause, "login failed");
        }
        What::LoginRefused { cause } if rate::REFUSALS.admits(peer.ip()) => {
            tracing::info!(session, user = shown(user), %peer, cause, "login refused");
        }
        What::OtherCertificate { subject, sha256 } if rate::FAILED_LOGINS.admits(peer.ip()) => {
            let (subject, sha256) = (subject.map(ToString::to_string), hex::encode(sha256));
            tracing::info!(session, user = shown(user), %peer, subject, sha256, "the client has shown this certificate");
        }
        What::AddressLockedOut if rate::FAILED_LOGINS.admits(peer.ip()) => {
            tracing::warn!(session, %peer, "an address is locked out: too many logins from it have failed");
        }
        What::NameLockedOut if rate::FAILED_LOGINS.admits(peer.ip()) => {
            tracing::warn!(session, user = shown(user), %peer, "a user is locked out: too many logins have failed");
        }
        What::LoginAbandoned if rate::FAILED_LOGINS.admits(peer.ip()) => {
            tracing::info!(session, user = shown(user), %peer, "the client left before its password was checked");
        }
        What::TooManyTransfers if rate::REFUSALS.admits(peer.ip()) => {
            tracing::info!(session, user, %peer, "refused a transfer: the user has as many as it may have");
        }
        What::TransferEnded { transfer, end } => transfer_ended(who, transfer, end),
        What::UploadKept { path, bytes } => {
            let path = path.as_str();
            tracing::info!(session, user, %peer, path, bytes, "kept an upload that was broken off");
        }
        What::UploadRemoved { path, bytes } => {
            let path = path.as_str();
            tracing::info!(session, user, %peer, path, bytes, "removed what was kept of an upload");
        }
        What::Changed { operation, path, to, value } => {
            let (path, to) = (path.as_str(), to.map(StoragePath::as_str));
            tracing::info!(session, user, %peer, operation, path, to, value, "changed");
        }
        What::ScanFound { path, finding, scanner, quarantined } if rate::INFECTED.admits(peer.ip()) => {
            let path = path.as_str();
            tracing::warn!(session, user, %peer, path, finding, scanner, quarantined, "infected upload refused");
        }
        What::ScanUnavailable { path, scanner, cause, passed } if rate::UNSCANNED.admits(peer.ip()) => {
            let path = path.as_str();
            match passed {
                true => {
                    tracing::warn!(session, user, %peer, path, scanner, cause, "upload passed without a verdict")
                }
                false => {
                    tracing::warn!(session, user, %peer, path, scanner, cause, "upload refused without a verdict")
                }
            }
        }
        What::CommandFailed { operation, error } if rate::REFUSALS.admits(peer.ip()) => {
            let (path, cause) = (error.path().map(StoragePath::as_str), error.to_string());
            // Only if the storage is in trouble has the operator to do something.
            if is_trouble(error) {
                tracing::warn!(session, user, %peer, operation, path, cause, "command failed");
            } else {
                tracing::info!(session, user, %peer, operation, path, cause, "command refused");
            }
        }
        What::Mistaken { mistake } if rate::MISTAKES.admits(peer.ip()) => {
            let (user, cause) = (shown(user), mistake.words());
            tracing::info!(session, user, %peer, cause, "the client is mistaken");
        }
        // The acceptor has a line for it.
        What::SessionRefused { .. } => {}
        What::TransferBegan { .. }
        | What::Digested { .. }
        | What::Mistaken { .. }
        | What::Encrypted { .. }
        | What::Command { .. }
        | What::Reply { .. }
        | What::SessionDisplaced
        | What::LoginFailed { .. }
        | What::LoginRefused { .. }
        | What::OtherCertificate { .. }
        | What::AddressLockedOut
        | What::NameLockedOut
        | What::LoginAbandoned
        | What::TooManyTransfers
        | What::ScanFound { .. }
        | What::ScanUnavailable { .. }
        | What::CommandFailed { .. } => {}
    }
}

fn transfer_ended(who: Who<'_>, transfer: &Transfer, end: TransferEnd<'_>) {
    let Who { session, user, peer } = who;
    let TransferEnd { seconds, data_peer, failure, .. } = end;
    let (operation, offset, bytes) = (transfer.direction.operation(), transfer.offset, transfer.bytes());
    let (path, data_peer) = (&*transfer.path, data_peer.map(tracing::field::display));
    let Some(failure) = failure else {
        return match transfer.direction {
            Direction::Listing => tracing::debug!(
                session, user, %peer, data_peer, operation, path, bytes, seconds, "transfer complete"
            ),
            Direction::Download | Direction::Upload | Direction::Append => tracing::info!(
                session, user, %peer, data_peer, operation, path, offset, bytes, seconds, "transfer complete"
            ),
        };
    };
    if !rate::REFUSALS.admits(peer.ip()) {
        return;
    }
    let cause = failure.to_string();
    if failure.of_storage().is_some_and(|error| !is_trouble(error)) {
        tracing::info!(session, user, %peer, data_peer, operation, path, offset, cause, "transfer refused");
    } else {
        tracing::warn!(
            session, user, %peer, data_peer, operation, path, offset, bytes, seconds, cause, "transfer failed"
        );
    }
}

/// The beginning of a name.
pub(crate) fn shown(name: &str) -> &str {
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
