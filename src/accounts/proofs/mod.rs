//! Ways to show who one is: a file or folder and a row of [`ROWS`] each.

mod anonymous;
mod certificates;
mod passwords;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use rustls::pki_types::CertificateDer;

use super::account::Account;
use super::build::{AccountsError, Known};
use super::lasting::Lasting;
use crate::config::Config;
use crate::host::Host;
use crate::network::Network;
use crate::ops::metrics::Login;

pub(super) use certificates::check as check_certificate;
pub(super) use passwords::{MAX_PASSWORD_LENGTH, PasswordChecks};

/// Opens a proof; returns `None` if the configuration does not ask for it.
type Row = fn(&Config, &Known, &Lasting) -> Result<Option<Box<dyn Proof>>, AccountsError>;

/// All proofs, in the order in which they are asked. The first one that knows a name decides.
const ROWS: &[Row] = &[certificates::open, passwords::open, anonymous::open];

/// Opens the proofs of a configuration.
pub(super) fn open(
    config: &Config,
    known: &Known,
    lasting: &Lasting,
) -> Result<Vec<Box<dyn Proof>>, AccountsError> {
    ROWS.iter().filter_map(|row| row(config, known, lasting).transpose()).collect()
}

/// What a client sends to show that a name is its own.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    /// The password as the client sent it; empty if there was none.
    pub password: &'a str,
}

/// Why a proof has refused a login. The reason is for the log; the client learns only that the login failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// There is no such user.
    #[error("unknown user")]
    UnknownUser,
    /// The user exists, and the password is wrong.
    #[error("wrong password")]
    WrongPassword,
    /// Somebody who was asked knows the user, and refuses the login.
    #[error("refused by the service that was asked")]
    Refused,
    /// The password is a token of somebody who is trusted, and lets this user not in.
    #[error("the token does not let the user in")]
    WrongToken,
    /// The user has a certificate, and the client has shown none.
    #[error("the client has shown no certificate")]
    NoCertificate,
    /// The user has another certificate.
    #[error("the certificate is not one of this user")]
    OtherCertificate,
    /// The certificate has expired since it was verified.
    #[error("the certificate has expired")]
    CertificateExpired,
    /// The user may not log in from the client's address. The password was not looked at.
    #[error("the user may not log in from this address")]
    OtherNetwork,
    /// The user may not log in at the host that the client has named. The password was not looked at.
    #[error("the user may not log in at this host")]
    OtherHost,
    /// The account is no more. The password was not looked at.
    #[error("the account has expired")]
    Expired,
    /// The name is locked after failed logins from elsewhere. The password was not looked at.
    #[error("the name is locked after too many failed logins")]
    LockedOut,
    /// An operator has locked the name. The password was not looked at.
    #[error("an operator has locked the name")]
    LockedByOperator,
    /// Somebody tried to log in as the anonymous user, which is not enabled.
    #[error("anonymous logins are not enabled")]
    AnonymousDisabled,
    /// Too many passwords wait for their check.
    #[error("too many logins wait for their turn")]
    Busy,
    /// Whoever has to be asked gives no answer that is of use.
    #[error("the service with the users gave no answer")]
    Unavailable,
    /// The account changed while it was asked.
    #[error("the account changed during the login")]
    Changed,
    /// The server is stopping.
    #[error("the check of the password was given up")]
    GivenUp,
}

impl LoginError {
    /// Whether the name belongs to a user, and what was shown for it is wrong.
    pub(super) fn is_of_user(self) -> bool {
        match self {
            Self::WrongPassword | Self::Refused => true,
            // Nobody can guess a certificate or a token, so nobody who has none may lock out its owner.
            Self::NoCertificate
            | Self::WrongToken
            | Self::OtherCertificate
            | Self::CertificateExpired
            | Self::UnknownUser
            | Self::OtherNetwork
            | Self::OtherHost
            | Self::Expired
            | Self::LockedOut
            | Self::LockedByOperator
            | Self::AnonymousDisabled
            | Self::Busy
            | Self::Changed
            | Self::Unavailable
            | Self::GivenUp => false,
        }
    }

    /// Whether the password may have been a guess.
    pub(super) fn is_wrong(self) -> bool {
        match self {
            Self::UnknownUser
            | Self::WrongPassword
            | Self::Refused
            | Self::WrongToken
            | Self::NoCertificate
            | Self::OtherCertificate
            | Self::CertificateExpired
            | Self::OtherNetwork
            | Self::OtherHost
            | Self::Expired
            | Self::LockedOut
            | Self::AnonymousDisabled => true,
            // The owner's client knows nothing of the lock, and may try again and again: its address must not be locked for it.
            Self::LockedByOperator | Self::Busy | Self::Unavailable | Self::Changed | Self::GivenUp => false,
        }
    }

