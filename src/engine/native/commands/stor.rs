//! STOR (RFC 959, section 4.1.3).

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wharf_backends::{CreateMode, ErrorKind, StoragePath, Upload};

use super::super::data::{Channel, DataConnection, Toward, TransferError, receive};
use super::super::reply::Reply;
use super::super::state::{
    Begun, Connection, Context, Ended, LoggedIn, Mark, NextTransfer, OwnInterrupted, Transfer,
};
use super::{Outcome, Prepared, Result, refuse};
use crate::visit::{Direction, LayeredUpload, Left, is_same};

/// What a client is told that wants to go on with an upload of which nothing was kept.
pub(super) const INTERRUPTED: &str = "the last upload was broken off and not kept; send the file whole.";

/// The same, as long as it is not known to have ended: a line that is lost is noticed late.
const NOT_ENDED: &str =
    "an upload of it is under way; send the file whole, or try again when that has ended.";

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
    let create = create(session, &path, mode, announced);
    let upload = match restart {
        0 => create.await?,
        // What is kept of the file may have to be copied, which takes long.
        _ => connection.while_there(create).await??,
    };
    let opening = Reply::new(150, "Ready for the file.");
    Ok(receiving(session, channel, upload, path, restart, Direction::Upload, opening))
}

/// Begins an upload. Text is other bytes here than on the wire, so that nobody could say where it goes on.
pub(super) async fn create(
    session: &LoggedIn,
    path: &StoragePath,
    mode: CreateMode,
    announced: u64,
) -> std::result::Result<Box<LayeredUpload>, wharf_backends::Error> {
    match session.form().ascii {
        true => session.visit.create(path, mode, announced).await,
        false => session.visit.create_kept(path, mode, announced).await,
    }
}

/// Refuses to put anything behind a file that this user has begun to replace, and was broken off in: what stands there is not
/// what the client goes on from. Where nothing stands, there is nothing to mix.
pub(super) async fn refuse_interrupted(session: &LoggedIn, path: &StoragePath) -> Result<()> {
    let Some(mark) = session.interrupted.mark(path) else { return Ok(()) };
    if session.visit.keeps(path).await? || !stands_still(session, path, &mark).await? {
        return Ok(());
    }
    Err(Reply::about(554, path, if mark == Mark::Running { NOT_ENDED } else { INTERRUPTED }).into())
}

/// Whether the old file stands there that was to be replaced. If not, there is nothing to mix, and that is forgotten.
pub(super) async fn stands_still(session: &LoggedIn, path: &StoragePath, mark: &Mark) -> Result<bool> {
    let is_the_old_one = match mark {
        Mark::Running | Mark::BrokenOff => match session.visit.stat(path).await {
            Err(error) => error.kind() != ErrorKind::NotFound,
            Ok(_) => true,
        },
        // Another replica may have made a file of what was kept.
        Mark::Kept(old) | Mark::ThrownAway(old) => match (session.visit.stands(path).await?, old) {
            (Some(now), Some(old)) => is_same(&now, old),
            _ => false,
        },
    };
    if !is_the_old_one {
        session.interrupted.forget(path);
    }
    Ok(is_the_old_one)
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
    // What goes on with an upload is no new one, and its end makes another file of the name all the same.
    let interrupted = session.interrupted.clone();
    let channel = channel.toward(Toward::Server);
    let work = move |context: Context| async move {
        let mut connection = match context.interruptible(channel.open(&context.flow)).await {
            Ok(connection) => connection,
            Err(error) => return give_up(upload, &at, error, None, (begun, interrupted)).await,
        };
        let (room, is_kept, closes) = (upload.room().clone(), upload.is_kept(), CancellationToken::new());
        let receive = receive::receive(&mut connection, &mut *upload, form, &room, &context.flow, &closes);
        let received = async {
            let end = match is_kept {
                true => context.closing(receive, &closes).await?,
                false => context.interruptible(receive).await?,
            };
            // The client may be gone: the data of one that was killed ends like that of one which is done.
            context.confirm(end).await
        };
        if let Err(error) = received.await {
            return give_up(upload, &at, error.at(&at), Some(connection), (begun, interrupted)).await;
        }
        context.finishing();
        let connection = connection.received().await;
        match upload.finish().await {
            Ok(_) => {
                match begun {
                    Some(begun) => begun.stored(),
                    None => interrupted.forget(&at),
                }
                Ended { result: Ok(()), linger: connection.and_then(|connection| connection.linger(true)) }
            }
            Err(error) => TransferError::from(error).into(),
        }
    };
    Outcome::Transfer(Box::new(Transfer::new(opening, direction, path, offset, form, work)))
}

/// Gives an upload up: it is kept, if it may be and its line broke, or nothing of it stays. The client is told when the storage is done
/// with that; one that takes long goes on while the client is told.
async fn give_up(
    upload: Box<LayeredUpload>,
    path: &StoragePath,
    error: TransferError,
    connection: Option<DataConnection>,
    (begun, interrupted): (Option<Begun>, OwnInterrupted),
) -> Ended {
    // What a storage refuses would be refused again.
    let leaves = match &error {
        TransferError::Storage(error) => error.kind() == ErrorKind::Unavailable,
        _ => true,
    };
    let at = path.clone();
    let cleaning = tokio::spawn(async move {
        let ended = match leaves {
            true => upload.leave_for_later().await,
            false => upload.abort().await.map(|()| None),
        };
        match ended {
            Ok(Some(Left { old })) => match begun {
                Some(begun) => begun.kept(old),
                None => interrupted.kept(&at, old),
            },
            Ok(None) => {}
            Err(cause) => {
                let path = at.as_str();
                tracing::warn!(path, cause = cause.to_string(), "can't clean up after an upload that failed");
            }
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
