//! APPE (RFC 959, section 4.1.3).

use wharf_backends::CreateMode;

use super::super::reply::Reply;
use super::super::state::{Connection, Direction, LoggedIn};
use super::{Prepared, Result, stor};

pub(super) async fn run(
    connection: &mut Connection,
    session: &mut LoggedIn,
    prepared: Prepared,
    argument: &str,
) -> Result {
    let path = session.path(argument).await?;
    if prepared.restart > 0 {
        // RFC 3659, section 5.3.
        return stor::run(connection, session, prepared, argument).await;
    }
    stor::refuse_interrupted(session, &path).await?;
    let upload = session.view.create(&path, CreateMode::Append).await?;
    let opening = Reply::new(150, "Ready for what is added to the file.");
    Ok(stor::receiving(session, prepared.channel, upload, path, 0, Direction::Append, opening))
}
