//! DELE (RFC 959, section 4.1.3).

use wharf_backends::ErrorKind;

use super::super::state::{Connection, LoggedIn};
use super::{Result, reply};

pub(super) async fn run(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    let removed = session.view.remove_file(&path).await;
    if removed.is_ok() || removed.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        session.interrupted.forget(&path);
    }
    removed?;
    session.changed(connection, "DELE", &path, None);
    reply(250, format!("{path} is removed."))
}
