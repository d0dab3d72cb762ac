//! TYPE (RFC 959, section 3.1.1).

use super::super::state::{Connection, LoggedIn, Type};
use super::{Result, refuse, reply};

pub(super) async fn run(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let parsed = parse(argument)?;
    session.choose(parsed);
    match parsed {
        Type::Ascii => reply(200, "Files are text."),
        Type::Image => reply(200, "Files are bytes."),
    }
}

/// The first letter says what it is. Clients put a second word behind it that is for other types (`I N`, `I I`), with a
/// blank in between or without one, and take a refusal for a detail: they go on in the type from before, and their files are
/// damaged. So a second word counts only where another file would be stored.
fn parse(argument: &str) -> Result<Type> {
    let argument = argument.trim_matches(' ').to_ascii_uppercase();
    let mut letters = argument.chars();
    let (first, rest) = (letters.next(), letters.as_str().trim_start_matches(' '));
    if rest.chars().any(char::is_control) {
        return refuse(501, SYNTAX);
    }
    match first {
        // The first column of each line would be a command for a printer.
        Some('A') if rest.starts_with('C') => refuse(504, "Carriage control is not implemented."),
        // Nothing is printed here, so Telnet's format effectors make no difference (RFC 1123, section 4.1.2.2).
        Some('A') => Ok(Type::Ascii),
        Some('I') => Ok(Type::Image),
        Some('L') => match rest.split(' ').next().map(str::parse::<u64>) {
            Some(Ok(8)) => Ok(Type::Image),
            // Seven bits of a byte are another file than eight of them.
            Some(Ok(_)) => refuse(504, "Bytes have eight bits here: L 8."),
            _ => refuse(501, SYNTAX),
        },
        Some('E') => refuse(504, "EBCDIC is not implemented."),
        _ => refuse(501, SYNTAX),
    }
}

const SYNTAX: &str = "Syntax: TYPE A|I|L 8";

#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    let _ = parse(text);
}

#[cfg(test)]
#[path = "type_tests.rs"]
mod tests;
