//! All that is known of one user.

use std::sync::Arc;

use super::access::Access;
use crate::config::Password;
use crate::visit::{Preferences, UserView};

/// The names by which the anonymous user logs in (RFC 1635 and the habit of clients), in lower case.
pub const ANONYMOUS_NAMES: &[&str] = &["anonymous", "ftp"];

/// Whether this is a name of the anonymous user: some devices write it with a capital.
pub fn is_anonymous(name: &str) -> bool {
    ANONYMOUS_NAMES.iter().any(|anonymous| anonymous.eq_ignore_ascii_case(name))
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
    /// The files that the user sees, and the permissions there.
    pub view: UserView,
    /// The settings of the user's sessions.
    pub preferences: Arc<Preferences>,
    /// From where, and until when, the account may be used.
    pub access: Access,
    /// The user's limits.
    pub limits: Limits,
}

/// The limits of one user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// The most sessions at once; `None`: any number.
    pub sessions: Option<usize>,
}
