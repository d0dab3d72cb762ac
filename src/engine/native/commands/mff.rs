//! MFF (draft-somers-ftp-mfxx), of which only the time of the last change can be set.

use super::super::state::{Connection, LoggedIn, State};
use super::{Result, mfmt, refuse, reply};

pub(super) async fn run(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let Some((list, name)) =
        argument.trim_start().split_once(' ').filter(|(list, name)| list.ends_with(';') && !name.is_empty())
    else {
        return refuse(501, "Syntax: MFF <fact=value;...> <file>");
    };
    let mut time = None;
    for fact in list.split_terminator(';') {
        match fact.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("modify") => time = Some(value),
            Some((name, _)) => return refuse(504, format!("The fact {name} can't be set.")),
            None => return refuse(501, "Syntax: MFF <fact=value;...> <file>"),
        }
    }
    let Some(time) = time else { return refuse(501, "Syntax: MFF <fact=value;...> <file>") };
    let path = mfmt::set(session, time, name).await?;
    reply(213, format!("Modify={time}; {path}"))
}

pub(super) fn features(_: &Connection, state: &State) -> Vec<String> {
    if mfmt::is_offered(state) { vec!["MFF Modify;".to_owned()] } else { Vec::new() }
}
