//! What operators see and do at one replica, for all of them.
//!
//! The plan. Whoever is asked asks the others at the same time, and puts together what they answer (`merge`). The number of a session
//! says whose it is, so what is done to one session goes to that replica alone. Who is away, or does not answer in time,
//! is named, and holds up nothing. Without other replicas nobody is asked, and all is as with one server.
//!
//! - `question`: what is asked, and how it is answered;
//! - `facts`: what happens elsewhere, for those who read along;
//! - `merge`: several answers as one.

mod facts;
mod merge;
mod question;

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use ipnet::IpNet;
use serde_json::{Value, json};

pub use self::facts::Readings;
pub use self::question::Answering;
use self::question::{Answer, Question};
use super::{Desk, Filter, Trouble};
use crate::accounts::{Subject, one_name};
use crate::cluster::{Presence, Told, replica_of};
use crate::ops::live;

/// How many are asked at the same time, of which each has three seconds: their answers are in memory.
const AT_ONCE: usize = 128;

impl Desk {
    fn others(&self) -> Vec<(u16, Presence)> {
        self.told.as_ref().map_or_else(Vec::new, |told| told.replicas())
    }

    /// Asks one of the others.
    async fn ask(told: &Told, replica: u16, question: &Question) -> Result<Result<Value, Trouble>, Trouble> {
        let asked = async {
            let question = serde_json::to_vec(question).ok()?;
            let answer = told.cluster().ask(replica, &question).await;
            let answer = answer.inspect_err(|error| {
                tracing::debug!(replica, %error, "another replica does not answer");
            });
            serde_json::from_slice::<Answer>(&answer.ok()?).ok()
        };
        let answer = asked.await;
        told.cluster().meter().asked(answer.is_some());
        answer.map(Result::from).ok_or(Trouble::Away(replica))
    }

    /// Asks all others; what each has answered is handed on as it comes. Who is away, or has not answered.
    async fn ask_all(&self, question: Question, mut answered: impl FnMut(u16, Value)) -> Vec<u16> {
        let Some(told) = &self.told else { return Vec::new() };
        let (mut away, mut here) = (Vec::new(), Vec::new());
        for (replica, presence) in told.replicas() {
            match presence {
                Presence::Here => here.push(replica),
                Presence::Away(_) => away.push(replica),
            }
        }
        let question = &question;
        let mut answers = stream::iter(here)
            .map(|replica| async move { (replica, Self::ask(told, replica, question).await) })
            .buffer_unordered(AT_ONCE);
        while let Some((replica, answer)) = answers.next().await {
            match answer {
                Ok(Ok(value)) => answered(replica, value),
                // It has answered that there is none.
                Ok(Err(Trouble::NotFound(_))) => {}
                Ok(Err(_)) | Err(_) => away.push(replica),
            }
        }
        away.sort_unstable();
        away
    }

    /// The replica that a session is of, if that is another one.
    fn owner(&self, session: u64) -> Result<Option<(&Told, u16)>, Trouble> {
        let Some(told) = self.told.as_deref() else { return Ok(None) };
        match replica_of(session) {
            replica if replica == told.cluster().index() => Ok(None),
            replica if self.others().iter().any(|(other, _)| *other == replica) => Ok(Some((told, replica))),
            replica => Err(Trouble::NotFound(format!(
                "there is no session {session}: nobody knows replica {replica}"
            ))),
        }
    }

    /// The sessions that are asked for, of all replicas.
    pub(crate) async fn sessions_of_all(&self, filter: &Filter) -> Value {
        self.listed(filter, self.sessions(filter), "sessions", Question::Sessions(filter.into())).await
    }

    /// The transfers under way, of all replicas.
    pub(crate) async fn transfers_of_all(&self, filter: &Filter) -> Value {
        self.listed(filter, self.transfers(filter), "transfers", Question::Transfers(filter.into())).await
    }

    async fn listed(&self, filter: &Filter, own: Value, what: &str, question: Question) -> Value {
        let index = self.told.as_ref().map(|told| told.cluster().index());
        let mut all = merge::Listed::new(what, filter.limit());
        match filter.replica {
            None => {
                all.add(own);
                let away = self.ask_all(question, |_, answer| all.add(answer)).await;
                all.done(&away)
            }
            Some(replica) if index.is_none_or(|index| index == replica) => {
                if index.is_some() || replica == 0 {
                    all.add(own);
                }
                all.done(&[])
            }
            Some(replica) => {
                let Some(told) = &self.told else { return all.done(&[]) };
                match Self::ask(told, replica, &question).await {
                    Ok(Ok(answer)) => {
                        all.add(answer);
                        all.done(&[])
                    }
                    _ => all.done(&[replica]),
                }
            }
        }
    }

