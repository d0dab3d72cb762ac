//! MKD (RFC 959, section 4.1.3).

use super::super::session::{Connection, LoggedIn};
use super::{Result, quoted, reply};

pub(in super::super) async fn run(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    session.view.create_directory(&path).await?;
    reply(257, format!("{} is made.", quoted(&path)))
}
