//! STOR (RFC 959, section 4.1.3).

use std::time::Duration;

use wharf_backends::{CreateMode, ErrorKind, StoragePath, Upload};

use super::super::data::{Channel, DataConnection, Toward, TransferError, receive};
use super::super::reply::Reply;
use super::super::state::{Connection, Context, Ended, LoggedIn, NextTransfer, Transfer};
use super::{Outcome, Prepared, Result, refuse};
use crate::visit::{Direction, LayeredUpload};

/// What a client is told that wants to go on with an upload of which nothing was kept.
pub(super) const INTERRUPTED: &str = "the last upload was broken off and not kept; send the file whole.";

/// How long a client waits for the end of what it broke off to be removed.
const CLEANING: Duration = Duration::from_secs(2);

pub(super) async fn run(
    connection: &mut Connection,
    session: &mut LoggedIn,
    Prepared { channel, asked: NextTransfer { restart, announced } }: Prepared,
    argument: &str,
) -> Result {
    let path = session.path(argument).await?;
    if restart > 0 && session.form().ascii {
        // Where that is in the file is not known without reading it.
        return refuse(504, "Text can't be resumed; use TYPE I.");
    }
    if restart > 0 {
        refuse_interrupted(session, &path).await?;
    }
    let mode = if restart == 0 { CreateMode::Replace } else { CreateMode::Resume(restart) };
    let create = session.visit.create(&path, mode, announced);
    let upload = match restart {
        0 => create.await?,
        // What is kept of the file may have to be copied, which takes long.
        _ => connection.while_there(create).await??,
    };
    let opening = Reply::new(150, "Ready for the file.");
    Ok(receiving(session, channel, upload, path, restart, Direction::Upload, opening))
}

/// Refuses to put anything behind a file that this user has begun to replace, and was broken off in: what stands there is not
/// what the client goes on from. Where nothing stands, there is nothing to mix.
pub(super) async fn refuse_interrupted(session: &LoggedIn, path: &StoragePath) -> Result<()> {
    if !session.interrupted.contains(path) {
        return Ok(());
    }
    match session.visit.stat(path).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            session.interrupted.forget(path);
            Ok(())
        }
        _ => Err(Reply::about(554, path, INTERRUPTED).into()),
    }
}

/// The transfer of a file that is received.
pub(super) fn receiving(
    session: &LoggedIn,
    channel: Channel,
    mut upload: Box<LayeredUpload>,
    path: StoragePath,
    offset: u64,
    direction: Direction,
    opening: Reply,
) -> Outcome {
    let form = session.form();
    let at = path.clone();
    let begun = (direction == Direction::Upload && offset == 0).then(|| session.interrupted.begin(&path));
    let channel = channel.toward(Toward::Server);
    let work = move |context: Context| async move {
        let mut connection = match context.interruptible(channel.open(&context.flow)).await {
            Ok(connection) => connection,
            Err(error) => return abort(upload, &at, error, None).await,
        };
        let room = upload.room().clone();
        let receive = receive::receive(&mut connection, &mut *upload, form, &room, &context.flow);
        let received = async {
            let end = context.interruptible(receive).await?;
            // The client may be gone: the data of one that was killed ends like that of one which is done.
            context.confirm(end).await
        };
        if let Err(error) = received.await {
            return abort(upload, &at, error.at(&at), Some(connection)).await;
        }
        context.finishing();
        let connection = connection.received().await;
        match upload.finish().await {
            Ok(_) => {
                if let Some(begun) = begun {
                    begun.stored();
                }
                Ended { result: Ok(()), linger: connection.and_then(|connection| connection.linger(true)) }
            }
            Err(error) => TransferError::from(error).into(),
        }
    };
    Outcome::Transfer(Box::new(Transfer::new(opening, direction, path, offset, form, work)))
}

/// Gives an upload up. The client is told when what was stored of it is removed; a storage that takes long for that goes on
/// with it while the client is told.
async fn abort(
    upload: Box<LayeredUpload>,
    path: &StoragePath,
    error: TransferError,
    connection: Option<DataConnection>,
) -> Ended {
    let at = path.clone();
    let cleaning = tokio::spawn(async move {
        if let Err(cause) = upload.abort().await {
            let path = at.as_str();
            tracing::warn!(path, cause = cause.to_string(), "can't clean up after an upload that failed");
        }
    });
    let _ = tokio::time::timeout(CLEANING, cleaning).await;
    // A storage that takes no more is worth a word that the client reads.
    let linger = match (&error, connection) {
        (TransferError::Storage(_), Some(connection)) => connection.linger(false),
        _ => None,
    };
    Ended { result: Err(error), linger }
}
