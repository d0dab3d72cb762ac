//! Transfers (RFC 959, section 4.1.3; RFC 3659). RETR, STOR and the listings have files of their own.

use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

use wharf_backends::CreateMode;

use super::super::facts;
use super::super::reply::Reply;
use super::super::state::{Connection, LoggedIn};
use super::command::Prepared;
use super::{Result, refuse, reply, stor};
use crate::visit::Direction;

/// STOU (RFC 959, section 4.1.3; RFC 1123, section 4.1.2.9).
///
/// An argument, which the RFC has none of, makes no difference.
pub(super) async fn stou(
    connection: &mut Connection,
    session: &mut LoggedIn,
    Prepared { channel, asked }: Prepared,
    _: &str,
) -> Result {
    let time = facts::time(SystemTime::now()).unwrap_or_default();
    let random = RandomState::new().hash_one(connection.id);
    let path = session.working_directory.child(&format!("upload-{time}-{random:016x}"))?;
    // Should there be such a file after all, it is not this one that is lost.
    let upload = session.visit.create(&path, CreateMode::New, asked.announced).await?;
    // The form of this reply is fixed. It stands in the working directory, whose name could have words that clients look for.
    let opening = Reply::new(150, format!("FILE: {}", path.name().unwrap_or_default()));
    Ok(stor::receiving(session, channel, upload, path, 0, Direction::Upload, opening))
}

/// APPE (RFC 959, section 4.1.3).
pub(super) async fn appe(
    connection: &mut Connection,
    session: &mut LoggedIn,
    prepared: Prepared,
    argument: &str,
) -> Result {
    let path = session.path(argument).await?;
    if prepared.asked.restart > 0 {
        // RFC 3659, section 5.3.
        return stor::run(connection, session, prepared, argument).await;
    }
    stor::refuse_interrupted(session, &path).await?;
    let announced = prepared.asked.announced;
    let create = stor::create(session, &path, CreateMode::Append, announced);
    let upload = connection.while_there(create).await??;
    let opening = Reply::new(150, "Ready for what is added to the file.");
    Ok(stor::receiving(session, prepared.channel, upload, path, 0, Direction::Append, opening))
}

/// ALLO (RFC 959, section 4.1.3).
pub(super) async fn allo(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let next = session.next_transfer.get_or_insert_default();
    next.announced = 0;
    // `ALLO <bytes> R <record size>` is the other form.
    let size = argument.trim().split(' ').next().unwrap_or_default();
    match size.parse::<u64>() {
        Ok(bytes) => {
            next.announced = bytes;
            reply(202, "Room is made while a file arrives.")
        }
        Err(_) => refuse(501, "Syntax: ALLO <bytes>"),
    }
}

/// REST (RFC 3659, section 5).
pub(super) async fn rest(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let next = session.next_transfer.get_or_insert_default();
    next.restart = 0;
    let argument = argument.trim();
    let digits = argument.bytes().all(|byte| byte.is_ascii_digit());
    match argument.parse::<u64>() {
        Ok(offset) if digits => {
            next.restart = offset;
            reply(350, format!("The next transfer begins at {offset}."))
        }
        _ => refuse(501, "Syntax: REST <offset in bytes>"),
    }
}

/// ABOR (RFC 959, section 4.1.3). During a transfer the session ends that, before it comes here.
pub(super) async fn abor(_: &mut Connection, session: &mut LoggedIn, _: &str) -> Result {
    session.next_transfer = None;
    match (std::mem::take(&mut session.aborted), session.channel.take()) {
        (true, _) => reply(226, "Abort processed; the data connection is closed."),
        (false, Some(_)) => reply(226, "Abort processed; the data connection that was prepared is closed."),
        (false, None) => reply(226, "Abort processed; no transfer is under way."),
    }
}
