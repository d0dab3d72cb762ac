//! All that is known of one user.

use std::sync::Arc;

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
    /// It is the one for which nobody has to show anything.
    pub is_anonymous: bool,
    /// What the password of this user is compared with; `None` if the user has none.
    pub password: Option<Password>,
    /// What the user sees, and what they may do there.
    pub view: UserView,
    /// What the user's sessions are like.
    pub preferences: Arc<Preferences>,
    /// How much of the server the user may take.
    pub limits: Limits,
}

/// How much of the server one user may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// How many sessions at once; `None`: any number.
    pub sessions: Option<usize>,
}
