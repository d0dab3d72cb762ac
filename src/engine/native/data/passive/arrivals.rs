//! Connections that have come for one session, until it is known which of them is the session's.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::net::{RecvFlags, recv};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// How many wait at most. The client opens one; the others are of somebody who looks for open ports.
pub(super) const MOST: usize = 8;

/// A connection, and who opened it.
#[derive(Debug)]
pub(in super::super) struct Arrived {
    pub(in super::super) stream: TcpStream,
    pub(in super::super) peer: SocketAddr,
}

/// What can be told of a connection without reading from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Standing {
    /// It is open, and nothing has come.
    Silent,
    /// Something has come.
    Speaks,
    /// The client sends nothing, and never will.
    Ended,
    Reset,
}

impl Arrived {
    pub(in super::super) fn standing(&self) -> Standing {
        match recv(&self.stream, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, 0)) => Standing::Ended,
            Ok(_) => Standing::Speaks,
            Err(rustix::io::Errno::AGAIN) => Standing::Silent,
            Err(_) => Standing::Reset,
        }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    arrived: VecDeque<Arrived>,
    /// Somebody else expects connections in this place now.
    closed: bool,
    had_some: bool,
}

/// What has come and is not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

impl Arrivals {
    /// Adds a connection; `false` if there are too many. One that is over makes room.
    pub(super) fn put(&self, arrived: Arrived) -> bool {
        let mut waiting = self.waiting();
        if waiting.arrived.len() >= MOST {
            waiting
                .arrived
                .retain(|arrived| !matches!(arrived.standing(), Standing::Ended | Standing::Reset));
        }
        if waiting.closed || waiting.arrived.len() >= MOST {
            return false;
        }
        waiting.arrived.push_back(arrived);
        waiting.had_some = true;
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// Nothing more comes.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.changed.notify_one();
    }

    /// Whether any has come.
    pub(super) fn had_some(&self) -> bool {
        self.waiting().had_some
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting().arrived.is_empty()
    }

    /// One that is there already.
    pub(super) fn take(&self) -> Option<Arrived> {
        self.waiting().arrived.pop_front()
    }

    /// The next one. Nothing is lost if it is not waited for to the end.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionAborted`] if none comes any more.
    pub(super) async fn next(&self) -> io::Result<Arrived> {
        loop {
            let changed = self.changed.notified();
            {
                let mut waiting = self.waiting();
                if let Some(arrived) = waiting.arrived.pop_front() {
                    return Ok(arrived);
                }
                if waiting.closed {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            }
            changed.await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing is half-done in it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
