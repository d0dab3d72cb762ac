//! Passes bytes on between two sockets, in both directions.
//!
//! The plan. The kernel moves the bytes through a pipe, without a copy through this process. The end of one direction is
//! passed on while the other goes on.
//!
//! An end that was not sent must not look like one that was: half a file would be stored as a whole one. So while bytes are
//! passed on, both sockets are set to be *reset* when they are closed, whatever the reason, the death of this process
//! included. An end that was received is sent explicitly, and from then on this socket is closed in the usual way: what is
//! still under way arrives.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown, sockopt};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// The size of a pipe at first, and of one that was full. The system limits the size of all pipes of an account; beyond that limit, a
/// pipe is so small that to copy is better.
const PIPE: usize = 64 * 1024;
const LARGE_PIPE: usize = 256 * 1024;

/// What is copied at once where there is no pipe.
const BUFFER: usize = 64 * 1024;

/// How long a client may take to close its connection after the owner has ended. The owner does not wait for it, and what it was sent
/// arrives all the same. Whoever has moved nothing gets less.
const LAST_WAIT: Duration = Duration::from_secs(60);
const WAIT_FOR_NOTHING: Duration = Duration::from_secs(1);

/// Which side a connection was lost at.
#[derive(Debug)]
pub(super) enum Lost {
    Client(io::Error),
    Owner(io::Error),
}

/// The two sides of a relayed connection.
#[derive(Debug)]
pub(super) struct Sides<'a> {
    pub(super) client: &'a TcpStream,
    pub(super) owner: &'a TcpStream,
    /// Counts the bytes to the owner, and those from it.
    pub(super) to_owner: Counter,
    pub(super) from_owner: Counter,
    /// How long nothing may move.
    pub(super) patience: Duration,
}

/// Makes the end of this process, or of the connection, a reset.
pub(super) fn reset_when_closed(stream: &TcpStream) {
    if let Err(error) = sockopt::set_socket_linger(stream, Some(Duration::ZERO)) {
        tracing::debug!(%error, "can't set SO_LINGER");
    }
}

/// Passes bytes on until both sides have ended, or one is lost. Both are to be set to [`reset_when_closed`].
pub(super) async fn both_ways(sides: Sides<'_>) -> Result<(), Lost> {
    let Sides { client, owner, to_owner, from_owner, patience } = sides;
    let moved = AtomicU64::new(0);
    let up = pass(client, owner, &to_owner, &moved);
    let up = async {
        up.await.map_err(|(error, reading)| if reading { Lost::Client(error) } else { Lost::Owner(error) })
    };
    let (ended, owner_is_done) = (Notify::new(), AtomicBool::new(false));
    let down = async {
        let passed = pass(owner, client, &from_owner, &moved).await;
        owner_is_done.store(passed.is_ok(), Ordering::Relaxed);
        ended.notify_one();
        passed.map_err(|(error, reading)| if reading { Lost::Owner(error) } else { Lost::Client(error) })
    };
    let last_wait = async {
        ended.notified().await;
        let nothing = moved.load(Ordering::Relaxed) == 0;
        tokio::time::sleep(if nothing { WAIT_FOR_NOTHING } else { LAST_WAIT }).await;
    };
    let passed = tokio::select! {
        passed = async { tokio::try_join!(up, down) } => passed.map(drop),
        // The client has got all that there was.
        () = last_wait => Ok(()),
        lost = failed(client) => Err(Lost::Client(lost)),
        lost = failed(owner) => Err(Lost::Owner(lost)),
        () = stands_still(&moved, patience) => Err(Lost::Client(io::ErrorKind::TimedOut.into())),
    };
    match passed {
        // It has sent all that it had, and hears no more.
        Err(Lost::Owner(_)) if owner_is_done.load(Ordering::Relaxed) => Ok(()),
        passed => passed,
    }
}

/// Waits until a connection is lost, also while nobody reads from it or writes to it.
async fn failed(stream: &TcpStream) -> io::Error {
    loop {
        match stream.ready(Interest::ERROR).await {
            Ok(ready) if ready.is_error() => {
                // Whoever reads at this moment may have taken the error.
                let error = stream.take_error().ok().flatten();
                return error.unwrap_or_else(|| io::ErrorKind::ConnectionReset.into());
            }
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => return error,
        }
    }
}

