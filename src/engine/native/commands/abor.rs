//! ABOR (RFC 959, section 4.1.3). During a transfer the session ends that, before it comes here.

use super::super::state::{Connection, LoggedIn};
use super::{Result, reply};

pub(super) async fn run(_: &mut Connection, session: &mut LoggedIn, _: &str) -> Result {
    session.restart = 0;
    match (std::mem::take(&mut session.aborted), session.channel.take()) {
        (true, _) => reply(226, "Abort processed; the data connection is closed."),
        (false, Some(_)) => reply(226, "Abort processed; the data connection that was prepared is closed."),
        (false, None) => reply(226, "Abort processed; no transfer is under way."),
    }
}
