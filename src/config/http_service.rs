//! A service that is asked at each login.

use std::time::Duration;

use wharf_backends::object::Authorities;

use super::Secret;

/// A service that is asked at each login whose name and password these are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpService {
    /// Where it is asked: a URL without user, query and fragment.
    pub url: String,
    /// By which it knows who asks.
    pub token: Option<Secret>,
    /// How long a question may take altogether.
    pub timeout: Duration,
    /// How long an answer is known at most that lets somebody in; zero: not at all.
    pub cache: Duration,
    /// Trusted in place of the system's authorities.
    pub authorities: Option<Authorities>,
}
