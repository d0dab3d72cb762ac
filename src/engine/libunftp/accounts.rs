//! Our accounts as libunftp's `Authenticator` and `UserDetailProvider`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use unftp_core::auth::{
    AuthenticationError, Authenticator, ChannelEncryptionState, Credentials, Principal, UserDetail,
    UserDetailError, UserDetailProvider,
};

use super::error::to_libunftp;
use super::session::Session;
use rustls::pki_types::CertificateDer;

use crate::accounts::{Channel, Credential, LoginError, Origin, Refused};
use crate::visit::Visit;
use crate::world::CurrentWorld;

/// The accounts, as one session asks for them.
#[derive(Debug)]
pub(super) struct SessionAccounts {
    world: Arc<CurrentWorld>,
    session: Arc<Session>,
}

impl SessionAccounts {
    pub(super) fn new(world: &Arc<CurrentWorld>, session: &Arc<Session>) -> Self {
        Self { world: Arc::clone(world), session: Arc::clone(session) }
    }
}

/// Somebody who is logged in.
#[derive(Debug)]
pub(super) struct SessionUser {
    pub(super) visit: Arc<Visit>,
}

impl fmt::Display for SessionUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.visit.name())
    }
}

impl UserDetail for SessionUser {}

impl SessionUser {
    /// What a command that failed leaves in the log, and tells the library.
    pub(super) fn failed(&self, operation: &str, error: wharf_backends::Error) -> unftp_core::storage::Error {
        self.visit.command_failed(operation, &error);
        to_libunftp(error)
    }
}

#[async_trait]
impl Authenticator for SessionAccounts {
    async fn authenticate(
        &self,
        name: &str,
        credentials: &Credentials,
    ) -> Result<Principal, AuthenticationError> {
        let session = &*self.session;
        let credential = Credential { password: credentials.password.as_deref().unwrap_or_default() };
        let certificates = credentials.certificate_chain.as_ref();
        let certificate = certificates.and_then(|chain| chain.first());
        let certificate = certificate.map(|certificate| CertificateDer::from(certificate.0.clone()));
        let channel = Channel {
            encrypted: matches!(credentials.command_channel_security, ChannelEncryptionState::Tls),
            certificate: certificate.as_ref(),
        };
        let origin = Origin {
            session: session.id,
            peer: session.peer,
            // It knows no HOST, and does not tell the server name of TLS.
            host: None,
            channel,
            permit: &session.permit,
            ending: &session.shutdown,
        };
        // libunftp asks in a task of its own, and goes on asking when the client is gone or the session is over.
        let entered = self.world.now().accounts.enter(name, credential, origin, session.is_over()).await;
        let visit = entered.map_err(refusal)?;
        let username = visit.name().to_owned();
        session.logged_in(visit);
        Ok(Principal { username })
    }
}

/// Whatever it is, libunftp's reply is the same: 530.
fn refusal(refused: Refused) -> AuthenticationError {
    match refused {
        Refused::Failed(LoginError::UnknownUser | LoginError::AnonymousDisabled) => {
            AuthenticationError::BadUser
        }
        Refused::Failed(LoginError::WrongPassword) => AuthenticationError::BadPassword,
        Refused::Failed(cause) => AuthenticationError::new(cause.to_string()),
        Refused::Unavailable => AuthenticationError::new(LoginError::Unavailable.to_string()),
        Refused::Busy => AuthenticationError::new(LoginError::Busy.to_string()),
        Refused::LockedOut(_) => AuthenticationError::new("this address is locked out"),
        Refused::TooManySessions => AuthenticationError::new("the user has as many sessions as it may have"),
        Refused::TooManyFromThisAddress => {
            AuthenticationError::new("this address has as many sessions as it may have")
        }
        Refused::Draining => AuthenticationError::new("the server takes no new logins for now"),
        Refused::Displaced => AuthenticationError::new("the session gave way to another one"),
        Refused::Gone => AuthenticationError::new("nobody waits for the answer"),
    }
}

#[async_trait]
impl UserDetailProvider for SessionAccounts {
    type User = SessionUser;

    async fn provide_user_detail(&self, principal: &Principal) -> Result<SessionUser, UserDetailError> {
        let not_found = || UserDetailError::UserNotFound { username: principal.username.clone() };
        let visit = self.session.visit().ok_or_else(not_found)?;
        Ok(SessionUser { visit: Arc::clone(visit) })
    }
}
