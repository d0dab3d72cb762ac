//! ABOR (RFC 959, section 4.1.3). During a transfer the session ends that; here there is none.

use super::super::session::{Connection, LoggedIn};
use super::{Result, reply};

pub(in super::super) async fn run(_: &mut Connection, session: &mut LoggedIn, _: &str) -> Result {
    session.restart = 0;
    match session.channel.take() {
        Some(_) => reply(226, "The data connection is closed."),
        None => reply(226, "There is nothing to abort."),
    }
}
