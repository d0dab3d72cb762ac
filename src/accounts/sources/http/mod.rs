//! `users_from: [{ http: URL }]`: a service that is asked at each login.
//!
//! The plan. The question has all that is known of the client, and the answer is an entry of `users` without its proof, a refusal,
//! or that nobody has this name. Anything else is no answer: then nobody is refused for good, and nothing counts as a guess. What
//! an answer holds is read by the rules of the configuration file, and no file is opened for it. An answer that lets somebody in
//! is known again for the time that it names, if the operator allows that. A reading of the configuration that leaves this source
//! as it is keeps its connections and what is known.
//!
//! `docs/users-from-http.openapi.yaml` is the protocol.

mod answer;
mod cache;
mod given;
mod question;
mod service;

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use self::answer::{Answer, cut};
use self::given::Given;
use self::question::Question;
use self::service::{Failure, Service};
use super::{Account, Attempt, LoginError, Source, Verdict};
use crate::accounts::account::is_anonymous;
use crate::accounts::build::Maker;
use crate::accounts::proofs::MAX_PASSWORD_LENGTH;
use crate::config::{Entries, HttpService, Place, Problem, can_be_a_name};
use crate::ops::logging::rate;
use crate::ops::metrics::{Metrics, Question as Outcome};

/// Accounts of a service.
#[derive(Debug)]
pub(super) struct Http {
    identity: Arc<str>,
    service: Arc<Service>,
    entries: Entries,
    maker: Arc<Maker>,
    given: Given,
    metrics: Arc<Metrics>,
}

impl Http {
    /// `before` is the same source of the world before, if there was one.
    pub(super) fn open(
        settings: &HttpService,
        entries: &Entries,
        maker: &Arc<Maker>,
        metrics: &Arc<Metrics>,
        before: Option<&dyn Source>,
    ) -> Self {
        let before = before.and_then(Source::as_any).and_then(<dyn Any>::downcast_ref::<Self>);
        let service = match before {
            Some(before) if *before.service.settings() == *settings => Arc::clone(&before.service),
            _ => Arc::new(Service::new(settings)),
        };
        let given = Given::new(maker.views(), before.map(|before| &before.given));
        Self {
            identity: identity(settings).into(),
            service,
            entries: entries.clone(),
            maker: Arc::clone(maker),
            given,
            metrics: Arc::clone(metrics),
        }
    }

    /// The account that an entry makes.
    fn account(&self, name: &str, entry: &str) -> Result<Arc<Account>, Vec<Problem>> {
        let user = self.entries.without_proof(name, entry, &self.service.settings().url)?;
        let made = self.maker.user(&user).map_err(|error| {
            let file = self.service.settings().url.clone();
            vec![Problem { file, place: None, message: error.to_string() }]
        })?;
        self.given.note(name, &made.tree);
        Ok(Arc::new(Account { made_by: Some(Arc::clone(&self.identity)), ..made }))
    }

    /// What becomes of an answer; `tag` is the question, if it is to be known again.
    fn take(&self, answer: Answer, attempt: &Attempt<'_>, tag: Option<cache::Tag>) -> (Outcome, Taken) {
        match answer {
            Answer::Unknown => (Outcome::Unknown, Ok(Verdict::Unknown)),
            Answer::Refused(reason) => {
                let _ = attempt.client.reason.set(reason);
                (Outcome::Refused, Err(LoginError::Refused))
            }
            Answer::User { entry, holds } => match self.account(attempt.name, &entry) {
                Ok(account) => {
                    if let Some(tag) = tag {
                        self.service.cache().keep(tag, entry, holds.min(self.service.settings().cache));
                    }
                    (Outcome::User, Ok(Verdict::Proven(account)))
                }
                Err(problems) => {
                    self.report(attempt, &problems);
                    (Outcome::Wrong, Err(LoginError::Unavailable))
                }
            },
        }
    }

    /// An entry that can't be used is for the operator: the client can do nothing about it.
    fn report(&self, attempt: &Attempt<'_>, problems: &[Problem]) {
        if !rate::FAILED_LOGINS.admits(attempt.client.address) {
            return;
        }
        let (url, user) = (&self.service.settings().url, attempt.name);
        for Problem { place, message, .. } in problems {
            let (line, column) = place.as_ref().map(|place| (place.line, place.column)).unzip();
            let text = place.as_ref().map(|Place { text, .. }| text.trim());
            tracing::error!(
                url,
                user,
                line,
                column,
                text,
                "what a service says of a user can't be used: {message}"
            );
        }
    }
}

/// What a source answers.
type Taken = Result<Verdict, LoginError>;

/// It distinguishes this source from others.
pub(super) fn identity(settings: &HttpService) -> String {
    format!("http {}", settings.url)
}

#[async_trait]
impl Source for Http {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn asks(&self) -> bool {
        true
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    async fn ask(&self, attempt: &Attempt<'_>) -> Result<Verdict, LoginError> {
        let (name, password) = (attempt.name, attempt.credential.password);
        // Nobody has such a name or such a password, whatever a service says.
        if !can_be_a_name(name) || password.len() > MAX_PASSWORD_LENGTH || password.contains('\0') {
            return Ok(Verdict::Unknown);
        }
        let question = Question::of(attempt).text();
        let cache = self.service.cache();
        let tag = if self.service.settings().cache.is_zero() { None } else { cache.tag(&question) };
        // An entry that does not fit this configuration any more may be another one by now.
        if let Some(entry) = tag.and_then(|tag| cache.find(&tag))
            && let Ok(account) = self.account(name, &entry)
        {
            self.metrics.question(Outcome::Cached, None);
            return Ok(Verdict::Proven(account));
        }
        let began = Instant::now();
        let (outcome, taken) = match self.service.ask(question, attempt.network).await {
            Ok(answer) => self.take(answer, attempt, tag),
            Err(failure) => {
                let _ = attempt.client.reason.set(cut(&failure.to_string()));
                let outcome = match failure {
                    Failure::TooSlow => Outcome::Timeout,
                    Failure::Unreachable(_) => Outcome::Unreachable,
                    Failure::Wrong(_) | Failure::Elsewhere(_) => Outcome::Wrong,
                };
                (outcome, Err(LoginError::Unavailable))
            }
        };
        self.metrics.question(outcome, Some(began.elapsed()));
        taken
    }

    /// A name that is unknown was asked for. Of one that is locked nobody is asked, which must not be faster.
    async fn pretend(&self, attempt: &Attempt<'_>) -> Result<(), LoginError> {
        if attempt.is_locked && !is_anonymous(attempt.name) && can_be_a_name(attempt.name) {
            tokio::time::sleep(self.service.usual_time()).await;
        }
        Ok(())
    }

    /// Sessions go on, whether the service answers or not: it is asked at logins.
    fn stands_by(&self, _: &Account) -> bool {
        true
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
