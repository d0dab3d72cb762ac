//! Standard output.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use super::sink::{Output, Written, whole};

/// How long to wait before the next attempt to write to an output that is full and doesn't block.
const FULL: Duration = Duration::from_millis(5);

/// Standard output without the buffer that the standard library puts in front of it: lines stay whole.
#[derive(Debug)]
pub(super) struct Stdout {
    output: File,
    /// The bytes of the first line that were written before something failed.
    begun: usize,
}

impl Stdout {
    /// # Errors
    /// Those of the system.
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self { output: File::from(io::stdout().as_fd().try_clone_to_owned()?), begun: 0 })
    }
}

impl Output for Stdout {
    fn write(&mut self, lines: &[Vec<u8>]) -> Written {
        let block = lines.concat();
        let mut done = self.begun;
        let failure = loop {
            match self.output.write(&block[done..]) {
                Ok(count @ 1..) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another process that shares it has made it non-blocking. This thread may wait.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(FULL),
                Ok(_) => break Some(io::ErrorKind::WriteZero.into()),
                Err(error) => break Some(error),
            }
            if done == block.len() {
                break None;
            }
        };
        // What is left of a line goes behind its beginning.
        let (count, begun) = whole(lines, done);
        self.begun = begun;
        Written { lines: count, lost: 0, failure }
    }
}
