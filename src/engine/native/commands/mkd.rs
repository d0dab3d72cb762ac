//! MKD (RFC 959, section 4.1.3).

use wharf_backends::ErrorKind;

use super::super::state::{Connection, LoggedIn};
use super::{Result, quoted, refuse, reply};

pub(super) async fn run(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    match session.view.create_directory(&path).await {
        // The words by which clients tell that from what keeps them from going on; WinSCP wants these and no others.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return match session.view.enter(&path).await {
                Ok(()) => refuse(550, "Directory already exists"),
                Err(_) => Err(error.into()),
            };
        }
        made => made?,
    }
    session.changed(connection, "MKD", &path, None);
    reply(257, format!("{} is made.", quoted(&path)))
}
