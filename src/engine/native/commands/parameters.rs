//! Parameters of transfers (RFC 959, section 4.1.2). TYPE, and the commands that prepare a data connection, have files of
//! their own.

use super::super::state::{Connection, LoggedIn, Mode};
use super::{Result, refuse, reply};

/// STRU (RFC 959, section 3.1.2).
pub(super) async fn stru(_: &mut Connection, _: &mut LoggedIn, argument: &str) -> Result {
    match argument.trim().to_ascii_uppercase().as_str() {
        "F" => reply(200, "Files have no structure."),
        "R" | "P" => refuse(504, "That structure is not implemented."),
        _ => refuse(501, "Syntax: STRU F"),
    }
}

/// MODE (RFC 959, section 3.4; draft-preston-ftpext-deflate).
pub(super) async fn mode(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    match argument.trim().to_ascii_uppercase().as_str() {
        "S" => {
            session.mode = Mode::Stream;
            reply(200, "Data is sent as it is.")
        }
        "Z" => {
            session.mode = Mode::Deflate;
            reply(200, "Data is compressed.")
        }
        "B" | "C" => refuse(504, "That mode is not implemented."),
        _ => refuse(501, "Syntax: MODE S|Z"),
    }
}
