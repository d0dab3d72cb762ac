//! The bytes of a file between a data connection and a storage.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use unftp_core::storage::ErrorKind;
use wharf_backends::{ByteStream, CHUNK_SIZE, Upload};

use super::error::to_libunftp;
use super::session::Session;
use crate::ops::metrics::Ending;
use crate::visit::{TransferFailure, failure};

/// How much later than the data connection the control connection of a killed client may be seen to end. Its
/// system closes both within microseconds; an upload takes this much longer.
const CONTROL_CLOSE_DELAY: Duration = Duration::from_millis(3);

/// Why a transfer failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransferError {
    #[error(transparent)]
    Storage(#[from] wharf_backends::Error),
    #[error("data connection: {0}")]
    DataConnection(#[source] io::Error),
    #[error("nothing moved on the data connection for {0:?}")]
    Stalled(Duration),
    #[error("the client closed the control connection before the upload was complete")]
    ControlConnectionLost,
    #[error("the server is stopping")]
    Stopping,
    #[error("an operator has ended the session")]
    Kicked,
    #[error(
        "the restart offset {0} is not the end of the file, or may be left over from a transfer that failed"
    )]
    StaleOffset(u64),
}

impl TransferFailure for TransferError {
    fn ending(&self) -> Ending {
        Ending::Failed(match self {
            Self::Storage(error) => return failure::ending(error),
            Self::DataConnection(_) => "data_connection",
            Self::Stalled(_) => "stalled",
            Self::ControlConnectionLost => "control_connection",
            Self::Stopping => "stopping",
            Self::Kicked => "session_ended",
            Self::StaleOffset(_) => "invalid_range",
        })
    }

    fn of_storage(&self) -> Option<&wharf_backends::Error> {
        if let Self::Storage(error) = self { Some(error) } else { None }
    }
}

impl From<TransferError> for unftp_core::storage::Error {
    fn from(error: TransferError) -> Self {
        let kind = match error {
            TransferError::Storage(error) => return to_libunftp(error),
            TransferError::DataConnection(_)
            | TransferError::Stalled(_)
            | TransferError::ControlConnectionLost => ErrorKind::ConnectionClosed,
            TransferError::Stopping | TransferError::Kicked => ErrorKind::LocalError,
            TransferError::StaleOffset(_) => ErrorKind::TransientFileNotAvailable,
        };
        Self::new(kind, error)
    }
}

/// Waits for a step of the data connection, but not for ever, and not when the session has ended.
async fn step<T>(session: &Session, step: impl Future<Output = io::Result<T>>) -> Result<T, TransferError> {
    tokio::select! {
        done = tokio::time::timeout(session.stall_timeout, step) => match done {
            Ok(done) => done.map_err(TransferError::DataConnection),
            Err(_) => Err(TransferError::Stalled(session.stall_timeout)),
        },
        () = session.ended.cancelled() => Err(match (session.is_kicked(), session.is_cut()) {
            (true, _) => TransferError::Kicked,
            (false, true) => TransferError::Stopping,
            (false, false) => TransferError::ControlConnectionLost,
        }),
    }
}

/// Receives a file, and counts its bytes. On any failure the upload is aborted.
pub(super) async fn receive(
    session: &Session,
    mut input: impl AsyncRead + Unpin,
    mut upload: Box<dyn Upload>,
    moved: &AtomicU64,
) -> Result<(), TransferError> {
    match receive_all(session, &mut input, &mut *upload, moved).await {
        Ok(()) => {
            // The end of the session is no reason to give up what was received.
            match tokio::spawn(upload.finish()).await {
                Ok(finished) => finished?,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => return Err(TransferError::Stopping),
                },
            };
            Ok(())
        }
        Err(error) => {
            if let Err(cause) = upload.abort().await {
                tracing::warn!(session = session.id, %cause, "can't clean up after an upload that failed");
            }
            Err(error)
        }
    }
}

async fn receive_all(
    session: &Session,
    input: &mut (impl AsyncRead + Unpin),
    upload: &mut dyn Upload,
    moved: &AtomicU64,
) -> Result<(), TransferError> {
    let mut buffer = BytesMut::new();
    loop {
        // The room grows with what arrives, so that a small file costs little.
        if buffer.capacity() == buffer.len() {
            buffer.reserve(buffer.len().clamp(16 * 1024, CHUNK_SIZE));
        }
        let count = step(session, input.read_buf(&mut buffer)).await?;
        moved.fetch_add(count as u64, Ordering::Relaxed);
        if count == 0 || buffer.len() >= CHUNK_SIZE {
            let next = if count == 0 { BytesMut::new() } else { BytesMut::with_capacity(CHUNK_SIZE) };
            let full = std::mem::replace(&mut buffer, next);
            if !full.is_empty() {
                upload.write(full.freeze()).await?;
            }
        }
        if count == 0 {
            break;
        }
    }
    // Both connections of a client that is killed end, but in no order: the other one gets a moment.
    tokio::time::sleep(CONTROL_CLOSE_DELAY).await;
    if session.control_is_lost() {
        return Err(TransferError::ControlConnectionLost);
    }
    Ok(())
}

/// Sends a file, and counts its bytes.
pub(super) async fn send<W>(
    session: &Session,
    mut stream: ByteStream,
    output: &mut W,
    moved: &AtomicU64,
) -> Result<(), TransferError>
where
    W: AsyncWrite + Unpin + ?Sized,
{
    while let Some(chunk) = stream.next().await {
        let mut chunk = chunk?;
        // Each write is a step of its own: a client that is slow and alive isn't stalled.
        while !chunk.is_empty() {
            let written = step(session, output.write(&chunk)).await?;
            if written == 0 {
                return Err(TransferError::DataConnection(io::ErrorKind::WriteZero.into()));
            }
            bytes::Buf::advance(&mut chunk, written);
            moved.fetch_add(written as u64, Ordering::Relaxed);
        }
    }
    step(session, output.flush()).await?;
    Ok(())
}
