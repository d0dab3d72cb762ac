//! Who is here, and how a session is ended.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::{Desk, Trouble};
use crate::config::MOST_REPLICAS;
use crate::ops::live::{Chosen, SessionView};

/// The most sessions of one answer.
pub(super) const MOST: usize = 10_000;

/// How many there are if nobody says.
const USUAL: usize = 1000;

/// Which sessions are asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Filter {
    pub(crate) user: Option<String>,
    pub(crate) peer: Option<IpNet>,
    /// Only those with a transfer.
    pub(crate) transfer: bool,
    /// Only those behind this one.
    pub(crate) after: u64,
    pub(crate) limit: Option<usize>,
    /// Only those of this replica.
    pub(crate) replica: Option<u16>,
}

impl Filter {
    /// A filter of these words.
    ///
    /// # Errors
    /// [`Trouble::Invalid`] for a word that is none, or whose value is none.
    pub(crate) fn parse<'a>(words: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, Trouble> {
        let mut filter = Self::default();
        for (word, value) in words {
            let wrong = |expected: &str| Trouble::Invalid(format!("`{word}`: expected {expected}"));
            match word {
                "user" => filter.user = Some(value.to_owned()),
                "peer" => {
                    let ip = || value.parse::<IpAddr>().map(IpNet::from);
                    let network =
                        value.parse().or_else(|_| ip()).map_err(|_| wrong("an address or a network"))?;
                    filter.peer = Some(network);
                }
                "transfer" => {
                    filter.transfer = value.parse().map_err(|_| wrong("`true` or `false`"))?;
                }
                "after" => filter.after = value.parse().map_err(|_| wrong("the number of a session"))?,
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                    filter.limit = Some(limit.ok_or_else(|| wrong(&format!("a number from 1 to {MOST}")))?);
                }
                "replica" => {
                    let replica = value.parse().ok().filter(|replica| *replica < MOST_REPLICAS);
                    filter.replica = Some(replica.ok_or_else(|| wrong("the number of a replica"))?);
                }
                _ => return Err(Trouble::Invalid(format!("there is no filter `{word}`"))),
            }
        }
        Ok(filter)
    }

    /// The most that are shown.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(USUAL)
    }

    fn wants(&self, session: &Chosen<'_>) -> bool {
        self.user.as_deref().is_none_or(|user| session.user == Some(user))
            && self.peer.is_none_or(|network| network.contains(&session.peer))
            && (!self.transfer || session.is_moving)
            && session.number > self.after
    }
}

impl Desk {
    /// The sessions that are asked for, by their numbers, and whether there are more behind them.
    pub(crate) fn chosen(&self, filter: &Filter) -> (Vec<SessionView>, usize) {
        let mut sessions = self.live.sessions(|session| filter.wants(session));
        let all = sessions.len();
        sessions.truncate(filter.limit());
        (sessions, all)
    }

    /// The same for programs.
    pub(crate) fn sessions(&self, filter: &Filter) -> Value {
        let (sessions, all) = self.chosen(filter);
        let next = sessions.last().filter(|_| sessions.len() < all).map(|session| session.session);
        json!({ "sessions": sessions, "count": all, "next": next })
    }

    /// The transfers under way of the sessions that are asked for.
    pub(crate) fn transfers(&self, filter: &Filter) -> Value {
        let filter = Filter { transfer: true, ..filter.clone() };
        let (sessions, all) = self.chosen(&filter);
        let next = sessions.last().filter(|_| sessions.len() < all).map(|session| session.session);
        let transfers: Vec<_> = sessions.iter().filter_map(transfer).collect();
        json!({ "transfers": transfers, "count": all, "next": next })
    }

    /// One session, with its last commands and replies.
    ///
    /// # Errors
    /// [`Trouble::NotFound`].
    pub(crate) fn session(&self, number: u64) -> Result<Value, Trouble> {
        let (session, dialogue) = self.live.session(number).ok_or_else(|| no_session(number))?;
        let mut session = json!(session);
        let is_known = self.live.keeps_dialogues() && self.engine == "native";
        session["dialogue"] = if is_known { json!(dialogue) } else { Value::Null };
        Ok(session)
    }

    /// Ends a session with its transfer.
    ///
    /// # Errors
    /// [`Trouble::NotFound`].
    pub(crate) fn kick(&self, by: &str, number: u64) -> Result<SessionView, Trouble> {
        let Some(session) = self.live.end(number) else {
            let trouble = no_session(number);
            self.acted(by, "kick", &format!("session {number}"), Err(&trouble.to_string()));
            return Err(trouble);
        };
        let user = session.user.as_deref().unwrap_or_default();
        self.acted(by, "kick", &format!("session {number} of {user:?} at {}", session.peer), Ok(()));
        Ok(session)
    }
}

/// A transfer with whose it is.
pub(crate) fn transfer(session: &SessionView) -> Option<Value> {
    let mut transfer = json!(session.transfer.as_ref()?);
    transfer["session"] = session.session.into();
    transfer["replica"] = session.replica.into();
    transfer["user"] = session.user.clone().into();
    transfer["peer"] = session.peer.clone().into();
    Some(transfer)
}

fn no_session(number: u64) -> Trouble {
    Trouble::NotFound(format!("there is no session {number}"))
}
