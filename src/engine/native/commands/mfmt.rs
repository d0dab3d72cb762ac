//! MFMT (draft-somers-ftp-mfxx).

use super::super::facts;
use super::super::state::{Connection, LoggedIn, State};
use super::{Result, refuse, reply};

pub(super) async fn run(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let Some((time, name)) = argument.trim_start().split_once(' ').filter(|(_, name)| !name.is_empty())
    else {
        return refuse(501, "Syntax: MFMT <YYYYMMDDHHMMSS> <file>");
    };
    let path = set(session, time, name).await?;
    reply(213, format!("Modify={time}; {path}"))
}

/// It is offered only where it works: clients that see it take a refusal for a failure of the upload before. And where
/// listings tell what was set: clients that compare times would send every file again.
pub(super) fn is_offered(state: &State) -> bool {
    match state {
        State::Greeting(_) => true,
        State::LoggedIn(session) => session.visit.keeps_times(),
    }
}

pub(super) fn features(_: &Connection, state: &State) -> Vec<String> {
    if is_offered(state) { vec!["MFMT".to_owned()] } else { Vec::new() }
}

/// Sets the time of a file.
pub(super) async fn set(session: &LoggedIn, time: &str, name: &str) -> Result<wharf_backends::StoragePath> {
    let Some(modified) = facts::parse_time(time) else {
        return refuse(501, "A time is YYYYMMDDHHMMSS, in UTC.");
    };
    let path = session.path(name).await?;
    session.visit.set_modified(&path, modified).await?;
    Ok(path)
}
