//! STRU (RFC 959, section 3.1.2).

use super::super::state::{Connection, LoggedIn};
use super::{Result, refuse, reply};

pub(super) async fn run(_: &mut Connection, _: &mut LoggedIn, argument: &str) -> Result {
    match argument.trim().to_ascii_uppercase().as_str() {
        "F" => reply(200, "Files have no structure."),
        "R" | "P" => refuse(504, "That structure is not implemented."),
        _ => refuse(501, "Syntax: STRU F"),
    }
}
