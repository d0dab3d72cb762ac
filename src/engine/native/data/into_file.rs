//! From a plain data connection straight into a file.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio::io::Interest;
use tokio::net::TcpStream;
use wharf_backends::{CHUNK_SIZE, Error, StoragePath};

use super::TransferError;
use super::send::Flow;

/// How much one call of a thread that may block stores at most, so that the pool of threads serves all, and ABOR is heard.
const BURST: u64 = 32 * 1024 * 1024;

/// How long that thread waits for more. A client that is as fast as the disk sends some at once, and to change threads
/// would take longer; one that is slow holds no thread.
const DATA_WAIT: Duration = Duration::from_millis(4);

/// How a burst ended.
enum Stopped {
    /// Nothing more comes.
    End,
    /// Nothing more has come yet, or others have their turn.
    Pause,
}

/// Stores all that comes, up to the end; says how long the client was silent before that.
///
/// The thread that reads the socket writes the file: what it has read is still in its processor's cache, and nothing is
/// handed from one thread to another.
pub(super) async fn store(
    stream: &Arc<TcpStream>,
    file: File,
    flow: &Flow,
) -> Result<Duration, TransferError> {
    let file = Arc::new(file);
    let mut last_byte = Instant::now();
    loop {
        flow.step(arrival(stream)).await?;
        let (socket, target, moved) = (Arc::clone(stream), Arc::clone(&file), Arc::clone(&flow.moved));
        let burst = tokio::task::spawn_blocking(move || {
            burst(&socket, &target, &moved, &mut last_byte).map(|stopped| (stopped, last_byte))
        });
        match burst.await {
            Ok(Ok((Stopped::End, last_byte))) => return Ok(last_byte.elapsed()),
            Ok(Ok((Stopped::Pause, last))) => last_byte = last,
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(TransferError::Panicked),
        }
    }
}

/// Waits until there is something to read, if only the end.
async fn arrival(stream: &TcpStream) -> Result<(), TransferError> {
    loop {
        stream.readable().await.map_err(TransferError::DataConnection)?;
        // Another thread found nothing more, so nobody has told the runtime yet.
        let looked = stream.try_io(Interest::READABLE, || match has_data(stream, Duration::ZERO)? {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        });
        match looked {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            looked => return looked.map_err(TransferError::DataConnection),
        }
    }
}

/// Whether there is something to read, or an error to tell; looks for so long.
fn has_data(socket: &TcpStream, wait: Duration) -> io::Result<bool> {
    let mut fds = [PollFd::new(socket, PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
    Ok(poll(&mut fds, Some(&wait))? > 0)
}

/// Stores until the end, until nothing more comes soon, or until so much is stored. Blocks for the disk.
fn burst(
    socket: &TcpStream,
    mut file: &File,
    moved: &AtomicU64,
    last_byte: &mut Instant,
) -> Result<Stopped, TransferError> {
    let mut buffer = vec![0; CHUNK_SIZE];
    let mut stored = 0;
    while stored < BURST {
        match rustix::net::recv(socket, &mut buffer[..], RecvFlags::empty()) {
            Ok((0, _)) => return Ok(Stopped::End),
            Ok((count, _)) => {
                *last_byte = Instant::now();
                file.write_all(&buffer[..count])
                    .map_err(|error| Error::from_io(&StoragePath::root(), error))?;
                moved.fetch_add(count as u64, Ordering::Relaxed);
                stored += count as u64;
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if has_data(socket, DATA_WAIT).unwrap_or(true) => {}
            Err(Errno::AGAIN) => break,
            Err(error) => return Err(TransferError::DataConnection(error.into())),
        }
    }
    Ok(Stopped::Pause)
}
