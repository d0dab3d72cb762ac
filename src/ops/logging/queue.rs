//! The queue of lines for standard error.
//!
//! The plan. Logging must never wait: a pipe that nobody reads is full after 64 KiB, and a session that waits there
//! keeps its thread from all others. So lines go into a queue of bounded size, and one thread writes them. Lines that
//! find no room are lost and counted, and a later line reports their number.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use super::rate;

/// How many bytes of lines may wait.
const ROOM: usize = 4 * 1024 * 1024;

/// How many bytes are written at a time, unless one line is longer.
const BLOCK: usize = 64 * 1024;

/// How often the number of lines that were left out is reported.
const REPORT: Duration = Duration::from_secs(10);

/// Lines that follow each other faster than this are written together, delayed by at most this time.
const GATHER: Duration = Duration::from_millis(20);

/// How long to wait before the next attempt to write to an output that is full and doesn't block.
const FULL: Duration = Duration::from_millis(5);

/// How long the end of the process waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines were taken and are not yet written.
    is_writing: bool,
    /// The thread has nothing to write, and waits to be woken.
    is_asleep: bool,
    is_ending: bool,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    lost: AtomicU64,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, line: Vec<u8>) {
        let mut waiting = self.waiting();
        if waiting.bytes + line.len() > ROOM {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.bytes += line.len();
        waiting.lines.push_back(line);
        // Waking a thread costs more than a line.
        let is_to_be_woken = std::mem::take(&mut waiting.is_asleep);
        drop(waiting);
        if is_to_be_woken {
            self.changed.notify_all();
        }
    }

    /// The next lines in one block; `None` at the end, and an empty block if there were none for a while.
    fn take(&self) -> Option<Vec<u8>> {
        let mut waiting = self.waiting();
        waiting.is_writing = false;
        if waiting.is_ending {
            self.changed.notify_all();
        }
        if waiting.lines.is_empty() && !waiting.is_ending {
            waiting.is_asleep = true;
            waiting = self.changed.wait_timeout(waiting, REPORT).unwrap_or_else(PoisonError::into_inner).0;
            waiting.is_asleep = false;
        }
        if waiting.lines.is_empty() && waiting.is_ending {
            return None;
        }
        let mut block = Vec::new();
        while let Some(line) = waiting.lines.front() {
            if !block.is_empty() && block.len() + line.len() > BLOCK {
                break;
            }
            block.extend(waiting.lines.pop_front().unwrap_or_default());
        }
        waiting.bytes -= block.len();
        waiting.is_writing = true;
        Some(block)
    }
}

/// The queue of log lines.
#[derive(Debug, Clone, Default)]
pub struct Queue(Arc<Shared>);

impl Queue {
    /// Starts the thread that writes to `sink`.
    pub(super) fn start(sink: impl Write + Send + 'static) -> io::Result<Self> {
        let queue = Self::default();
        let shared = Arc::clone(&queue.0);
        std::thread::Builder::new().name("wharf-log".to_owned()).spawn(move || write_all(&shared, sink))?;
        Ok(queue)
    }

    /// How many lines were lost because nobody read the log.
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Writes the waiting lines, if somebody reads them.
    pub fn end(&self) {
        rate::report(Duration::ZERO);
        let mut waiting = self.0.waiting();
        waiting.is_ending = true;
        self.0.changed.notify_all();
        let is_busy = |waiting: &mut Waiting| waiting.is_writing || !waiting.lines.is_empty();
        let _ = self.0.changed.wait_timeout_while(waiting, LAST_LINES, is_busy);
    }
}

/// Writes a block; returns how many of its lines could not be written.
fn write_block(sink: &mut impl Write, block: &[u8]) -> u64 {
    let mut rest = block;
    while !rest.is_empty() {
        match sink.write(rest) {
            Ok(written @ 1..) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Another process that shares standard error has made it non-blocking. This thread may wait.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(FULL),
            Ok(_) | Err(_) => return rest.split_inclusive(|byte| *byte == b'\n').count() as u64,
        }
    }
    0
}

fn write_all(shared: &Shared, mut sink: impl Write) {
    let mut reported = 0;
    loop {
        let idle_since = Instant::now();
        let Some(block) = shared.take() else { return };
        let is_busy = idle_since.elapsed() < GATHER;
        let is_full = block.len() > BLOCK / 2;
        let unwritten = write_block(&mut sink, &block);
        // Only the metric can report that standard error is gone.
        shared.lost.fetch_add(unwritten, Ordering::Relaxed);
        let lost = shared.lost.load(Ordering::Relaxed);
        if lost > reported {
            tracing::warn!(lines = lost - reported, "log lines were lost, as nobody read them fast enough");
            reported = lost;
        }
        rate::report(REPORT);
        if is_busy && !is_full {
            std::thread::sleep(GATHER);
        }
    }
}

/// One line, which is queued when it is complete.
pub struct Line<'a> {
    queue: &'a Queue,
    text: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.queue.0.put(std::mem::take(&mut self.text));
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { queue: self, text: Vec::new() }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
