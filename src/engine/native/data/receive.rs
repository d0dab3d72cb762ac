//! From a data connection to a storage.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::sync::Semaphore;
use tokio::time::{timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use wharf_backends::{CHUNK_SIZE, Intake, StoragePath, Supply, Upload};

use super::convert::{Form, Incoming, STEP};
use super::into_file::{self, Stopped};
use super::send::Flow;
use super::{DataConnection, TransferError};
use crate::visit::Room;

/// The first room for arriving bytes: most files are small, and most clients slow.
const FIRST_ROOM: usize = 16 * 1024;

/// The largest room, for a client over TLS that fills [`CHUNK_SIZE`] within [`FAST`]: handing the bytes to the thread
/// that writes them takes as long for few of them as for many.
const LARGE_ROOM: usize = 1024 * 1024;
const FAST: Duration = Duration::from_millis(5);

/// How long bytes of a slow client wait for others before they are stored: what is not stored is lost with the line.
const SLOW: Duration = Duration::from_secs(1);

/// An upload that is kept takes what has arrived when its session ends: as long as more comes within this time, for so long in all, and
/// no more than so many bytes.
const LATE: Duration = Duration::from_millis(100);
const LATEST: Duration = Duration::from_secs(1);
const MOST_LATE: usize = 4 * 1024 * 1024;

/// How many transfers may have large rooms at once: whoever was fast may become slow. More are not fast at once on one
/// machine.
static LARGE_ROOMS: Semaphore = Semaphore::const_new(32);

/// How the data of an upload ended.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct EndOfData {
    pub(in super::super) at: Instant,
    /// How long the client was silent before.
    pub(in super::super) silence: Duration,
}

impl EndOfData {
    pub(super) fn now(last_byte: Instant) -> Self {
        let at = Instant::now();
        Self { at, silence: at.saturating_duration_since(last_byte) }
    }
}

/// Receives all bytes of a file, up to the point where the upload can be finished. After a failure the upload has to be
/// aborted. When it `closes`, it ends with the bytes that have arrived.
pub(in super::super) async fn receive(
    connection: &mut DataConnection,
    upload: &mut dyn Upload,
    form: Form,
    room_of_file: &Room,
    flow: &Flow,
    closes: &CancellationToken,
) -> Result<EndOfData, TransferError> {
    let mut incoming = Incoming::new(form);
    let mut room = FIRST_ROOM;
    // An upload that keeps bytes in memory waits for its turn before they are read, so that waiting bytes take no
    // memory.
    let mut intake = upload.intake(Supply::Bytes).await?;
    let mut next = fill(connection, room_in(&intake, room), flow, closes).await?;
    let mut into_file = form.is_plain();
    let (mut large, mut late, mut closing) = (None, 0, None);
    let end = loop {
        // Bytes for a store have their room already.
        let is_over_tls = matches!(connection, DataConnection::Tls { .. });
        if !(next.is_fast && is_over_tls && form.is_plain() && matches!(intake, Intake::Bytes)) {
            large = None;
        } else if large.is_none() {
            large = LARGE_ROOMS.try_acquire().ok();
        }
        room = next_room(room, next.bytes.len(), large.is_some());
        let Filled { bytes: mut chunk, mut ended, .. } = next;
        if closes.is_cancelled() {
            late += chunk.len();
            if late >= MOST_LATE || closing.get_or_insert_with(Instant::now).elapsed() >= LATEST {
                ended.get_or_insert(Ok(EndOfData::now(Instant::now())));
            }
            into_file = false;
        }
        if ended.is_none() && into_file && matches!(intake, Intake::Bytes) {
            match upload.intake(Supply::File).await? {
                Intake::File(file) => {
                    let already = std::mem::take(&mut chunk);
                    room_of_file.take(already.len(), &StoragePath::root())?;
                    match into_file::store_burst(connection, file, already, room_of_file, flow).await? {
                        Stopped::End(end) => break end,
                        Stopped::Pause => {}
                    }
                    next = fill(connection, room_in(&intake, room), flow, closes).await?;
                    continue;
                }
                other => (intake, into_file) = (other, false),
            }
        }
        // The next bytes arrive while these are stored.
        let store = async {
            if form.is_plain() {
                if !chunk.is_empty() {
                    upload.write(chunk).await?;
                }
                return Ok(());
            }
            let mut rest = chunk;
            while !rest.is_empty() {
                // Conversion takes time on this thread, which other sessions need, too.
                let mut step = rest.split_to(rest.len().min(STEP));
                while let Some(piece) = incoming.convert(&mut step)? {
                    upload.write(piece).await?;
                    tokio::task::yield_now().await;
                }
            }
            Ok::<_, TransferError>(())
        };
        if let Some(end) = ended {
            store.await?;
            break end?;
        }
        if matches!(intake, Intake::Reserved(_)) {
            store.await?;
            intake = upload.intake(Supply::Bytes).await?;
            next = fill(connection, room_in(&intake, room), flow, closes).await?;
            continue;
        }
        ((), next) = futures_util::future::try_join(store, fill(connection, room, flow, closes)).await?;
    };
    if incoming.has_converted() {
        flow.converted.store(true, Ordering::Relaxed);
    }
    let rest = incoming.end()?;
    if !rest.is_empty() {
        upload.write(rest).await?;
    }
    Ok(end)
}

