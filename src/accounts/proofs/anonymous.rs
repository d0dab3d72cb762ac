//! The login for which nobody has to show anything (RFC 1635).

use std::sync::Arc;

use async_trait::async_trait;

use super::{Attempt, LoginError, Proof, Verdict};
use crate::accounts::account::{Account, is_anonymous};
use crate::accounts::build::{AccountsError, Known};
use crate::accounts::lasting::Lasting;
use crate::config::Config;

#[derive(Debug)]
struct Anonymous(Option<Arc<Account>>);

/// This proof is always there: if anonymous logins are not enabled, it logs that somebody tried one.
pub(super) fn open(_: &Config, known: &Known, _: &Lasting) -> Result<Option<Box<dyn Proof>>, AccountsError> {
    Ok(Some(Box::new(Anonymous(known.anonymous.clone()))))
}

#[async_trait]
impl Proof for Anonymous {
    async fn check(&self, attempt: &Attempt<'_>) -> Result<Verdict, LoginError> {
        match &self.0 {
            _ if !is_anonymous(attempt.name) => Ok(Verdict::Unknown),
            Some(account) => Ok(Verdict::Proven(Arc::clone(account))),
            None => Err(LoginError::AnonymousDisabled),
        }
    }
}
