//! From a data connection to a storage.

use bytes::{Bytes, BytesMut};
use wharf_backends::{CHUNK_SIZE, Upload};

use super::convert::{Form, Incoming};
use super::send::Flow;
use super::{DataConnection, TransferError};

/// The first room for what arrives: most files are small, and most clients slow.
const FIRST_ROOM: usize = 16 * 1024;

/// Receives all bytes of a file, up to where it would be finished. On a failure the upload is still to be aborted.
pub(in super::super) async fn receive(
    connection: &mut DataConnection,
    upload: &mut dyn Upload,
    form: Form,
    flow: &Flow,
) -> Result<(), TransferError> {
    let mut incoming = Incoming::new(form);
    let mut room = FIRST_ROOM;
    let mut next = fill(connection, room, flow).await?;
    while !next.is_empty() {
        room = if next.len() >= room { (room * 4).min(CHUNK_SIZE) } else { room };
        let chunk = next;
        // The next bytes come in while these are stored.
        let store = async {
            if form.is_plain() {
                upload.write(chunk).await?;
                return Ok(());
            }
            let mut input = chunk;
            while let Some(piece) = incoming.convert(&mut input)? {
                upload.write(piece).await?;
            }
            Ok::<_, TransferError>(())
        };
        ((), next) = futures_util::future::try_join(store, fill(connection, room, flow)).await?;
    }
    let rest = incoming.end()?;
    if !rest.is_empty() {
        upload.write(rest).await?;
    }
    Ok(())
}

/// The next bytes: as many as there is room for, or what came before the end. Empty at the end.
async fn fill(connection: &mut DataConnection, room: usize, flow: &Flow) -> Result<Bytes, TransferError> {
    let mut buffer = BytesMut::with_capacity(room);
    while buffer.len() < room {
        let count = flow.step(connection.read(&mut buffer)).await?;
        flow.count(count);
        if count == 0 {
            break;
        }
    }
    Ok(buffer.freeze())
}
