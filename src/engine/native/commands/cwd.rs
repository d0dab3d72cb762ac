//! CWD and CDUP (RFC 959, section 4.1.1).

use wharf_backends::StoragePath;

use super::super::state::{Connection, LoggedIn};
use super::{Result, reply};

/// Without a name it leads home, which is the root of the user's tree, as it does on servers whose users have an account of
/// the system.
pub(super) async fn run(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = match argument.trim_matches(' ').is_empty() {
        true => StoragePath::root(),
        false => session.path(argument).await?,
    };
    session.view.enter(&path).await?;
    session.working_directory = path;
    reply(250, format!("The working directory is {}.", session.working_directory))
}

pub(super) async fn up(_: &mut Connection, session: &mut LoggedIn, _: &str) -> Result {
    let path = session.working_directory.parent().unwrap_or_else(StoragePath::root);
    session.view.enter(&path).await?;
    session.working_directory = path;
    reply(250, format!("The working directory is {}.", session.working_directory))
}
