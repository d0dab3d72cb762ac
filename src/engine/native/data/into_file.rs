//! From a plain data connection straight into a file.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::net::TcpStream;
use wharf_backends::threads::{OfDisk, Operation, step};
use wharf_backends::{Error, StoragePath};

use super::TransferError;
use super::hose::Hose;
use super::receive::EndOfData;
use super::send::Flow;
use crate::visit::Room;

/// How long a thread of the disk works for one transfer at a time, so that these threads serve all, however slow the
/// disk is.
const BURST: Duration = Duration::from_millis(100);

/// How long this thread waits for more from a client that has just sent so much: more follows at once then, and
/// changing threads would take longer. A slower client holds no thread.
const DATA_WAIT: Duration = Duration::from_millis(4);
const WORTH_A_WAIT: u64 = 64 * 1024;

/// How a burst ended.
pub(super) enum Stopped {
    /// The data has ended.
    End(EndOfData),
    /// No more bytes have arrived yet, none may move yet, or other transfers have their turn.
    Pause,
}

/// Stores what the client sends as long as it is fast, behind the bytes that it has `already` sent.
///
/// The thread that reads the socket writes the file, so that nothing is handed from one thread to another.
pub(super) async fn store_burst(
    stream: &Arc<TcpStream>,
    file: OfDisk<File>,
    already: Bytes,
    room: &Room,
    flow: &Flow,
) -> Result<Stopped, TransferError> {
    let (socket, moved, room) = (Arc::clone(stream), Arc::clone(&flow.moved), room.clone());
    let wanted = Arc::new(());
    let is_wanted = Arc::downgrade(&wanted);
    let most = flow.rest_of_turn();
    let is_wanted = move || is_wanted.strong_count() > 0;
    let threads = file.threads().clone();
    let burst = threads.run(Operation::Write, move || {
        let written = (&*file).write_all(&already);
        written.map_err(|error| Error::from_io(&StoragePath::root(), error))?;
        burst(&socket, &file, already.len() as u64, most, &room, &moved, is_wanted)
    });
    // An aborted upload drops this, and the thread ends, too.
    let _wanted = wanted;
    burst.await?
}

/// Waits for bytes to read or an error, for at most `wait`.
fn has_data(socket: &TcpStream, wait: Duration) -> io::Result<bool> {
    let mut fds = [PollFd::new(socket, PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
    Ok(poll(&mut fds, Some(&wait))? > 0)
}

fn burst(
    socket: &TcpStream,
    file: &File,
    already: u64,
    mut most: u64,
    room: &Room,
    moved: &AtomicU64,
    is_wanted: impl Fn() -> bool,
) -> Result<Stopped, TransferError> {
    let mut hose = Hose::new();
    let begun = Instant::now();
    let (mut last_byte, mut since_wait) = (begun, already);
    while last_byte - begun < BURST && most > 0 && is_wanted() {
        step();
        match hose.fill(socket, most) {
            Ok(0) => return Ok(Stopped::End(EndOfData::now(last_byte))),
            Ok(count) => {
                last_byte = Instant::now();
                room.take(count, &StoragePath::root())?;
                hose.pour(count, file).map_err(|error| Error::from_io(&StoragePath::root(), error))?;
                moved.fetch_add(count as u64, Ordering::Relaxed);
                since_wait += count as u64;
                most -= count as u64;
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if since_wait < WORTH_A_WAIT => break,
            Err(Errno::AGAIN) if !has_data(socket, DATA_WAIT).unwrap_or(true) => break,
            Err(Errno::AGAIN) => since_wait = 0,
            Err(error) => return Err(TransferError::DataConnection(error.into())),
        }
    }
    Ok(Stopped::Pause)
}
