//! What sessions do, as engines and logins tell it: the same in both engines.

use std::error::Error as _;
use std::time::Duration;

use wharf_backends::{Error, StoragePath};

use super::{Facts, Mistake, Moved, Untold, What, Who};
use crate::host::Host;
use crate::ops::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::tls::DistinguishedName;
use crate::visit::failure::label;

/// Tells what a session does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Journal<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) who: Who<'a>,
}

impl Journal<'_> {
    fn tell(&self, what: What<'_>) {
        self.facts.tell(self.who, what);
    }

    /// A client has connected; this is how its session is told to end.
    pub(crate) fn opened(&self, ending: &Shutdown) {
        self.tell(What::SessionOpened { ending });
    }

    /// It is gone, or was sent away.
    pub(crate) fn closed(&self, moved: Moved, lasted: Duration) {
        self.tell(What::SessionClosed { moved, lasted });
    }

    /// The control connection is encrypted from now on, or no more.
    pub(crate) fn encrypted(&self, is_encrypted: bool) {
        self.tell(What::Encrypted { is_encrypted });
    }

    /// A command came; `known` is its name in the table.
    pub(crate) fn command(&self, known: Option<&'static str>, verb: &str, argument: &[u8]) {
        self.tell(What::Command { known, verb, argument });
    }

    /// Somebody has logged in by this proof, maybe at a host that the client has named.
    pub(crate) fn logged_in(&self, host: Option<&Host>, proof: &'static str, encrypted: bool) {
        self.tell(What::LoggedIn { host, proof, encrypted });
    }

    /// Somebody makes room for another user (REIN).
    pub(crate) fn logged_out(&self, moved: Moved) {
        self.tell(What::LoggedOut { moved });
    }

    /// Somebody has not logged in, for this reason.
    pub(crate) fn login_failed(&self, cause: &str) {
        self.tell(What::LoginFailed { cause });
    }

    /// No login is wanted at this time: nothing has failed.
    pub(crate) fn login_refused(&self, cause: &str) {
        self.tell(What::LoginRefused { cause });
    }

    /// A login failed with a certificate of somebody else: this is what the configuration would have to say.
    pub(crate) fn other_certificate(&self, subject: Option<&DistinguishedName>, sha256: &[u8]) {
        self.tell(What::OtherCertificate { subject, sha256 });
    }

    /// Somebody has not logged in, as that could not be told.
    pub(crate) fn login_untold(&self) {
        self.facts.log_only(self.who, What::LoginFailed { cause: &Untold.to_string() });
    }

    /// A failure has locked the address or the name.
    pub(crate) fn locked_out(&self, address: bool, name: bool) {
        if address {
            self.tell(What::AddressLockedOut);
        }
        if name {
            self.tell(What::NameLockedOut);
        }
    }

    /// The client left before it was the turn of its password.
    pub(crate) fn login_abandoned(&self) {
        self.tell(What::LoginAbandoned);
    }

    /// The account is no more, and the session ends.
    pub(crate) fn expired(&self) {
        self.tell(What::AccountExpired);
    }

    /// The session had not logged in, and its place is needed.
    pub(crate) fn displaced(&self) {
        self.tell(What::SessionDisplaced);
    }

    /// The user has as many transfers as it may have.
    pub(crate) fn too_many_transfers(&self) {
        self.tell(What::TooManyTransfers);
    }

    /// The client does what this server can't serve.
    pub(crate) fn mistaken(&self, mistake: Mistake) {
        self.tell(What::Mistaken { mistake });
    }

    /// An upload whose line broke is kept for its owner.
    pub(crate) fn upload_kept(&self, path: &StoragePath, bytes: u64) {
        self.tell(What::UploadKept { path, bytes });
    }

    /// The owner of what was kept of an upload has thrown it away.
    pub(crate) fn upload_removed(&self, path: &StoragePath, bytes: u64) {
        self.tell(What::UploadRemoved { path, bytes });
    }

    /// A command has changed what is stored.
    pub(crate) fn changed(
        &self,
        operation: &str,
        path: &StoragePath,
        to: Option<&StoragePath>,
        value: Option<&str>,
    ) {
        self.tell(What::Changed { operation, path, to, value });
    }

    /// The scanner has found something in an upload; where a copy is kept, if one is.
    pub(crate) fn scan_found(
        &self,
        path: &StoragePath,
        finding: &str,
        scanner: &str,
        quarantined: Option<&str>,
    ) {
        self.tell(What::ScanFound { path, finding, scanner, quarantined });
    }

    /// There is no verdict about an upload: whether it is stored in spite of that.
    pub(crate) fn scan_unavailable(&self, path: &StoragePath, scanner: &str, cause: &str, passed: bool) {
        self.tell(What::ScanUnavailable { path, scanner, cause, passed });
    }

    /// A command failed in the storage, or was refused by it: it is counted, too.
    pub(crate) fn command_failed(&self, metrics: &Metrics, operation: &str, error: &Error) {
        metrics.command_failed(label(error));
        let what = What::CommandFailed { operation, error };
        if error.source().is_some_and(<dyn std::error::Error>::is::<Untold>) {
            self.facts.log_only(self.who, what);
        } else {
            self.tell(what);
        }
    }
}