    /// One session, wherever it is.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(crate) async fn session_anywhere(&self, session: u64) -> Result<Value, Trouble> {
        match self.owner(session)? {
            None => self.session(session),
            Some((told, replica)) => Self::ask(told, replica, &Question::Session { session }).await?,
        }
    }

    /// Ends a session, wherever it is; who it was.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(crate) async fn kick_anywhere(&self, by: &str, session: u64) -> Result<Value, Trouble> {
        let detail = || format!("session {session}");
        match self.owner(session) {
            Ok(None) => self.kick(by, session).map(|session| json!(session)),
            Ok(Some((told, replica))) => {
                let question = Question::Kick { by: by.to_owned(), session };
                let kicked = Self::ask(told, replica, &question).await.and_then(|answer| answer);
                let cause = kicked.as_ref().err().map(ToString::to_string);
                self.acted(by, "kick", &detail(), cause.as_deref().map_or(Ok(()), Err));
                kicked
            }
            Err(trouble) => {
                self.acted(by, "kick", &detail(), Err(&trouble.to_string()));
                Err(trouble)
            }
        }
    }

    /// Ends all sessions of a user; how many there were.
    ///
    /// # Errors
    /// [`Trouble::NotFound`] if there was none.
    pub(crate) async fn kick_user(&self, by: &str, user: &str) -> Result<usize, Trouble> {
        let (ended, away) = self.kick_everywhere(by, Some(user), None).await;
        let detail = format!("{ended} sessions of {user:?}");
        if ended == 0 {
            let trouble = Trouble::NotFound(format!("{user:?} has no sessions{}", but_for(&away)));
            self.acted(by, "kick", &detail, Err(&trouble.to_string()));
            return Err(trouble);
        }
        self.acted(by, "kick", &detail, Ok(()));
        Ok(ended)
    }

    async fn kick_everywhere(
        &self,
        by: &str,
        user: Option<&str>,
        network: Option<IpNet>,
    ) -> (usize, Vec<u16>) {
        let mut ended = self.end_all(user, network);
        let question = Question::KickAll { by: by.to_owned(), user: user.map(str::to_owned), network };
        let away = self.ask_all(question, |_, answer| ended += count(&answer)).await;
        (ended, away)
    }

    /// Ends these sessions here, as another replica wants it.
    fn kick_all(&self, by: &str, user: Option<&str>, network: Option<IpNet>) -> usize {
        let ended = self.end_all(user, network);
        if ended > 0 {
            let whom = user.map_or_else(
                || network.map_or_else(String::new, |of| of.to_string()),
                |user| format!("{user:?}"),
            );
            self.acted(by, "kick", &format!("{ended} sessions of {whom}"), Ok(()));
        }
        ended
    }

    fn end_all(&self, user: Option<&str>, network: Option<IpNet>) -> usize {
        let is_meant = |session: &live::Chosen<'_>| {
            user.is_some_and(|user| session.user.map(one_name) == Some(one_name(user)))
                || network.is_some_and(|network| network.contains(&session.peer))
        };
        let sessions = self.live.sessions(is_meant);
        sessions.iter().filter_map(|session| self.live.end(session.session)).count()
    }

    /// Locks an address, a network or a user in all replicas; if `ends_sessions`, those that are there are ended.
    ///
    /// # Errors
    /// [`Trouble::Invalid`], or [`Trouble::Impossible`] if too much is locked.
    pub(crate) async fn lock(
        &self,
        by: &str,
        subject: &str,
        lasting: Duration,
        ends_sessions: bool,
    ) -> Result<Value, Trouble> {
        let (subject, is_known) = self.meant(subject);
        self.lock_here(by, &subject, is_known, lasting)?;
        let (kind, text) = (subject.kind(), subject.to_string());
        let question =
            Question::Lock { by: by.to_owned(), subject: text.clone(), seconds: lasting.as_secs() };
        // Who does not hear it now is told of it within seconds, or when it comes back; the operator has to know who that is.
        let away = self.ask_all(question, |_, _| {}).await;
        let ended = match (ends_sessions, subject) {
            (false, _) => 0,
            (true, Subject::Network(network)) => self.kick_everywhere(by, None, Some(network)).await.0,
            (true, Subject::Name(user)) => self.kick_user(by, &user).await.unwrap_or(0),
        };
        let left = lasting.as_secs();
        Ok(json!({
            "subject": text,
            "kind": kind,
            "is_known": is_known,
            "remaining_seconds": left,
            "ended_sessions": ended,
            "away": away,
        }))
    }

    /// Lifts the locks of an address, a network or a user in all replicas; how many there were in the one that had the most.
    ///
    /// # Errors
    /// [`Trouble::NotFound`] if there were none.
    pub(crate) async fn lift(&self, by: &str, subject: &str) -> Result<usize, Trouble> {
        match self.lift_everywhere(by, Some(subject)).await {
            0 => {
                let trouble = Trouble::NotFound(format!("{subject:?} is not locked"));
                self.acted(by, "lift", subject, Err(&trouble.to_string()));
                Err(trouble)
            }
            locks => {
                self.acted(by, "lift", subject, Ok(()));
                Ok(locks)
            }
        }
    }

    /// Lifts all locks in all replicas; how many there were.
    pub(crate) async fn lift_all(&self, by: &str) -> usize {
        let locks = self.lift_everywhere(by, None).await;
        self.acted(by, "lift", "all", Ok(()));
        locks
    }

    async fn lift_everywhere(&self, by: &str, subject: Option<&str>) -> usize {
        // One lock holds everywhere.
        let mut most = self.lift_here(by, subject, false);
        let question = Question::Lift { by: by.to_owned(), subject: subject.map(str::to_owned) };
        // Who does not hear it now is told of it within seconds, or when it comes back.
        self.ask_all(question, |_, answer| most = most.max(count(&answer))).await;
        most
    }

    /// Lifts locks here; how many there were.
    fn lift_here(&self, by: &str, subject: Option<&str>, is_told: bool) -> usize {
        let guard = self.limits.guard();
        let locks = subject.map_or_else(|| guard.lift_all(), |subject| guard.lift(subject));
        if is_told && locks > 0 {
            self.acted(by, "lift", subject.unwrap_or("all"), Ok(()));
        }
        locks
    }

    /// The sessions and transfers of each user who is anywhere.
    pub(super) async fn here_of_all(&self) -> HashMap<String, (usize, usize)> {
        let mut here = self.here();
        let add = |_, answer: Value| {
            let Ok(theirs) = serde_json::from_value::<HashMap<String, (usize, usize)>>(answer) else {
                return;
            };
            for (user, (sessions, transfers)) in theirs {
                let counts = here.entry(user).or_default();
                *counts = (counts.0 + sessions, counts.1 + transfers);
            }
        };
        self.ask_all(Question::Here, add).await;
        here
    }

    /// This replica in short.
    async fn replica(&self) -> Value {
        let counts = self.live.counts();
        json!({
            "replica": self.replica_index(),
            "state": "here",
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": self.live.started().elapsed().as_secs(),
            "is_ready": self.readiness.is_ready().await,
            "is_draining": self.limits.is_draining(),
            "sessions": counts.sessions,
            "sessions_logged_in": counts.logged_in,
            "transfers": counts.transfers,
        })
    }

    /// Which replica this is; `None`: the only one.
    pub(crate) fn replica_index(&self) -> Option<u16> {
        self.told.as_ref().map(|told| told.cluster().index())
    }

    /// All replicas in short, by their numbers; none, if this server is the only one.
    pub(crate) async fn replicas(&self) -> Value {
        let mut all = Vec::new();
        if self.told.is_some() {
            all.push(self.replica().await);
            let away = self.ask_all(Question::Server, |replica, mut answer| {
                if answer.is_object() {
                    answer["replica"] = replica.into();
                    all.push(answer);
                }
            });
            let away = away.await;
            all.extend(away.into_iter().map(|replica| json!({ "replica": replica, "state": "away" })));
            all.sort_by_key(|replica| replica["replica"].as_u64());
        }
        json!({ "count": all.len(), "replicas": all })
    }

    /// The bytes of the last hour, of all replicas.
    pub(crate) async fn throughput_of_all(&self) -> Value {
        let mut all = json!(self.live.throughput());
        self.ask_all(Question::Throughput, |_, answer| merge::throughput(&mut all, &answer)).await;
        all
    }

    /// What failed in the last hour, in all replicas.
    pub(crate) async fn failures_of_all(&self) -> Value {
        let mut all = json!(self.live.failures());
        self.ask_all(Question::Failures, |_, answer| merge::failures(&mut all, &answer)).await;
        all
    }

    /// What there is at this moment in all replicas; and what happened in others since the last time, if that is wanted.
    pub(crate) async fn snapshot_of_all(&self, with_facts: bool) -> (Value, Vec<Value>) {
        let (mut all, mut facts) = (self.snapshot(), Vec::new());
        let add = |replica: u16, mut answer: Value| {
            let theirs = merge::taken(&mut answer, "facts").unwrap_or_default().into_iter();
            facts.extend(theirs.filter(Value::is_object).map(|mut fact| {
                fact["replica"] = replica.into();
                fact
            }));
            merge::snapshot(&mut all, answer);
        };
        let away = self.ask_all(Question::Snapshot { facts: with_facts }, add).await;
        all["away"] = away.into();
        (all, facts)
    }
}

fn count(answer: &Value) -> usize {
    answer.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

/// Who was not asked.
fn but_for(away: &[u16]) -> String {
    match away {
        [] => String::new(),
        away => format!("; replicas that do not answer: {}", super::numbers(away)),
    }
}
