//! Moves bytes from a socket into a file, on a thread that may block.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

/// How many bytes are moved at once, if so many have arrived. A file system keeps a large piece in large pages, which
/// take less time than many small ones.
const PIECE: usize = 1024 * 1024;
const BUFFER: usize = 512 * 1024;

pub(super) enum Hose {
    /// The kernel puts arriving bytes into it without a copy, and copies them into the file.
    Pipe { inlet: OwnedFd, outlet: OwnedFd },
    /// Arriving bytes are copied into it, and again into the file.
    Buffer(Vec<u8>),
}

impl Hose {
    /// With a pipe, if a large one is available: the system limits the size of all pipes of a user.
    pub(super) fn new() -> Self {
        let pipe = || {
            let (outlet, inlet) = pipe_with(PipeFlags::CLOEXEC)?;
            fcntl_setpipe_size(&inlet, PIECE)?;
            Ok::<_, Errno>(Self::Pipe { inlet, outlet })
        };
        pipe().unwrap_or_else(|_| Self::buffer())
    }

    fn buffer() -> Self {
        Self::Buffer(vec![0; BUFFER])
    }

    /// Takes bytes that have arrived, at most so many, without waiting; 0 at the end. They have to be poured out before more are taken.
    pub(super) fn fill(&mut self, socket: impl AsFd, most: u64) -> Result<usize, Errno> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        match self {
            Self::Pipe { inlet, .. } => {
                match splice(&socket, None, inlet, None, most.min(PIECE), SpliceFlags::NONBLOCK) {
                    Err(error) if is_refusal(error) => *self = Self::buffer(),
                    filled => return filled,
                }
                self.fill(socket, most as u64)
            }
            Self::Buffer(buffer) => {
                let room = &mut buffer[..most.min(BUFFER)];
                rustix::net::recv(socket, room, RecvFlags::DONTWAIT).map(|(count, _)| count)
            }
        }
    }

    /// Writes `count` bytes that were taken.
    pub(super) fn pour(&mut self, count: usize, mut file: &File) -> io::Result<()> {
        let outlet = match self {
            Self::Pipe { outlet, .. } => outlet,
            Self::Buffer(buffer) => return file.write_all(&buffer[..count]),
        };
        let mut left = count;
        while left > 0 {
            match splice(&*outlet, None, file, None, left, SpliceFlags::empty()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(poured) => left -= poured,
                Err(Errno::INTR) => {}
                Err(error) if is_refusal(error) => break,
                Err(error) => return Err(error.into()),
            }
        }
        if left > 0
            && let Self::Pipe { inlet, outlet } = std::mem::replace(self, Self::buffer())
        {
            drop(inlet);
            let copied = io::copy(&mut File::from(outlet).take(left as u64), &mut file)?;
            if copied != left as u64 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}

/// Whether the call does not exist for this socket or this file, as on some file systems in user space.
fn is_refusal(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM)
}

#[cfg(test)]
#[path = "hose_tests.rs"]
mod tests;
