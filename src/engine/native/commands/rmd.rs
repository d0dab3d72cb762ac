//! RMD (RFC 959, section 4.1.3).

use super::super::state::{Connection, LoggedIn};
use super::{Result, reply};

pub(super) async fn run(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    session.view.remove_directory(&path).await?;
    session.changed(connection, "RMD", &path, None);
    reply(250, format!("{path} is removed."))
}
