//! TYPE (RFC 959, section 3.1.1).

use super::super::session::{Connection, LoggedIn, Type};
use super::{Result, refuse, reply};

pub(in super::super) async fn run(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let words: Vec<String> = argument.split_ascii_whitespace().map(str::to_ascii_uppercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        // Nothing is printed here, so Telnet's format effectors make no difference (RFC 1123, section 4.1.2.2).
        ["A"] | ["A", "N" | "T"] => {
            session.representation = Type::Ascii;
            reply(200, "Files are text.")
        }
        ["I"] | ["L", "8"] | ["L8"] => {
            session.representation = Type::Image;
            reply(200, "Files are bytes.")
        }
        ["A", "C"] | ["E"] | ["E", _] | ["L", _] => refuse(504, "That type is not implemented."),
        _ => refuse(501, "Syntax: TYPE A|I|L 8"),
    }
}