/// The room after one that `filled` bytes have arrived in.
fn next_room(room: usize, filled: usize, is_large: bool) -> usize {
    let most = if is_large { LARGE_ROOM } else { CHUNK_SIZE };
    if filled >= room { (room * 4).min(most) } else { room.min(most) }
}

/// How many of `room` bytes may be read before they are stored.
fn room_in(intake: &Intake, room: usize) -> usize {
    match intake {
        Intake::Reserved(reserved) => room.min(*reserved),
        Intake::Bytes | Intake::File(_) => room,
    }
}

/// Bytes that were received together.
struct Filled {
    bytes: Bytes,
    /// They came at a speed that is worth a larger room.
    is_fast: bool,
    /// The data has ended, or the line.
    ended: Option<Result<EndOfData, TransferError>>,
}

/// The next bytes: as many as there is room for, or the rest before the end.
async fn fill(
    connection: &mut DataConnection,
    room: usize,
    flow: &Flow,
    closes: &CancellationToken,
) -> Result<Filled, TransferError> {
    let begun = Instant::now();
    let mut last_byte = begun;
    let mut buffer = BytesMut::with_capacity(room);
    let mut ended = None;
    let most_time = match room > CHUNK_SIZE {
        true => FAST * u32::try_from(room / CHUNK_SIZE).unwrap_or(u32::MAX),
        false => SLOW,
    };
    let until = (begun + most_time).into();
    // What is in the buffer is lost if the session's patience ends: it is stored at once then.
    while buffer.len() < room && (buffer.is_empty() || !closes.is_cancelled()) {
        let most = flow.turn(room - buffer.len()).await;
        let has_a_limit = room > CHUNK_SIZE || !buffer.is_empty();
        let read = flow.step(connection.read(&mut buffer, most));
        let read = match (closes.is_cancelled(), has_a_limit) {
            (true, _) => match timeout(LATE, read).await {
                Ok(read) => read,
                Err(_) => {
                    ended = Some(Ok(EndOfData::now(last_byte)));
                    break;
                }
            },
            (false, has_a_limit) => {
                let limited = async {
                    match has_a_limit {
                        false => Some(read.await),
                        // A client that has become slow leaves its large room to others.
                        true => timeout_at(until, read).await.ok(),
                    }
                };
                tokio::select! {
                    biased;
                    read = limited => match read {
                        Some(read) => read,
                        None => break,
                    },
                    () = closes.cancelled() => continue,
                }
            }
        };
        let count = match read {
            Ok(count) => count,
            // What has come before is stored, and so is what somebody else is storing.
            Err(error) => {
                ended = Some(Err(error));
                break;
            }
        };
        flow.count(count);
        if count == 0 {
            ended = Some(Ok(EndOfData::now(last_byte)));
            break;
        }
        last_byte = Instant::now();
    }
    Ok(Filled { is_fast: is_fast(buffer.len(), last_byte - begun), bytes: fitting(buffer), ended })
}

/// The bytes of a buffer. Who waits for more of them has the whole buffer meanwhile: few bytes are copied.
fn fitting(buffer: BytesMut) -> Bytes {
    if buffer.len() <= buffer.capacity() / 2 { Bytes::copy_from_slice(&buffer) } else { buffer.freeze() }
}

/// Whether so many bytes came as fast as [`CHUNK_SIZE`] within [`FAST`].
fn is_fast(bytes: usize, took: Duration) -> bool {
    bytes >= CHUNK_SIZE && took <= FAST * u32::try_from(bytes / CHUNK_SIZE).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "receive_tests.rs"]
mod tests;
