//! Our accounts as libunftp's `Authenticator` and `UserDetailProvider`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use unftp_core::auth::{
    AuthenticationError, Authenticator, Credentials, Principal, UserDetail, UserDetailError,
    UserDetailProvider,
};

use super::session::Session;
use crate::accounts::{Failed, Identity, LoginError, Users, is_anonymous};
use crate::ops::metrics::Login;
use crate::visit::journal::Journal;
use crate::visit::{UserView, Views};

/// Who may log in, and what they see.
#[derive(Debug)]
pub(super) struct Accounts {
    pub(super) users: Users,
    pub(super) views: Views,
}

/// The accounts, as one session asks for them.
#[derive(Debug)]
pub(super) struct SessionAccounts {
    accounts: Arc<Accounts>,
    session: Arc<Session>,
}

impl SessionAccounts {
    pub(super) fn new(accounts: &Arc<Accounts>, session: &Arc<Session>) -> Self {
        Self { accounts: Arc::clone(accounts), session: Arc::clone(session) }
    }
}

/// Somebody who is logged in.
#[derive(Debug)]
pub(super) struct SessionUser {
    pub(super) name: String,
    pub(super) view: UserView,
}

impl fmt::Display for SessionUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl UserDetail for SessionUser {}

#[async_trait]
impl Authenticator for SessionAccounts {
    async fn authenticate(
        &self,
        name: &str,
        credentials: &Credentials,
    ) -> Result<Principal, AuthenticationError> {
        let password = credentials.password.as_deref().unwrap_or_default();
        let journal = Journal { user: name, ..self.session.journal() };
        let metrics = &self.session.metrics;
        let check = metrics.login_begins();
        self.session.permit.asked();
        // libunftp asks in a task of its own, and goes on asking when the client is gone or the session is over.
        let checked = tokio::select! {
            checked = self.accounts.users.authenticate(name, password, self.session.peer.ip()) => checked,
            () = self.session.is_over() => {
                journal.login_abandoned();
                return Err(AuthenticationError::new("nobody waits for the answer"));
            }
        };
        check.is_over();
        let Err(Failed { cause, delay }) = checked else {
            if !self.session.permit.logged_in() {
                return Err(AuthenticationError::new("the session gave way to another one"));
            }
            metrics.login(Login::Success);
            journal.logged_in();
            return Ok(Principal { username: name.to_owned() });
        };
        journal.login_failed(&cause.to_string());
        metrics.login(cause.into());
        self.session.permit.failed();
        tokio::time::sleep(delay).await;
        self.session.permit.answered();
        Err(match cause {
            LoginError::UnknownUser | LoginError::AnonymousDisabled => AuthenticationError::BadUser,
            LoginError::WrongPassword => AuthenticationError::BadPassword,
            LoginError::Busy | LoginError::GivenUp => AuthenticationError::new(cause.to_string()),
        })
    }
}

#[async_trait]
impl UserDetailProvider for SessionAccounts {
    type User = SessionUser;

    async fn provide_user_detail(&self, principal: &Principal) -> Result<SessionUser, UserDetailError> {
        let name = &principal.username;
        let views = &self.accounts.views;
        let user = views.of(&Identity::User(name.clone()));
        // A user may be called `ftp` where there is no anonymous one.
        let view = user
            .or_else(|| is_anonymous(name).then(|| views.of(&Identity::Anonymous)).flatten())
            .ok_or_else(|| UserDetailError::UserNotFound { username: name.clone() })?;
        self.session.logged_in(name);
        Ok(SessionUser { name: name.clone(), view })
    }
}