/// Waits until nothing has moved for this time, and at most twice as long.
async fn stands_still(moved: &AtomicU64, patience: Duration) {
    let mut before = None;
    loop {
        let now = moved.load(Ordering::Relaxed);
        if before.replace(now) == Some(now) {
            return;
        }
        tokio::time::sleep(patience).await;
    }
}

/// Passes bytes on in one direction, and their end. The error says whether it came from reading.
async fn pass(
    from: &TcpStream,
    to: &TcpStream,
    passed: &Counter,
    moved: &AtomicU64,
) -> Result<(), (io::Error, bool)> {
    let mut means = None;
    loop {
        from.readable().await.map_err(|error| (error, true))?;
        let means = means.get_or_insert_with(Means::new);
        let filled = from.try_io(Interest::READABLE, || means.fill(from));
        let mut left = match filled {
            Ok(0) => break,
            Ok(filled) => filled,
            Err(error) if is_nothing(&error) => continue,
            Err(error) => return Err((error, true)),
        };
        passed.inc_by(left as u64);
        let mut begin = 0;
        while left > 0 {
            match to.try_io(Interest::WRITABLE, || means.pour(to, begin, left)) {
                Ok(poured) => {
                    begin += poured;
                    left -= poured;
                    moved.fetch_add(poured as u64, Ordering::Relaxed);
                }
                Err(error) if is_nothing(&error) => to.writable().await.map_err(|error| (error, false))?,
                Err(error) => return Err((error, false)),
            }
        }
        // A connection that always has bytes must not keep others from their turn.
        tokio::task::consume_budget().await;
    }
    match shutdown(to, Shutdown::Write) {
        Ok(()) => {
            // Its end is sent. If this is over now, bytes may still be under way.
            let _ = sockopt::set_socket_linger(to, None);
            Ok(())
        }
        // It has gone, after all that it was sent.
        Err(Errno::NOTCONN) => Ok(()),
        Err(error) => Err((error.into(), false)),
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

enum Means {
    Pipe { inlet: OwnedFd, outlet: OwnedFd, is_large: bool },
    Buffer(Box<[u8]>),
}

impl Means {
    fn new() -> Self {
        match pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK) {
            Ok((outlet, inlet)) if fcntl_getpipe_size(&inlet).is_ok_and(|size| size >= PIPE) => {
                Self::Pipe { inlet, outlet, is_large: false }
            }
            Ok(_) | Err(_) => Self::buffer(),
        }
    }

    fn buffer() -> Self {
        Self::Buffer(vec![0; BUFFER].into())
    }

    /// Takes what has arrived; 0 at the end. It has to be poured out before more is taken.
    fn fill(&mut self, from: &TcpStream) -> io::Result<usize> {
        match self {
            Self::Pipe { inlet, is_large, .. } => {
                match splice(from, None, &*inlet, None, LARGE_PIPE, SpliceFlags::NONBLOCK) {
                    // Some systems have no such call for sockets. Nothing was taken then.
                    Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {}
                    filled => {
                        let filled = filled?;
                        // If it may not be larger, it stays as it is, and is not asked for again.
                        if !*is_large && filled >= PIPE / 2 {
                            let _ = fcntl_setpipe_size(&*inlet, LARGE_PIPE);
                            *is_large = true;
                        }
                        return Ok(filled);
                    }
                }
                *self = Self::buffer();
            }
            Self::Buffer(_) => {}
        }
        let Self::Buffer(buffer) = self else { return Ok(0) };
        Ok(rustix::net::recv(from, &mut buffer[..], rustix::net::RecvFlags::DONTWAIT)?.0)
    }

    /// Sends `left` bytes that were taken, of which `begin` were sent before, as far as is possible at once.
    fn pour(&mut self, to: &TcpStream, begin: usize, left: usize) -> io::Result<usize> {
        use rustix::net::{SendFlags, send};
        match self {
            Self::Pipe { outlet, .. } => Ok(splice(&*outlet, None, to, None, left, SpliceFlags::NONBLOCK)?),
            Self::Buffer(buffer) => {
                Ok(send(to, &buffer[begin..begin + left], SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
            }
        }
    }
}

#[cfg(test)]
#[path = "splice_tests.rs"]
mod tests;
