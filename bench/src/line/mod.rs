//! A line to a machine far away: a proxy that delays bytes, and lets through only so many in a second.
//!
//! The plan: each direction of a connection has a thread of its own and a buffer. What it reads is stamped with the moment at
//! which it would arrive at the other end ([`Schedule`], which knows no clock), and written at that moment. The buffer holds
//! what such a line has on its way, and little more, so that whoever sends too fast has to wait, as on a real one.
//!
//! A connection itself takes one journey there and back before its first bytes leave, as TCP's handshake does. What a real line has
//! beside that is left out: lost packets, and TCP's slow start.

mod schedule;
mod way;

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};

use self::schedule::Schedule;
use self::way::Way;
use crate::problem::{Doing, Result};

/// What the system may hold for the proxy, beside the buffers of the line.
const SOCKET: usize = 256 << 10;
/// A thread of the line needs little.
const STACK: usize = 64 << 10;
/// How long to wait after a connection that could not be accepted: there were too many open files.
const PAUSE: Duration = Duration::from_millis(10);

/// How far away the other end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Distance {
    /// The time that a byte takes, each way.
    pub delay: Duration,
    /// Bytes in a second, for each connection and each way.
    pub bandwidth: u64,
}

impl Distance {
    /// Another region of the same provider, with a good connection.
    pub const DEFAULT: Self = Self { delay: Duration::from_millis(15), bandwidth: 30_000_000 };

    /// There and back.
    fn round_trip(self) -> Duration {
        2 * self.delay
    }
}

/// A proxy on a port of this machine. Its connections break off when it is dropped.
pub struct Line {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    distance: Distance,
    to: SocketAddr,
    closed: AtomicBool,
    /// Both ends of each connection that may be open.
    connections: Mutex<Vec<Weak<Pair>>>,
}

/// The two connections that the proxy joins.
struct Pair {
    near: TcpStream,
    far: TcpStream,
}

impl Line {
    /// Opens one to this address.
    pub fn open(to: SocketAddr, distance: Distance) -> Result<Self> {
        let doing = || "opening the line to the store".to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing(doing)?;
        // The connections that it accepts inherit this.
        set_socket_recv_buffer_size(&listener, SOCKET).doing(doing)?;
        set_socket_send_buffer_size(&listener, SOCKET).doing(doing)?;
        let address = listener.local_addr().doing(doing)?;
        let shared =
            Arc::new(Shared { distance, to, closed: AtomicBool::new(false), connections: Mutex::default() });
        let inside = Arc::clone(&shared);
        let builder = thread::Builder::new().name("line".to_owned()).stack_size(STACK);
        let accepting = builder.spawn(move || accept(&listener, &inside)).doing(doing)?;
        Ok(Self { address, shared, accepting: Some(accepting) })
    }

    /// The near end.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // It wakes whoever waits for the next connection.
        let woken = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take().filter(|_| woken.is_ok()) {
            accepting.join().ok();
        }
        for pair in self.shared.open().iter().filter_map(Weak::upgrade) {
            pair.break_off();
        }
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Vec<Weak<Pair>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pair {
    /// Both ways end, whatever they are doing.
    fn break_off(&self) {
        self.near.shutdown(Shutdown::Both).ok();
        self.far.shutdown(Shutdown::Both).ok();
    }
}

fn accept(listener: &TcpListener, shared: &Shared) {
    loop {
        let accepted = listener.accept();
        if shared.closed.load(Ordering::SeqCst) {
            return;
        }
        // A connection that can't be joined to the far end is closed: its client sees that.
        if accepted.and_then(|(near, _)| join(near, shared)).is_err() {
            thread::sleep(PAUSE);
        }
    }
}

fn join(near: TcpStream, shared: &Shared) -> io::Result<()> {
    let far = TcpStream::connect(shared.to)?;
    set_socket_recv_buffer_size(&far, SOCKET)?;
    set_socket_send_buffer_size(&far, SOCKET)?;
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
    }
    let pair = Arc::new(Pair { near, far });
    let mut open = shared.open();
    open.retain(|pair| pair.strong_count() > 0);
    open.push(Arc::downgrade(&pair));
    drop(open);
    let begin = Instant::now();
    for there in [true, false] {
        let pair = Arc::clone(&pair);
        // Nothing leaves before the handshake is over; an answer can't be earlier anyway.
        let first = if there { shared.distance.round_trip() } else { Duration::ZERO };
        let schedule = Schedule::new(shared.distance, first);
        let builder = thread::Builder::new().name("line".to_owned()).stack_size(STACK);
        builder.spawn(move || {
            let (from, to) = if there { (&pair.near, &pair.far) } else { (&pair.far, &pair.near) };
            if Way::new(schedule, begin).carry(from, to).is_err() {
                // One end is gone: the other one must not wait for it.
                pair.break_off();
            }
        })?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
