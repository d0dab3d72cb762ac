//! MLST (RFC 3659, section 7).

use super::super::facts::{self, Facts};
use super::super::reply::Reply;
use super::super::state::{Connection, LoggedIn, State};
use super::{Outcome, Result};

pub(super) async fn run(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    let found = session.stat("MLST", &path).await?;
    let permissions = session.view.permissions(&path);
    let facts = facts::facts(&found, path.as_str(), permissions, session.facts);
    let line = format!("{facts}{path}");
    Ok(Outcome::Reply(Reply::lines(250, "Facts:", vec![line], "End.")))
}

pub(super) fn features(_: &Connection, state: &State) -> Vec<String> {
    let chosen = match state {
        State::LoggedIn(session) => session.facts,
        State::Greeting(_) => Facts::all(),
    };
    vec![chosen.feature()]
}
