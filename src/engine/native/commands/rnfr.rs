//! RNFR (RFC 959, section 4.1.3).

use super::super::state::{Connection, LoggedIn};
use super::{Result, reply};

pub(super) async fn run(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    session.view.may_rename(&path).await?;
    // To look is a request to a store, which RNTO has to send once more.
    if !session.view.is_remote(&path) {
        session.view.stat(&path).await?;
    }
    session.rename_from = Some(path);
    reply(350, "Now RNTO.")
}
