//! From a data connection straight into a file.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::net::TcpStream;
use wharf_backends::threads::{OfDisk, Operation, step};
use wharf_backends::{Error, StoragePath};

use super::connection::Loan;
use super::hose::Hose;
use super::receive::EndOfData;
use super::send::Flow;
use super::tls_source::TlsSource;
use super::{DataConnection, TransferError};
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

/// What a source has given.
pub(super) enum Taken {
    Bytes(usize),
    /// No bytes have arrived.
    Nothing,
    /// Something has arrived that came to no bytes, and there may be more of it.
    NotYet,
    End,
}

/// Where a thread of the disk takes bytes from.
pub(super) trait Source {
    fn socket(&self) -> io::Result<BorrowedFd<'_>>;

    /// Takes bytes that have arrived, at most so many, without waiting and without working for long. They have to be poured
    /// out before more are taken.
    fn fill(&mut self, most: u64) -> Result<Taken, TransferError>;

    /// Writes `count` bytes that were taken.
    fn pour(&mut self, count: usize, file: &File) -> io::Result<()>;
}

/// A connection in plain text.
struct PlainSource {
    socket: Arc<TcpStream>,
    hose: Hose,
}

impl Source for PlainSource {
    fn socket(&self) -> io::Result<BorrowedFd<'_>> {
        Ok(self.socket.as_fd())
    }

    fn fill(&mut self, most: u64) -> Result<Taken, TransferError> {
        loop {
            match self.hose.fill(&*self.socket, most) {
                Ok(0) => return Ok(Taken::End),
                Ok(count) => return Ok(Taken::Bytes(count)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Taken::Nothing),
                Err(error) => return Err(TransferError::DataConnection(error.into())),
            }
        }
    }

    fn pour(&mut self, count: usize, file: &File) -> io::Result<()> {
        self.hose.pour(count, file)
    }
}

/// Stores what the client sends as long as it is fast, behind the bytes that it has `already` sent.
///
/// The thread that reads the socket writes the file, so that nothing is handed from one thread to another.
pub(super) async fn store_burst(
    connection: &mut DataConnection,
    file: OfDisk<File>,
    already: Bytes,
    room: &Room,
    flow: &Flow,
) -> Result<Stopped, TransferError> {
    let loan = connection.lend()?;
    let (moved, room) = (Arc::clone(&flow.moved), room.clone());
    let wanted = Arc::new(());
    let is_wanted = Arc::downgrade(&wanted);
    let most = flow.rest_of_turn();
    let is_wanted = move || is_wanted.strong_count() > 0;
    let threads = file.threads().clone();
    let burst = threads.run(Operation::Write, move || {
        if let Err(error) = (&*file).write_all(&already) {
            return (loan, Err(Error::from_io(&StoragePath::root(), error).into()));
        }
        let stored = already.len() as u64;
        // It is a lot of memory for as long as a burst.
        drop(already);
        if most == 0 {
            return (loan, Ok(Stopped::Pause));
        }
        match loan {
            Loan::Plain(socket) => {
                let mut source = PlainSource { socket, hose: Hose::new() };
                let stopped = burst(&mut source, &file, stored, most, &room, &moved, is_wanted);
                (Loan::Plain(source.socket), stopped)
            }
            Loan::Tls { stream, lenient } => {
                let mut source = TlsSource::new(stream, lenient);
                let stopped = burst(&mut source, &file, stored, most, &room, &moved, is_wanted);
                (Loan::Tls { stream: source.stream, lenient }, stopped)
            }
        }
    });
    // An aborted upload drops this, and the thread ends, too.
    let _wanted = wanted;
    let (loan, stopped) = burst.await?;
    connection.take_back(loan)?;
    stopped
}

/// Waits for bytes to read or an error, for at most `wait`.
fn has_data(source: &impl Source, wait: Duration) -> io::Result<bool> {
    let mut fds = [PollFd::from_borrowed_fd(source.socket()?, PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
    Ok(poll(&mut fds, Some(&wait))? > 0)
}

fn burst(
    source: &mut impl Source,
    file: &File,
    already: u64,
    mut most: u64,
    room: &Room,
    moved: &AtomicU64,
    is_wanted: impl Fn() -> bool,
) -> Result<Stopped, TransferError> {
    let begun = Instant::now();
    let (mut last_byte, mut since_wait) = (begun, already);
    while begun.elapsed() < BURST && most > 0 && is_wanted() {
        step();
        match source.fill(most)? {
            Taken::End => return Ok(Stopped::End(EndOfData::now(last_byte))),
            Taken::NotYet => {}
            Taken::Bytes(count) => {
                last_byte = Instant::now();
                room.take(count, &StoragePath::root())?;
                source.pour(count, file).map_err(|error| Error::from_io(&StoragePath::root(), error))?;
                moved.fetch_add(count as u64, Ordering::Relaxed);
                since_wait += count as u64;
                most -= count as u64;
            }
            Taken::Nothing if since_wait < WORTH_A_WAIT => break,
            Taken::Nothing if !has_data(source, DATA_WAIT).unwrap_or(true) => break,
            Taken::Nothing => since_wait = 0,
        }
    }
    Ok(Stopped::Pause)
}
