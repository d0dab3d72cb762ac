//! The issuer, as somebody who is asked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::entry;
use super::keys::Store;
use super::token::{Token, Wrong};
use crate::accounts::proofs::LoginError;
use crate::accounts::sources::Attempt;
use crate::accounts::sources::asked::{Answer, Service, Unanswered};
use crate::config::{TokenIssuer, TokenKeys};
use crate::public_keys::PublicKeys;

/// How long the check of a token may take whose keys are here.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Tokens of an issuer.
#[derive(Debug)]
pub(in crate::accounts::sources) struct Tokens {
    issuer: TokenIssuer,
    keys: Keys,
}

#[derive(Debug)]
enum Keys {
    /// Those of a file; or why there are none.
    Here(Result<Arc<PublicKeys>, String>),
    At(Arc<Store>),
}

impl Tokens {
    pub(in crate::accounts::sources) fn new(issuer: &TokenIssuer) -> Self {
        let keys = match &issuer.keys {
            TokenKeys::Here(text) => Keys::Here(PublicKeys::in_file(text).map(Arc::new)),
            TokenKeys::At(url) => Keys::At(Store::new(url)),
        };
        Self { issuer: issuer.clone(), keys }
    }

    async fn known(&self) -> Result<Arc<PublicKeys>, Unanswered> {
        let keys = match &self.keys {
            Keys::Here(keys) => keys.clone(),
            Keys::At(store) => store.known().await,
        };
        keys.map_err(|reason| Unanswered::broken(format!("the keys of tokens can't be had: {reason}")))
    }

    /// Keys that came after these; `None` if there are none.
    async fn newer(&self, than: &Arc<PublicKeys>) -> Result<Option<Arc<PublicKeys>>, Unanswered> {
        match &self.keys {
            Keys::Here(_) => Ok(None),
            Keys::At(store) => store.newer(than).await.map_err(|reason| {
                Unanswered::broken(format!("the key of the token is not known, and can't be had: {reason}"))
            }),
        }
    }

    /// What the claims say, if the token is genuine and counts.
    async fn look_at(&self, token: &Token<'_>, name: &str) -> Result<Answer, Unanswered> {
        let keys = self.known().await?;
        let mut checked = token.claims(&self.issuer, &keys);
        if let Err(Wrong::Key(_)) = checked
            && let Some(newer) = self.newer(&keys).await?
        {
            checked = token.claims(&self.issuer, &newer);
        }
        Ok(match checked {
            Ok(claims) => match entry::of_claims(&self.issuer, name, &claims) {
                Ok(entry) => Answer::User { entry, holds: Duration::ZERO },
                Err(reason) => Answer::Refused(reason),
            },
            Err(Wrong::Key(reason)) => Answer::Refused(reason.to_owned()),
            Err(Wrong::Token(reason)) => Answer::Refused(reason),
        })
    }
}

#[async_trait]
impl Service for Tokens {
    fn origin(&self) -> &str {
        &self.issuer.issuer
    }

    fn identity(&self) -> String {
        format!("jwt {}", self.issuer.issuer)
    }

    fn timeout(&self) -> Duration {
        match &self.issuer.keys {
            TokenKeys::Here(_) => TIMEOUT,
            TokenKeys::At(url) => url.timeout,
        }
    }

    /// A token is as good as its last second: it is looked at each time.
    fn cache(&self) -> Duration {
        Duration::ZERO
    }

    fn is_like(&self, other: &Self) -> bool {
        self.issuer == other.issuer
    }

    fn follow(&self, before: &Self) {
        if let (Keys::At(store), Keys::At(before)) = (&self.keys, &before.keys) {
            store.follow(before);
        }
    }

    /// Only a token is one.
    fn may_be_a_password(&self, password: &str) -> bool {
        Token::read(password).is_some()
    }

    fn refusal(&self) -> LoginError {
        LoginError::WrongToken
    }

    /// No answer is known again.
    fn question(&self, _: &Attempt<'_>) -> Zeroizing<String> {
        Zeroizing::default()
    }

    async fn answer(&self, _: &str, attempt: &Attempt<'_>) -> Result<Answer, Unanswered> {
        let Some(token) = Token::read(attempt.credential.password) else { return Ok(Answer::Unknown) };
        if token.issuer() != Some(&self.issuer.issuer) {
            // Another source may know it; if none does, the log says why.
            let _ = attempt.client.reason.set("the token is of another issuer".to_owned());
            return Ok(Answer::Unknown);
        }
        self.look_at(&token, attempt.name).await
    }
}
