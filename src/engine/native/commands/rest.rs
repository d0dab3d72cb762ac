//! REST (RFC 3659, section 5).

use super::super::state::{Connection, LoggedIn};
use super::{Result, refuse, reply};

pub(super) async fn run(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    session.restart = 0;
    let argument = argument.trim();
    let digits = argument.bytes().all(|byte| byte.is_ascii_digit());
    match argument.parse::<u64>() {
        Ok(offset) if digits => {
            session.restart = offset;
            reply(350, format!("The next transfer begins at {offset}."))
        }
        _ => refuse(501, "Syntax: REST <offset in bytes>"),
    }
}
