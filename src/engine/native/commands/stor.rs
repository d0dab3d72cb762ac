//! STOR (RFC 959, section 4.1.3).

use wharf_backends::{CreateMode, StoragePath, Upload};

use super::super::data::{Channel, TransferError, receive};
use super::super::reply::Reply;
use super::super::session::{Connection, Context, Direction, LoggedIn, Transfer};
use super::{Outcome, Prepared, Result, refuse};

pub(in super::super) async fn run(
    _: &mut Connection,
    session: &mut LoggedIn,
    Prepared { channel, restart }: Prepared,
    argument: &str,
) -> Result {
    let path = session.path(argument)?;
    if restart > 0 && session.form().ascii {
        // Where that is in the file is not known without reading it.
        return refuse(504, "Text can't be resumed; use TYPE I.");
    }
    let mode = if restart == 0 { CreateMode::Replace } else { CreateMode::Resume(restart) };
    let upload = session.view.create(&path, mode).await?;
    let opening = Reply::new(150, format!("Ready for {path}."));
    Ok(receiving(session, channel, upload, path, restart, Direction::Upload, opening))
}

/// The transfer of a file that is received.
pub(super) fn receiving(
    session: &LoggedIn,
    channel: Channel,
    mut upload: Box<dyn Upload>,
    path: StoragePath,
    offset: u64,
    direction: Direction,
    opening: Reply,
) -> Outcome {
    let form = session.form();
    let at = path.clone();
    let work = move |context: Context| async move {
        let receive = async {
            let mut connection = channel.open().await?;
            receive::receive(&mut connection, &mut *upload, form, &context.flow).await?;
            Ok(connection)
        };
        let received = async {
            let mut connection = context.interruptible(receive).await?;
            context.confirm().await?;
            // All is here; whether the client hears of it makes no difference.
            let _ = connection.finish().await;
            Ok::<_, TransferError>(connection)
        };
        match received.await {
            Ok(connection) => {
                upload.finish().await?;
                connection.linger();
                Ok(())
            }
            Err(error) => {
                if let Err(cause) = upload.abort().await {
                    let path = at.as_str();
                    tracing::warn!(
                        path,
                        cause = cause.to_string(),
                        "can't clean up after an upload that failed"
                    );
                }
                Err(error)
            }
        }
    };
    Outcome::Transfer(Box::new(Transfer::new(opening, direction, path, offset, work)))
}
