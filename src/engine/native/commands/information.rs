//! Information (RFC 959, section 4.1.3; RFC 2389; RFC 2640). STAT and OPTS have files of their own.

use super::super::reply::Reply;
use super::super::state::{Connection, State};
use super::command::{Command, Features, Run};
use super::{Outcome, Result, refuse, reply};

/// SYST (RFC 959, section 4.1.3): LIST looks as on Unix.
pub(super) async fn syst(_: &mut Connection, _: &mut State, _: &str) -> Result {
    reply(215, "UNIX Type: L8")
}

/// HELP (RFC 959, section 4.1.3): from the table.
pub(super) async fn help(
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

/// The reply to NOOP, also during a transfer.
pub(in super::super) fn reply_to_noop() -> Reply {
    Reply::new(200, "Here.")
}

/// NOOP (RFC 959, section 4.1.3).
pub(super) async fn noop(_: &mut Connection, _: &mut State, _: &str) -> Result {
    Ok(Outcome::Reply(reply_to_noop()))
}

/// FEAT (RFC 2389, section 3): the lines come from the rows of the table.
pub(super) async fn feat(
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

/// LANG (RFC 2640, section 4).
pub(super) async fn lang(_: &mut Connection, _: &mut State, argument: &str) -> Result {
    let argument = argument.trim();
    let language = argument.split('-').next().unwrap_or_default();
    if argument.is_empty() || language.eq_ignore_ascii_case("EN") {
        return reply(200, "Replies are in English.");
    }
    refuse(504, "Replies are in English only.")
}

/// CLNT: no standard, but many clients say who they are.
pub(super) async fn clnt(connection: &mut Connection, _: &mut State, argument: &str) -> Result {
    tracing::debug!(session = connection.id, client = ?argument, "the client named itself");
    reply(200, "Noted.")
}

/// CSID (draft-peterson-streamlined-ftp-command-extensions).
pub(super) async fn csid(connection: &mut Connection, _: &mut State, argument: &str) -> Result {
    tracing::debug!(session = connection.id, client = ?argument, "the client named itself");
    // The version is not everybody's business.
    reply(200, "Name=Wharf; CaseSensitive=1; DirSep=/;")
}
