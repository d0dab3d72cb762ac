//! FEAT (RFC 2389, section 3): the lines come from the rows of the table.

use super::super::reply::Reply;
use super::super::state::{Connection, State};
use super::command::{Command, Features};
use super::{Outcome, Result};

pub(super) async fn run(
    commands: &'static [Command],
    connection: &mut Connection,
    state: &mut State,
    _: &str,
) -> Result {
    let mut lines: Vec<String> = Vec::new();
    for command in commands {
        match command.features {
            Features::None => {}
            Features::Lines(known) => lines.extend(known.iter().map(|line| (*line).to_owned())),
            Features::Now(known) => lines.extend(known(connection, state)),
        }
    }
    lines.sort_unstable();
    Ok(Outcome::Reply(Reply::lines(211, "Extensions supported:", lines, "End")))
}