    /// Whether the client waits as long for the reply as after a wrong password.
    pub(super) fn is_slow(self) -> bool {
        self == Self::LockedByOperator || self.is_wrong()
    }
}

/// What the metrics call it.
impl From<LoginError> for Login {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::UnknownUser
            | LoginError::AnonymousDisabled
            | LoginError::WrongPassword
            | LoginError::Refused
            | LoginError::WrongToken
            | LoginError::NoCertificate
            | LoginError::OtherCertificate
            | LoginError::CertificateExpired
            | LoginError::OtherNetwork
            | LoginError::OtherHost
            | LoginError::Expired
            | LoginError::LockedOut
            | LoginError::LockedByOperator => Self::Failed,
            LoginError::Busy => Self::Busy,
            LoginError::Unavailable => Self::Unavailable,
            LoginError::Changed | LoginError::GivenUp => Self::Error,
        }
    }
}

/// What is known of a client beside its name and credential.
#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    /// Its address.
    pub(super) address: IpAddr,
    /// Its control connection.
    pub(super) channel: Channel<'a>,
    /// The host that it has named.
    pub(super) host: Option<&'a Host>,
    /// For what the log has to say about a refusal.
    pub(super) reason: &'a OnceLock<String>,
}

/// The control connection that a credential came by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Channel<'a> {
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The certificate of the client (DER), if it has shown one.
    pub certificate: Option<&'a CertificateDer<'static>>,
}

/// An attempt to log in.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    /// The name as the client sent it.
    pub(super) name: &'a str,
    /// The password or other credential.
    pub(super) credential: Credential<'a>,
    /// The client's address: networks take turns.
    pub(super) network: Network,
    /// Where the client is, and how it has come.
    pub(super) client: Client<'a>,
    /// No credential of this name is looked at just now.
    pub(super) is_locked: bool,
    /// The account of this name, if one is known before the login.
    pub(super) account: Option<&'a Arc<Account>>,
}

/// The result of a check that does not refuse the login.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The attempt is right for this account: one of the file, or one that the proof has made.
    Proven(Arc<Account>),
    /// The name belongs to this account, whose own proof was not looked at yet.
    Found(Arc<Account>),
    /// This proof does not know the name, or has nothing against it, so the next proof is asked.
    Unknown,
    /// The login is refused, and takes as long as one with a wrong password.
    Wrong(LoginError),
}

/// A way to show who one is.
#[async_trait]
pub(super) trait Proof: fmt::Debug + Send + Sync {
    /// Checks whether the credential belongs to the name. The future is dropped when the client is gone.
    ///
    /// # Errors
    /// The login is refused, and no other proof is asked.
    async fn check(&self, attempt: &Attempt<'_>) -> Result<Verdict, LoginError>;

    /// The accounts are others now.
    fn follow(&self, known: &Known) {
        let _ = known;
    }

    /// Takes as long as a check that fails. It is called when no proof knows the name, and when its account may not be used here
    /// and now: otherwise a client could find out by the clock which names exist, or whether a password is right.
    ///
    /// # Errors
    /// Those of [`check`](Self::check) that do not depend on the credential.
    async fn pretend(&self, attempt: &Attempt<'_>) -> Result<(), LoginError> {
        let _ = attempt;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::LoginError::*;

    /// Others are no fault of the client, and nobody may be banned for them.
    #[test]
    fn the_filter_of_fail2ban_has_the_words_of_what_may_be_a_guess() {
        let text = include_str!("../../../deploy/fail2ban/wharf.conf");
        let words = text.split_once("_wrong = (?:").unwrap().1.split_once(")\n").unwrap().0;
        let causes = [
            UnknownUser,
            WrongPassword,
            Refused,
            WrongToken,
            NoCertificate,
            OtherCertificate,
            CertificateExpired,
            OtherNetwork,
            OtherHost,
            Expired,
            LockedOut,
            LockedByOperator,
            AnonymousDisabled,
            Busy,
            Unavailable,
            Changed,
            GivenUp,
        ];
        for cause in causes {
            let is_there = words.split('|').any(|word| word == cause.to_string());
            assert_eq!(is_there, cause.is_wrong(), "{cause}");
        }
        assert_eq!(words.split('|').count(), causes.iter().filter(|cause| cause.is_wrong()).count());
    }
}
