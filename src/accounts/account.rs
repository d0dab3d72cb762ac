//! All that is known of one user.

use std::net::IpAddr;
use std::sync::Arc;

use super::access::Access;
use crate::config::{self, OwnCertificate, Password, UserLimits};
use crate::host::Host;
use crate::visit::{Preferences, UnknownBackend, UserView, Views};

/// The names by which the anonymous user logs in (RFC 1635 and the habit of clients), in lower case.
pub const ANONYMOUS_NAMES: &[&str] = &["anonymous", "ftp"];

/// Whether this is a name of the anonymous user: some devices write it with a capital.
pub fn is_anonymous(name: &str) -> bool {
    ANONYMOUS_NAMES.iter().any(|anonymous| anonymous.eq_ignore_ascii_case(name))
}

/// The name under which a user is looked up: the anonymous user has several, and they are one.
pub fn one_name(name: &str) -> &str {
    if is_anonymous(name) { ANONYMOUS_NAMES[0] } else { name }
}

/// All that is known of one user.
#[derive(Debug)]
pub struct Account {
    /// The name.
    pub name: String,
    /// Whether this is the anonymous user, who needs no password.
    pub is_anonymous: bool,
    /// The hash or text that a password is compared with; `None` if the user has no password.
    pub password: Option<Password>,
    /// The certificate that the user's client has to show; `None` if none is asked for.
    pub certificate: Option<OwnCertificate>,
    /// The directories that the user sees as one tree, and the permissions there.
    pub tree: config::Account,
    /// Whether the user's SITE CHMOD has an effect.
    pub sets_modes: bool,
    /// Whether the missing directories of a file that the user stores are made.
    pub creates_parents: bool,
    /// The settings of the user's sessions.
    pub preferences: Arc<Preferences>,
    /// From where, at which hosts, and until when, the account may be used.
    pub access: Access,
    /// The user's limits.
    pub limits: Arc<Limits>,
    /// The source that has made this account when the user logged in, by its `identity`;
    /// `None` if the account is known whether somebody logs in or not.
    pub made_by: Option<Arc<str>>,
}

impl Account {
    /// The files that the user sees. Directories that others were given since count, so it is made anew for each session.
    ///
    /// # Errors
    /// If a backend is not there; the check of the account rules it out.
    pub fn view(&self, views: &Views) -> Result<UserView, UnknownBackend> {
        let view = views.of(&self.tree)?;
        let view = view.setting_modes(self.sets_modes).creating_parents(self.creates_parents);
        // Many are behind that name, and one must not go on with what is another's.
        Ok(if self.is_anonymous { view } else { view.owned_by(&self.name) })
    }

    /// By what its user has shown who they are, in words.
    pub fn proof(&self) -> &'static str {
        match (self.is_anonymous, &self.certificate, &self.password) {
            (true, ..) => "anonymous",
            (false, Some(_), Some(_)) => "certificate and password",
            (false, Some(_), None) => "certificate",
            (false, None, Some(_)) => "password",
            // Whoever was asked for the account has looked at the credential.
            (false, None, None) => "source",
        }
    }

    /// Whether the same credential lets the same user in: otherwise the sessions of one must not go on as those of the other.
    pub fn has_the_proof_of(&self, other: &Self) -> bool {
        (self.is_anonymous, &self.password, &self.certificate)
            == (other.is_anonymous, &other.password, &other.certificate)
    }

    /// Whether a session from this address, at this host, may go on that another reading of the account has let in: the same credential lets the
    /// same user in, from there, and for no shorter time.
    pub fn stands_by(&self, before: &Self, from: IpAddr, at: Option<&Host>) -> bool {
        self.has_the_proof_of(before) && self.access.stands_by(&before.access, from, at)
    }
}

/// The limits of one user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// The most sessions at once; `None`: any number.
    pub sessions: Option<usize>,
    /// What the user may use up who is logged in.
    pub own: Arc<UserLimits>,
}
