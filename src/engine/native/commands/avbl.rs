//! AVBL (draft-peterson-streamlined-ftp-command-extensions).

use super::super::state::{Connection, LoggedIn};
use super::{Result, refuse, reply};

pub(super) async fn run(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    session.view.enter(&path).await?;
    match session.view.available(&path).await? {
        Some(bytes) => reply(213, bytes.to_string()),
        None => refuse(550, "How much room is left is not known here."),
    }
}
