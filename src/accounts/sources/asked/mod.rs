//! Accounts of somebody who is asked at each login, whoever that is.
//!
//! The plan. A [`Service`] turns a question into an answer: an entry of `users` without its proof, a refusal, or that nobody has
//! this name. Anything else is no answer: then nobody is refused for good, and nothing counts as a guess. What an answer holds is
//! read by the rules of the configuration file, and no file is opened for it. An answer that lets somebody in is known again for
//! the time that it names, if the operator allows that. A reading of the configuration that leaves a source as it is keeps its
//! connections and what is known.

mod answer;
mod cache;
mod desk;
mod given;
#[cfg(test)]
pub(super) mod testing;
mod usual;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use zeroize::Zeroizing;

pub(super) use self::answer::{Answer, Failure, Unanswered, cut};
use self::cache::Fact;
use self::desk::Desk;
use self::given::Given;
use self::usual::Usual;
use super::{Account, Attempt, LoginError, Source, Verdict};
use crate::accounts::account::is_anonymous;
use crate::accounts::build::Maker;
use crate::accounts::proofs::MAX_PASSWORD_LENGTH;
use crate::config::{Entries, Place, Problem, can_be_a_name};
use crate::ops::logging::rate;
use crate::ops::metrics::{Metrics, Question as Outcome};

