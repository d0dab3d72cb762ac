//! OPTS (RFC 2389, section 4).

use super::super::facts::Facts;
use super::super::state::{Connection, LoggedIn, State};
use super::{Failure, Reply, Result, hash, refuse, reply};
use crate::charset::Charset;

pub(super) async fn run(connection: &mut Connection, state: &mut State, argument: &str) -> Result {
    let argument = argument.trim_start();
    let (command, options) = argument.split_once(' ').unwrap_or((argument, ""));
    let options = options.trim();
    match command.to_ascii_uppercase().as_str() {
        "UTF8" | "UTF-8" => utf8(connection, state, options),
        "MLST" => {
            let session = logged_in(state)?;
            session.facts = Facts::parse(options);
            reply(200, format!("MLST OPTS {}", session.facts.names()).trim_end().to_owned())
        }
        "HASH" => {
            let session = logged_in(state)?;
            if options.is_empty() {
                return reply(200, hash::name(session.hash));
            }
            match hash::ALGORITHMS.iter().find(|(name, _)| name.eq_ignore_ascii_case(options)) {
                Some((name, algorithm)) => {
                    session.hash = *algorithm;
                    reply(200, *name)
                }
                None => refuse(501, "That algorithm is not known; FEAT lists those that are."),
            }
        }
        "MODE" => mode(logged_in(state)?, options, connection.server().limits.deflate_level),
        _ => refuse(501, "There are options of UTF8, MLST, HASH and MODE Z."),
    }
}

fn logged_in(state: &mut State) -> Result<&mut LoggedIn> {
    match state {
        State::LoggedIn(session) => Ok(session),
        State::Greeting(_) => Err(Failure::from(Reply::new(530, "Log in first, with USER and PASS."))),
    }
}

/// RFC 2640 has no switch, but many clients use one. Off means the character set that the user has.
fn utf8(connection: &mut Connection, state: &State, options: &str) -> Result {
    let user = match state {
        State::LoggedIn(session) => session.visit.preferences().charset,
        State::Greeting(_) => Charset::Utf8,
    };
    match options.to_ascii_uppercase().as_str() {
        // The draft that this comes from has no ON.
        "ON" | "NLST" | "" => {
            connection.control.charset = Charset::Utf8;
            connection.chosen_charset = Some(Charset::Utf8);
            reply(200, "Names are in UTF-8.")
        }
        "OFF" if user == Charset::Utf8 => refuse(504, "Names are in UTF-8 always."),
        "OFF" => {
            connection.control.charset = user;
            connection.chosen_charset = None;
            reply(200, "Names are in the character set of this user.")
        }
        _ => refuse(501, "Syntax: OPTS UTF8 [ON|OFF]"),
    }
}

/// A level above what the operator permits is taken for that: the reply says which it is.
fn mode(session: &mut LoggedIn, options: &str, highest: u32) -> Result {
    let words: Vec<String> = options.split_ascii_whitespace().map(str::to_ascii_uppercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let level = match words[..] {
        ["Z", "LEVEL", level] | ["Z", "ENGINE", "ZLIB", "LEVEL", level] => level.parse::<u32>().ok(),
        ["Z", "ENGINE", "ZLIB"] => Some(session.deflate_level),
        _ => None,
    };
    match level.filter(|level| (1..=9).contains(level)) {
        Some(level) => {
            let level = level.min(highest);
            session.deflate_level = level;
            reply(200, format!("MODE Z LEVEL {level}"))
        }
        None => refuse(501, "Syntax: OPTS MODE Z LEVEL <1-9>"),
    }
}
