//! Starts programs on behalf of the server, from processes of their own.
//!
//! The plan. The server gives up the right to start programs before it serves anybody (`server.sandbox`), and a program that it
//! started all the same would be confined as it is. So the server starts a helper before that, which is this same program with
//! another command. The helper knows the configured programs from its start, and can be told nothing but to run one of them: with
//! some bytes on its standard input, and facts in its environment whose names begin with `WHARF_`. Whoever takes the server
//! over can start these programs with other facts, and no others. The helper ends, with what it runs, when the server does.
//!
//! The helper is two processes. One runs the programs ([`worker`]). It may be killed, and the server can't start it again. So the
//! other ([`keeper`]) does nothing but that: it ends what the dead one has left, starts another, and hands the server a stream
//! to it. Each worker has a stream of its own, because the one before may have read half of a message.
//!
//! Each message is a length (four bytes) and a JSON document.

pub(crate) mod keeper;
pub(crate) mod worker;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::io::retry_on_intr;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The longest message, in bytes.
const LONGEST: u32 = 1 << 20;
/// How long a message may take to be written: the other side always reads, unless something has stopped it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What both processes are told at their start: the programs with their arguments.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Programs(pub(super) Vec<Vec<String>>);

/// Runs a program.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) number: u64,
    /// Which of them.
    pub(super) program: usize,
    pub(super) facts: BTreeMap<String, String>,
    pub(super) input: String,
    pub(super) milliseconds: u64,
}

/// How it ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) number: u64,
    /// `None`: it succeeded.
    pub(super) failure: Option<String>,
    /// The beginning of what it wrote.
    pub(super) output: String,
}

pub(super) fn send(stream: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let content = serde_json::to_vec(message)?;
    let length = u32::try_from(content.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_le_bytes(), &*content].concat())
}

/// The next message; `None` at the end.
pub(super) fn receive<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = u32::from_le_bytes(length);
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut content = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    stream.read_exact(&mut content)?;
    Ok(Some(serde_json::from_slice(&content)?))
}

/// What the server has of the process that starts workers.
#[derive(Debug)]
pub(super) struct Keeper {
    process: Child,
    control: UnixStream,
}

impl Keeper {
    /// Starts it, and waits for its first worker: what is on the other end of this stream runs the programs.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn start(programs: Vec<Vec<String>>) -> io::Result<(Self, UnixStream)> {
        let (mut control, other) = UnixStream::pair()?;
        let process = start(super::KEEPER, other)?;
        send(&mut control, &Programs(programs))?;
        let mut keeper = Self { process, control };
        let first = keeper.next()?;
        Ok((keeper, first))
    }

    /// Waits for the stream to the next worker.
    ///
    /// # Errors
    /// There is none, because the process is gone. Says how it ended.
    pub(super) fn next(&mut self) -> io::Result<UnixStream> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let got = retry_on_intr(|| {
            let mut parts = [IoSliceMut::new(&mut byte)];
            recvmsg(&self.control, &mut parts, &mut rights, RecvFlags::CMSG_CLOEXEC)
        });
        let streams = rights.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(streams) => Some(streams),
            _ => None,
        });
        match (got, streams.flatten().last()) {
            (Ok(_), Some(stream)) => {
                let stream = UnixStream::from(stream);
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(stream)
            }
            (Err(error), _) => Err(error.into()),
            (Ok(_), None) => Err(io::Error::other(format!("it has ended ({})", self.process.wait()?))),
        }
    }
}

/// Starts this program with another command, and with a stream as its standard input.
fn start(command: impl AsRef<OsStr>, input: UnixStream) -> io::Result<Child> {
    Command::new(this_program()?)
        .arg0("wharf")
        .arg(command)
        .stdin(Stdio::from(OwnedFd::from(input)))
        .stdout(Stdio::null())
        .env_clear()
        // What ends a group ends only one of the processes.
        .process_group(0)
        .spawn()
}

/// Its file may have been replaced by another version since this process was started: then this names the old one.
fn this_program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    Ok(if path.exists() { path } else { "/proc/self/exe".into() })
}

/// The stream that came as standard input.
fn inherited() -> io::Result<UnixStream> {
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}

fn end_group(group: Pid, signal: Signal) {
    let _ = kill_process_group(group, signal);
}
