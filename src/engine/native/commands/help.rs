//! HELP (RFC 959, section 4.1.3): from the table.

use super::super::reply::Reply;
use super::super::state::{Connection, State};
use super::command::{Command, Run};
use super::{Outcome, Result, refuse, reply};

pub(super) async fn run(
    commands: &'static [Command],
    _: &mut Connection,
    _: &mut State,
    argument: &str,
) -> Result {
    let name = argument.trim_start().split(' ').next().unwrap_or_default().to_ascii_uppercase();
    if name.is_empty() {
        return Ok(Outcome::Reply(Reply::lines(
            214,
            "Commands; those with * are refused:",
            overview(commands),
            "HELP <command> says more.",
        )));
    }
    match commands.iter().find(|command| command.name == name) {
        Some(command) => reply(214, format!("Syntax: {}. {}", command.syntax(), command.help)),
        None => refuse(502, "There is no such command."),
    }
}

fn overview(commands: &[Command]) -> Vec<String> {
    let name = |command: &Command| {
        let mark = if matches!(command.run, Run::Refused(..)) { "*" } else { "" };
        format!("{:<9}", format!("{}{mark}", command.name))
    };
    commands.chunks(8).map(|row| row.iter().map(name).collect::<String>().trim_end().to_owned()).collect()
}
