//! Metrics of the services that are asked at logins.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{LOGIN_SECONDS, Labels};

/// What became of a question to a service that knows users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The user may come in.
    User,
    /// The same, and the answer was known.
    Cached,
    /// Nobody has the name there.
    Unknown,
    /// The user may not come in.
    Refused,
    /// There was no answer in time.
    Timeout,
    /// There was no connection, or it broke.
    Unreachable,
    /// What came was no answer, or an entry that can't be used.
    Wrong,
}

impl Question {
    const ALL: [Self; 7] = [
        Self::User,
        Self::Cached,
        Self::Unknown,
        Self::Refused,
        Self::Timeout,
        Self::Unreachable,
        Self::Wrong,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Cached => "cached",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Wrong => "wrong",
        }
    }
}

#[derive(Debug)]
pub(super) struct Questions {
    outcomes: Family<Labels, Counter>,
    seconds: Histogram,
}

impl Default for Questions {
    fn default() -> Self {
        Self { outcomes: Family::default(), seconds: Histogram::new(LOGIN_SECONDS) }
    }
}

impl Questions {
    pub(super) fn register(&self, registry: &mut Registry) {
        for outcome in Question::ALL {
            self.outcomes.get_or_create_owned(&[("outcome", outcome.as_str())]);
        }
        registry.register(
            "users_from_questions",
            "Questions to services that know users, by outcome",
            self.outcomes.clone(),
        );
        registry.register(
            "users_from_question_duration_seconds",
            "Time of a question to a service that knows users",
            self.seconds.clone(),
        );
    }

    /// `took` is `None` if nobody was asked.
    pub(super) fn count(&self, outcome: Question, took: Option<Duration>) {
        self.outcomes.get_or_create(&[("outcome", outcome.as_str())]).inc();
        if let Some(took) = took {
            self.seconds.observe(took.as_secs_f64());
        }
    }
}
