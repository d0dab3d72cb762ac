//! The memory of a server while something is done.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::MEBIBYTE;
use crate::problem::{Problem, Result};
use crate::servers::Server;

/// The time between two readings. The system itself keeps the highest value; the readings show that it is the same.
const INTERVAL: Duration = Duration::from_millis(50);

/// The readings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// The most that was seen, in KiB.
    pub seen: u64,
    /// The most that the system noted since the server started, in KiB.
    pub noted: u64,
    pub looks: u32,
    /// The longest time between two looks.
    pub gap: Duration,
}

impl Memory {
    /// The higher of both, in KiB.
    pub fn most(&self) -> u64 {
        self.seen.max(self.noted)
    }

    /// How it was seen.
    pub fn describe(&self) -> String {
        format!(
            "seen {:.1} MiB in {} looks, {} ms apart at most; noted by the system {:.1} MiB",
            self.seen as f64 / MEBIBYTE,
            self.looks,
            self.gap.as_millis(),
            self.noted as f64 / MEBIBYTE
        )
    }
}

/// Does it, and looks at the server's memory meanwhile.
pub fn watched<T>(server: &Server, work: impl FnOnce() -> T) -> Result<(T, Memory)> {
    thread::scope(|scope| {
        let (end, ended) = channel::<()>();
        let watch = scope.spawn(move || {
            let (mut memory, mut last) = (Memory::default(), Instant::now());
            loop {
                memory.seen = memory.seen.max(server.resident());
                memory.looks += 1;
                memory.gap = memory.gap.max(last.elapsed());
                last = Instant::now();
                if ended.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                    memory.noted = server.peak();
                    return memory;
                }
            }
        });
        let done = work();
        drop(end);
        let memory = watch.join().map_err(|_| Problem::new("the thread that looks at the memory failed"))?;
        if memory.most() == 0 {
            return Err(Problem::new("the system tells nothing of the server's memory"));
        }
        Ok((done, memory))
    })
}
