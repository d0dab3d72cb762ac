//! What replicas ask each other for operators, and how it is answered.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::accounts::Subject;
use crate::cluster::{Call, Service, answer, is_question};
use crate::ops::admin::{Desk, Filter, Trouble};
use crate::ops::logging::rate;

/// The most questions that are answered at a time. Whoever comes then gets no answer.
const QUESTIONS: usize = 64;

/// The most users who are told of in one answer.
const USERS: usize = 20_000;

/// A question. What a later version may ask, an older one does not understand, and says so.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(super) enum Question {
    /// Who is there?
    Sessions(Wanted),
    /// What moves there?
    Transfers(Wanted),
    /// One session with its dialogue.
    Session { session: u64 },
    /// How many sessions and transfers has each user?
    Here,
    /// How is the server?
    Server,
    /// What the live page shows.
    Snapshot { facts: bool },
    /// What the last hour was like.
    Throughput,
    /// What failed in it.
    Failures,
    /// A session is to end.
    Kick { by: String, session: u64 },
    /// All sessions of a user are to end, or those of a network.
    KickAll {
        by: String,
        user: Option<String>,
        #[serde(with = "as_text")]
        network: Option<IpNet>,
    },
    /// Somebody is to be locked.
    Lock { by: String, subject: String, seconds: u64 },
    /// Locks are to be lifted; `None`: all.
    Lift { by: String, subject: Option<String> },
}

/// Which sessions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Wanted {
    user: Option<String>,
    #[serde(with = "as_text")]
    peer: Option<IpNet>,
    transfer: bool,
    after: u64,
    limit: Option<usize>,
}

/// A network, as people write it.
mod as_text {
    use ipnet::IpNet;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde wants it so")]
    pub(super) fn serialize<S: Serializer>(network: &Option<IpNet>, to: S) -> Result<S::Ok, S::Error> {
        network.map(|network| network.to_string()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<IpNet>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

impl From<&Filter> for Wanted {
    fn from(filter: &Filter) -> Self {
        let Filter { user, peer, transfer, after, limit, replica: _ } = filter;
        Self { user: user.clone(), peer: *peer, transfer: *transfer, after: *after, limit: *limit }
    }
}

impl From<Wanted> for Filter {
    fn from(wanted: Wanted) -> Self {
        let Wanted { user, peer, transfer, after, limit } = wanted;
        Self {
            user,
            peer,
            transfer,
            after,
            limit: limit.map(|limit| limit.min(super::super::sessions::MOST)),
            replica: None,
        }
    }
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Fine(Value),
    /// There is no such thing.
    NotFound(String),
    /// What was asked for is wrong.
    Invalid(String),
    /// It is right, and can't be done.
    Impossible(String),
}

impl From<Result<Value, Trouble>> for Answer {
    fn from(result: Result<Value, Trouble>) -> Self {
        match result {
            Ok(value) => Self::Fine(value),
            Err(Trouble::NotFound(text)) => Self::NotFound(text),
            Err(Trouble::Invalid(text)) => Self::Invalid(text),
            Err(Trouble::Impossible { detail, .. }) => Self::Impossible(detail),
            Err(trouble @ Trouble::Away(_)) => Self::Impossible(trouble.to_string()),
        }
    }
}

impl From<Answer> for Result<Value, Trouble> {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Fine(value) => Ok(value),
            Answer::NotFound(text) => Err(Trouble::NotFound(text)),
            Answer::Invalid(text) => Err(Trouble::Invalid(text)),
            Answer::Impossible(text) => Err(Trouble::impossible(text)),
        }
    }
}

/// Answers what other replicas ask.
pub struct Answering {
    desk: Weak<Desk>,
    places: Arc<Semaphore>,
}

impl Answering {
    /// For as long as this desk is there.
    pub fn of(desk: &Arc<Desk>) -> Arc<dyn Service> {
        Arc::new(Self { desk: Arc::downgrade(desk), places: Arc::new(Semaphore::new(QUESTIONS)) })
    }
}

impl Service for Answering {
    fn knows(&self, said: &[u8]) -> bool {
        is_question(said)
    }

    fn serve(self: Arc<Self>, call: Call) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let Some(desk) = self.desk.upgrade() else { return };
        let from = call.from;
        tokio::spawn(async move {
            let answered = answer(call, |from, question| async move {
                let answer = match serde_json::from_slice(&question) {
                    Ok(question) => desk.answer(from, question).await,
                    Err(error) => Answer::Invalid(format!("this version does not understand: {error}")),
                };
                // What it is made of has JSON.
                serde_json::to_vec(&answer).unwrap_or_default()
            });
            let answered: io::Result<()> = answered.await;
            if let Err(error) = answered
                && rate::RELAYS.admits(crate::cluster::as_address(from))
            {
                tracing::warn!(replica = from, %error, "a question of another replica was not answered");
            }
            drop(place);
        });
    }
}

impl Desk {
    async fn answer(self: &Arc<Self>, from: u16, question: Question) -> Answer {
        let at = |by: &str| format!("{by}, at replica {from}");
        Answer::from(match question {
            Question::Sessions(wanted) => Ok(self.sessions(&wanted.into())),
            Question::Transfers(wanted) => Ok(self.transfers(&wanted.into())),
            Question::Session { session } => self.session(session),
            Question::Here => {
                let here: HashMap<_, _> = self.here().into_iter().take(USERS).collect();
                Ok(json!(here))
            }
            Question::Server => Ok(self.replica().await),
            Question::Snapshot { facts } => {
                let mut snapshot = self.snapshot();
                if facts {
                    snapshot["facts"] = super::facts::since_last(self, from).into();
                }
                Ok(snapshot)
            }
            Question::Throughput => Ok(json!(self.live.throughput())),
            Question::Failures => Ok(json!(self.live.failures())),
            Question::Kick { by, session } => self.kick(&at(&by), session).map(|session| json!(session)),
            Question::KickAll { by, user, network } => {
                Ok(json!(self.kick_all(&at(&by), user.as_deref(), network)))
            }
            Question::Lock { by, subject, seconds } => {
                let lasting = Duration::from_secs(seconds);
                // Whether it is somebody was asked there.
                self.lock_here(&at(&by), &Subject::parse(&subject), true, lasting).map(|()| Value::Null)
            }
            Question::Lift { by, subject } => Ok(json!(self.lift_here(&at(&by), subject.as_deref(), true))),
        })
    }
}

impl std::fmt::Debug for Answering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answering")
    }
}
