//! Ways to show who one is: a file or folder and a row of [`ROWS`] each.

mod anonymous;
mod passwords;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::account::Account;
use super::build::{AccountsError, Known};
use crate::config::Config;
use crate::network::Network;

/// What opens a proof: `None` where the configuration does not ask for it.
type Row = fn(&Config, &Known) -> Result<Option<Box<dyn Proof>>, AccountsError>;

/// All proofs, in the order in which they are asked. The first one that knows a name decides.
const ROWS: &[Row] = &[passwords::open, anonymous::open];

/// Opens the proofs of a configuration.
pub(super) fn open(config: &Config, known: &Known) -> Result<Vec<Box<dyn Proof>>, AccountsError> {
    ROWS.iter().filter_map(|row| row(config, known).transpose()).collect()
}

/// What somebody shows beside a name.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    /// The password, as it came; empty if there was none.
    pub password: &'a str,
}

/// Why a proof has refused somebody. It is for the log; a client learns only that it was refused.
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
    pub(super) fn is_wrong(self) -> bool {
        match self {
            Self::UnknownUser | Self::WrongPassword | Self::AnonymousDisabled => true,
            Self::Busy | Self::GivenUp => false,
        }
    }
}

/// Somebody who says who they are.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    /// The name, as it came.
    pub(super) name: &'a str,
    /// What is shown.
    pub(super) credential: Credential<'a>,
    /// Whence: networks take turns.
    pub(super) network: Network,
    /// The account that the file has by this name.
    pub(super) account: Option<&'a Arc<Account>>,
}

/// What a proof says of an attempt that it has nothing against.
#[derive(Debug)]
pub(super) enum Verdict {
    /// That is this account: one of the file, or one that the proof has made.
    Proven(Arc<Account>),
    /// The proof does not know such a name, so the next one is asked.
    Unknown,
}

/// A way to show who one is.
#[async_trait]
pub(super) trait Proof: fmt::Debug + Send + Sync {
    /// Whether they are who they say. If this is dropped, nobody waits for it any more.
    ///
    /// # Errors
    /// The login is refused, and no other proof is asked.
    async fn check(&self, attempt: &Attempt<'_>) -> Result<Verdict, LoginError>;

    /// Takes as long as the check of a name that this proof knows. It is called when no proof knows the name, as nobody is to
    /// learn by the clock which names exist.
    ///
    /// # Errors
    /// Those of [`check`](Self::check) that have nothing to do with what was shown.
    async fn pretend(&self, attempt: &Attempt<'_>) -> Result<(), LoginError> {
        let _ = attempt;
        Ok(())
    }
}
