//! HELP (RFC 959, section 4.1.3): from the table.

use super::super::reply::Reply;
use super::super::session::{Connection, State};
use super::super::table::{self, COMMANDS, Run};
use super::{Outcome, Result, refuse, reply};

pub(in super::super) async fn run(_: &mut Connection, _: &mut State, argument: &str) -> Result {
    let name = argument.trim_start().split(' ').next().unwrap_or_default().to_ascii_uppercase();
    if name.is_empty() {
        return Ok(Outcome::Reply(Reply::lines(
            214,
            "Commands; those with * are refused:",
            overview(),
            "HELP <command> says more.",
        )));
    }
    match table::find(&name) {
        Some(command) => reply(214, format!("Syntax: {}. {}", command.syntax(), command.help)),
        None => refuse(502, "There is no such command."),
    }
}

fn overview() -> Vec<String> {
    let name = |command: &table::Command| {
        let mark = if matches!(command.run, Run::Refused(..)) { "*" } else { "" };
        format!("{:<9}", format!("{}{mark}", command.name))
    };
    COMMANDS.chunks(8).map(|row| row.iter().map(name).collect::<String>().trim_end().to_owned()).collect()
}
