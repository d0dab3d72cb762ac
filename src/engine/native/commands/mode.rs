//! MODE (RFC 959, section 3.4; draft-preston-ftpext-deflate).

use super::super::state::{Connection, LoggedIn, Mode};
use super::{Result, refuse, reply};

pub(super) async fn run(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
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