/// Somebody who is asked.
#[async_trait]
pub(super) trait Service: fmt::Debug + Send + Sync + 'static {
    /// What the log calls it: no secret.
    fn origin(&self) -> &str;

    /// What distinguishes its source from others, and is the same after a reload.
    fn identity(&self) -> String;

    /// How long a question may take altogether.
    fn timeout(&self) -> Duration;

    /// How long an answer is known at most.
    fn cache(&self) -> Duration;

    /// Whether the other one has the same settings: then it can go on in place of this one.
    fn is_like(&self, other: &Self) -> bool;

    /// This one takes the place of the other, which has other settings.
    fn follow(&self, before: &Self) {
        let _ = before;
    }

    /// Whether somebody may have this password there. If not, the service is not asked.
    fn may_be_a_password(&self, password: &str) -> bool {
        password.len() <= MAX_PASSWORD_LENGTH
    }

    /// What a refusal is.
    fn refusal(&self) -> LoginError {
        LoginError::Refused
    }

    /// All that the answer depends on, as text. It holds secrets.
    fn question(&self, attempt: &Attempt<'_>) -> Zeroizing<String>;

    /// Asks once. The future is dropped when the client is gone, or the time is over.
    ///
    /// # Errors
    /// There is no answer.
    async fn answer(&self, question: &str, attempt: &Attempt<'_>) -> Result<Answer, Unanswered>;
}

/// Accounts of a service.
#[derive(Debug)]
pub(super) struct Asked<S> {
    identity: Arc<str>,
    desk: Arc<Desk<S>>,
    entries: Entries,
    maker: Arc<Maker>,
    given: Given,
    usual: Arc<Usual>,
    metrics: Arc<Metrics>,
}

impl<S: Service> Asked<S> {
    /// `before` are the sources of the world before.
    pub(super) fn open(
        service: S,
        entries: &Entries,
        maker: &Arc<Maker>,
        metrics: &Arc<Metrics>,
        before: &[Arc<dyn Source>],
    ) -> Self {
        let identity: Arc<str> = service.identity().into();
        let before = before.iter().find(|source| source.identity() == &*identity);
        let before = before.and_then(|source| source.as_any()).and_then(<dyn Any>::downcast_ref::<Self>);
        let desk = match before {
            Some(before) if before.desk.service().is_like(&service) => Arc::clone(&before.desk),
            Some(before) => {
                service.follow(before.desk.service());
                Arc::new(Desk::new(service))
            }
            None => Arc::new(Desk::new(service)),
        };
        let given = Given::new(maker.views(), before.map(|before| &before.given));
        let usual = before.map(|before| Arc::clone(&before.usual)).unwrap_or_default();
        Self {
            identity,
            desk,
            entries: entries.clone(),
            maker: Arc::clone(maker),
            given,
            usual,
            metrics: Arc::clone(metrics),
        }
    }

    /// Where it is asked.
    #[cfg(test)]
    pub(super) fn desk(&self) -> &Desk<S> {
        &self.desk
    }

    /// The directories that its users were given.
    #[cfg(test)]
    pub(super) fn given(&self) -> &Given {
        &self.given
    }

    /// The account that an entry makes.
    #[cfg(test)]
    pub(super) fn account(&self, name: &str, entry: &str) -> Result<Arc<Account>, Vec<Problem>> {
        self.account_of(name, &Fact { entry: entry.to_owned(), password: None })
    }

    /// The account of a user of whom this is known.
    fn account_of(&self, name: &str, Fact { entry, password }: &Fact) -> Result<Arc<Account>, Vec<Problem>> {
        let origin = self.desk.service().origin();
        let user = self.entries.without_proof(name, entry, origin)?;
        let made = self.maker.user(&user).map_err(|error| {
            vec![Problem { file: origin.to_owned(), place: None, message: error.to_string() }]
        })?;
        self.given.note(name, &made.tree);
        let made_by = Some(Arc::clone(&self.identity));
        Ok(Arc::new(Account { made_by, password: password.clone(), ..made }))
    }

    /// What is said of an account that a fact has made.
    fn verdict(&self, account: Arc<Account>) -> Verdict {
        if account.password.is_none() {
            return Verdict::Proven(account);
        }
        self.usual.note(&account);
        Verdict::Found(account)
    }

    /// What becomes of an answer; `tag` is the question, if it is to be known again.
    fn take(&self, answer: Answer, attempt: &Attempt<'_>, tag: Option<cache::Tag>) -> (Outcome, Taken) {
        match answer {
            Answer::Unknown => (Outcome::Unknown, Ok(Verdict::Unknown)),
            Answer::Refused(reason) => {
                let _ = attempt.client.reason.set(reason);
                (Outcome::Refused, Err(self.desk.service().refusal()))
            }
            Answer::Unusable(message) => {
                let file = self.desk.service().origin().to_owned();
                self.report(attempt, &[Problem { file, place: None, message: cut(&message) }]);
                (Outcome::Wrong, Err(LoginError::Unavailable))
            }
            Answer::User { entry, holds } => {
                self.take_user(Fact { entry, password: None }, holds, attempt, tag)
            }
            Answer::WithPassword { entry, password, holds } => {
                self.take_user(Fact { entry, password: Some(password) }, holds, attempt, tag)
            }
        }
    }

    fn take_user(
        &self,
        fact: Fact,
        holds: Duration,
        attempt: &Attempt<'_>,
        tag: Option<cache::Tag>,
    ) -> (Outcome, Taken) {
        match self.account_of(attempt.name, &fact) {
            Ok(account) => {
                if let Some(tag) = tag {
                    self.desk.cache().keep(tag, fact, holds.min(self.desk.service().cache()));
                }
                (Outcome::User, Ok(self.verdict(account)))
            }
            Err(problems) => {
                self.report(attempt, &problems);
                (Outcome::Wrong, Err(LoginError::Unavailable))
            }
        }
    }

    /// An entry that can't be used is for the operator: the client can do nothing about it.
    fn report(&self, attempt: &Attempt<'_>, problems: &[Problem]) {
        if !rate::FAILED_LOGINS.admits(attempt.client.address) {
            return;
        }
        let (url, user) = (self.desk.service().origin(), attempt.name);
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

#[async_trait]
impl<S: Service> Source for Asked<S> {
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
        let service = self.desk.service();
        if !can_be_a_name(name) || !service.may_be_a_password(password) || password.contains('\0') {
            return Ok(Verdict::Unknown);
        }
        let question = service.question(attempt);
        let cache = self.desk.cache();
        let tag = if service.cache().is_zero() { None } else { cache.tag(&question) };
        // An entry that does not fit this configuration any more may be another one by now.
        if let Some(fact) = tag.and_then(|tag| cache.find(&tag))
            && let Ok(account) = self.account_of(name, &fact)
        {
            self.metrics.question(Outcome::Cached, None);
            return Ok(self.verdict(account));
        }
        let began = Instant::now();
        let (outcome, taken) = match self.desk.ask(&question, attempt).await {
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
            tokio::time::sleep(self.desk.usual_time()).await;
        }
        Ok(())
    }

    fn decoy(&self) -> Option<Arc<Account>> {
        self.usual.account()
    }

    /// Sessions go on, whether the service answers or not: it is asked at logins.
    fn stands_by(&self, _: &Account) -> bool {
        true
    }
}
