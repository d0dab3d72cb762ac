//! Checking names and passwords.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use subtle::ConstantTimeEq;

use super::decoys::Decoys;
use super::guesses::Guesses;
use super::remembered::Remembered;
use super::turns::Turns;
use super::{PasswordHash, PasswordHashError};
use crate::config::{self, Password, Secret};
use crate::network::Network;

/// The longest password that is looked at, in bytes. Hashing takes time with the length.
const MAX_PASSWORD_LENGTH: usize = 1024;

/// Who somebody proved to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// A user of the configuration.
    User(String),
    /// The anonymous user.
    Anonymous,
}

/// The names by which the anonymous user logs in (RFC 1635 and the habit of clients), in lower case.
pub const ANONYMOUS_NAMES: &[&str] = &["anonymous", "ftp"];

/// Whether this is a name of the anonymous user: some devices write it with a capital.
pub fn is_anonymous(name: &str) -> bool {
    ANONYMOUS_NAMES.iter().any(|anonymous| anonymous.eq_ignore_ascii_case(name))
}

/// Why a login was refused. It is for the log; a client learns only that it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// There is no such user.
    #[error("unknown user")]
    UnknownUser,
    /// The user exists, the password is another.
    #[error("wrong password")]
    WrongPassword,
    /// Somebody tried to log in as the anonymous user, which is not enabled.
    #[error("anonymous logins are not enabled")]
    AnonymousDisabled,
    /// Too many others wait to be checked.
    #[error("too many logins wait for their turn")]
    Busy,
    /// The server is going down.
    #[error("the check of the password was given up")]
    GivenUp,
}

impl LoginError {
    /// Whether it may have been a guess.
    fn is_wrong(self) -> bool {
        match self {
            Self::UnknownUser | Self::WrongPassword | Self::AnonymousDisabled => true,
            Self::Busy | Self::GivenUp => false,
        }
    }
}

/// A login that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// Why.
    pub cause: LoginError,
    /// How long the client has to wait before it hears of that. The log does not wait.
    pub delay: Duration,
}

/// What checks may cost.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// So many bits in front of an IPv6 address are one network, whose addresses share their turns.
    pub ipv6_prefix: u8,
    /// How long a password that was right is known again without a check; zero: not at all.
    pub remember_logins: Duration,
    /// How long the answer to a failed login waits at most.
    pub failed_login_delay: Duration,
}

impl From<&config::Server> for Settings {
    fn from(server: &config::Server) -> Self {
        Self {
            ipv6_prefix: server.limits.ipv6_prefix,
            remember_logins: server.remember_logins,
            failed_login_delay: server.failed_login_delay,
        }
    }
}

/// All who may log in.
#[derive(Debug)]
pub struct Users {
    passwords: HashMap<String, Arc<Password>>,
    anonymous: bool,
    ipv6_prefix: u8,
    decoys: Decoys,
    remembered: Arc<Remembered>,
    guesses: Guesses,
    turns: Turns,
}

impl Users {
    /// All who may log in.
    ///
    /// Takes tens of milliseconds if there are none, as it hashes.
    ///
    /// # Errors
    /// If the system has no random bytes, or no threads.
    pub fn new(
        users: impl IntoIterator<Item = (String, Password)>,
        anonymous: bool,
        settings: Settings,
    ) -> Result<Self, PasswordHashError> {
        let passwords: HashMap<_, _> =
            users.into_iter().map(|(name, password)| (name, Arc::new(password))).collect();
        let decoys = Decoys::of(passwords.values().map(|password| &**password))?;
        let turns = Turns::new().map_err(|error| PasswordHashError::Hashing(error.to_string()))?;
        Ok(Self {
            passwords,
            anonymous,
            ipv6_prefix: settings.ipv6_prefix,
            decoys,
            remembered: Arc::new(Remembered::new(settings.remember_logins)?),
            guesses: Guesses::new(settings.failed_login_delay),
            turns,
        })
    }

    /// Checks a name and a password that came from an address, when it is the turn of that address. If nobody waits for it any
    /// more, it is not begun.
    ///
    /// # Errors
    /// [`Failed`]: but for [`LoginError::Busy`], all of them have to look the same to the client.
    pub async fn authenticate(&self, name: &str, password: &str, from: IpAddr) -> Result<Identity, Failed> {
        let network = Network::of(from, self.ipv6_prefix);
        self.check(name, password, network).await.map_err(|cause| {
            let delay = if cause.is_wrong() { self.guesses.failed(network, name) } else { Duration::ZERO };
            Failed { cause, delay }
        })
    }

    async fn check(&self, name: &str, password: &str, network: Network) -> Result<Identity, LoginError> {
        let known = self.passwords.get(name).cloned();
        if known.is_none() && is_anonymous(name) {
            return if self.anonymous { Ok(Identity::Anonymous) } else { Err(LoginError::AnonymousDisabled) };
        }
        let given = Given::of(password);
        let matches = match (known.as_deref(), self.decoys.of_name(name)) {
            (Some(Password::Hash(hash)), _) => self.verify(name, hash, &given, network).await?,
            (Some(Password::Plain(expected)), _) => {
                given.text.as_bytes().ct_eq(expected.expose().as_bytes()).into()
            }
            (None, Some(decoy)) => {
                // Only for the time that it takes, the second time as well as the first.
                let given = Given { may_be_right: false, ..given };
                self.verify(name, decoy, &given, network).await?;
                false
            }
            (None, None) => false,
        };
        match (known, matches && given.may_be_right) {
            (Some(_), true) => Ok(Identity::User(name.to_owned())),
            (Some(_), false) => Err(LoginError::WrongPassword),
            (None, _) => Err(LoginError::UnknownUser),
        }
    }

    /// Hashes, when it is this one's turn, unless the password was right a moment ago.
    async fn verify(
        &self,
        name: &str,
        hash: &PasswordHash,
        given: &Given<'_>,
        network: Network,
    ) -> Result<bool, LoginError> {
        let tag = self.remembered.tag(name, hash, given.text);
        if self.remembered.knows(name, &tag) && given.may_be_right {
            return Ok(true);
        }
        let (name, hash, text) = (name.to_owned(), hash.clone(), Secret::new(given.text));
        let (remembered, may_be_right) = (Arc::clone(&self.remembered), given.may_be_right);
        let work = move || {
            // Another session of the same user may have been first.
            if may_be_right && remembered.knows(&name, &tag) {
                return true;
            }
            let matches = hash.verify(text.expose());
            if matches && may_be_right {
                remembered.remember(&name, tag);
            }
            matches
        };
        self.turns.run(network, work).await
    }
}

/// A password as it came.
struct Given<'a> {
    /// What is looked at of it.
    text: &'a str,
    /// Whether it can be anybody's. bcrypt ends a password with NUL, and would take one with more behind it for another.
    may_be_right: bool,
}

impl<'a> Given<'a> {
    fn of(password: &'a str) -> Self {
        let too_long = password.len() > MAX_PASSWORD_LENGTH;
        let text = if too_long { password.get(..MAX_PASSWORD_LENGTH).unwrap_or_default() } else { password };
        Self { text, may_be_right: !too_long && !password.contains('\0') }
    }
}

#[cfg(test)]
#[path = "users_tests.rs"]
mod tests;
