//! One direction of a connection: reads, waits, writes.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::schedule::Schedule;

/// What is read at once, at most. It arrives as a whole: smaller ones cost more processor time, larger ones arrive in bursts.
const PARCEL: usize = 64 << 10;
/// The room for bytes that wait to leave, beside those that are on their way.
const WAITING: usize = 4 * PARCEL;

pub struct Way {
    schedule: Schedule,
    begin: Instant,
    buffer: Ring,
    parcels: VecDeque<Parcel>,
    /// No more will come.
    ended: bool,
}

/// Bytes that were read at once; none of them: the end.
struct Parcel {
    bytes: usize,
    arrival: Duration,
}

/// What is possible next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// When the first parcel arrives.
    At(Duration),
    /// When the other end takes more.
    Taken,
    /// When something comes.
    Nothing,
}

impl Way {
    pub fn new(schedule: Schedule, begin: Instant) -> Self {
        let room = schedule.on_the_way().saturating_add(WAITING);
        Self { schedule, begin, buffer: Ring::new(room), parcels: VecDeque::new(), ended: false }
    }

    /// Carries everything up to the end of the one to the other, whose other direction goes on.
    pub fn carry(mut self, from: &TcpStream, to: &TcpStream) -> io::Result<()> {
        loop {
            let next = self.deliver(to)?;
            if self.ended && self.parcels.is_empty() {
                return Ok(());
            }
            self.collect(from)?;
            self.wait(from, to, next)?;
        }
    }

    /// Writes what has arrived by now.
    fn deliver(&mut self, mut to: &TcpStream) -> io::Result<Next> {
        loop {
            let now = self.begin.elapsed();
            let Some(first) = self.parcels.front_mut() else { return Ok(Next::Nothing) };
            if first.arrival > now {
                return Ok(Next::At(first.arrival));
            }
            if first.bytes == 0 {
                self.parcels.pop_front();
                to.shutdown(Shutdown::Write)?;
                return Ok(Next::Nothing);
            }
            match to.write(self.buffer.first(first.bytes)) {
                Ok(count) => {
                    self.buffer.drop_first(count);
                    first.bytes -= count;
                    if first.bytes == 0 {
                        self.parcels.pop_front();
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Next::Taken),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads what is there, as far as there is room.
    fn collect(&mut self, mut from: &TcpStream) -> io::Result<()> {
        while !self.ended && !self.is_full() {
            match from.read(self.buffer.room(PARCEL)) {
                Ok(bytes) => {
                    self.ended = bytes == 0;
                    self.buffer.keep(bytes);
                    let arrival = self.schedule.arrival(self.begin.elapsed(), bytes);
                    self.parcels.push_back(Parcel { bytes, arrival });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A few bytes of room are not worth a read of their own.
    fn is_full(&self) -> bool {
        self.buffer.free() < PARCEL
    }

    fn wait(&self, from: &TcpStream, to: &TcpStream, next: Next) -> io::Result<()> {
        // What was just read may be the first to arrive.
        let next = match (next, self.parcels.front()) {
            (Next::Nothing, Some(first)) => Next::At(first.arrival),
            (next, _) => next,
        };
        let mut events = Vec::with_capacity(2);
        if !self.ended && !self.is_full() {
            events.push(PollFd::new(from, PollFlags::IN));
        }
        let timeout = match next {
            Next::At(arrival) => Some(arrival.saturating_sub(self.begin.elapsed())),
            Next::Taken => {
                events.push(PollFd::new(to, PollFlags::OUT));
                None
            }
            Next::Nothing => None,
        };
        let timeout = timeout.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        match poll(&mut events, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Bytes in a circle: nothing is moved to make room.
struct Ring {
    bytes: Vec<u8>,
    begin: usize,
    filled: usize,
}

impl Ring {
    fn new(room: usize) -> Self {
        Self { bytes: vec![0; room], begin: 0, filled: 0 }
    }

    fn free(&self) -> usize {
        self.bytes.len() - self.filled
    }

    /// The first of what it holds, no more than this, as far as they lie side by side.
    fn first(&self, most: usize) -> &[u8] {
        let count = most.min(self.filled).min(self.bytes.len() - self.begin);
        &self.bytes[self.begin..self.begin + count]
    }

    fn drop_first(&mut self, count: usize) {
        self.begin = (self.begin + count) % self.bytes.len();
        self.filled -= count;
    }

    /// Where the next ones go, no more than this, as far as they lie side by side.
    fn room(&mut self, most: usize) -> &mut [u8] {
        let (size, end) = (self.bytes.len(), (self.begin + self.filled) % self.bytes.len());
        let count = most.min(self.free()).min(size - end);
        &mut self.bytes[end..end + count]
    }

    /// So many were put where there was room.
    fn keep(&mut self, count: usize) {
        self.filled += count;
    }
}

#[cfg(test)]
#[path = "way_tests.rs"]
mod tests;
