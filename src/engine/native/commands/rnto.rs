//! RNTO (RFC 959, section 4.1.3).

use wharf_backends::StoragePath;

use super::super::state::{Connection, LoggedIn};
use super::{Result, refuse, reply};

pub(super) async fn run(
    connection: &mut Connection,
    session: &mut LoggedIn,
    from: Option<StoragePath>,
    argument: &str,
) -> Result {
    let Some(from) = from else {
        return refuse(503, "RNFR comes first.");
    };
    let to = session.path(argument).await?;
    session.view.rename(&from, &to).await?;
    session.changed(connection, "RNTO", &from, Some(&to));
    session.interrupted.forget(&from);
    session.interrupted.forget(&to);
    reply(250, format!("{from} is called {to} now."))
}
