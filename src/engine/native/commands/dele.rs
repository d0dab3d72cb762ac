//! DELE (RFC 959, section 4.1.3).

use super::super::session::{Connection, LoggedIn};
use super::{Result, reply};

pub(in super::super) async fn run(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    session.view.remove_file(&path).await?;
    session.interrupted.forget(&path);
    reply(250, format!("{path} is removed."))
}
