//! MDTM (RFC 3659, section 3), and the form that sets the time, which older clients use in the place of MFMT.

use wharf_backends::{Metadata, StoragePath};

use super::super::facts;
use super::super::reply::Reply;
use super::super::state::{Connection, LoggedIn};
use super::{Result, mfmt, reply};

pub(super) async fn run(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    if let Some((time, name)) = argument.split_once(' ')
        && facts::parse_time(time).is_some()
        && !name.is_empty()
    {
        // A file can be called like that, too.
        let path = session.path(argument).await?;
        if let Ok(found) = session.stat("MDTM", &path).await {
            return tell(&path, &found);
        }
        return mfmt::run(connection, session, argument).await;
    }
    let path = session.path(argument).await?;
    let found = session.stat("MDTM", &path).await?;
    tell(&path, &found)
}

fn tell(path: &StoragePath, found: &Metadata) -> Result {
    match facts::time_of(found) {
        Some(time) => reply(213, time),
        None => Err(Reply::about(550, path, "its time can't be told.").into()),
    }
}
