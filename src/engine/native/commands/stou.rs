//! STOU (RFC 959, section 4.1.3; RFC 1123, section 4.1.2.9).

use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

use wharf_backends::CreateMode;

use super::super::facts;
use super::super::reply::Reply;
use super::super::state::{Connection, Direction, LoggedIn};
use super::{Prepared, Result, stor};

/// An argument, which the RFC has none of, makes no difference.
pub(super) async fn run(
    connection: &mut Connection,
    session: &mut LoggedIn,
    Prepared { channel, .. }: Prepared,
    _: &str,
) -> Result {
    let time = facts::time(SystemTime::now()).unwrap_or_default();
    let random = RandomState::new().hash_one(connection.id);
    let path = session.working_directory.child(&format!("upload-{time}-{random:016x}"))?;
    // Should there be such a file after all, it is not this one that is lost.
    let upload = session.view.create(&path, CreateMode::New).await?;
    // The form of this reply is fixed. It stands in the working directory, whose name could have words that clients look for.
    let opening = Reply::new(150, format!("FILE: {}", path.name().unwrap_or_default()));
    Ok(stor::receiving(session, channel, upload, path, 0, Direction::Upload, opening))
}
