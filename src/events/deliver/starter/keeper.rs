//! Starts the worker, and another one whenever it is gone.
//!
//! What a worker leaves behind when it is killed becomes children of this process, which ends them: nobody would look after
//! their time, and their events are told again by the next worker. Nobody else could find those that left their group.

use std::fs;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait, waitpid};

use super::{Programs, inherited, receive, send, start};

/// How long after the end of a worker the next is started: first, and at the most if each ends at once.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(10)];
/// Whoever has lived as long as this has not ended at once.
const LONG: Duration = Duration::from_secs(60);
/// How often it is tried to end what is left, and how long that takes each time.
const ATTEMPTS: usize = 1000;
const BETWEEN: Duration = Duration::from_millis(5);

/// The process itself: lives until the server is gone.
///
/// # Errors
/// Those of the stream; the first worker can't be started.
pub(crate) fn serve() -> io::Result<()> {
    let mut control = inherited()?;
    let Some(programs) = receive::<Programs>(&mut control)? else { return Ok(()) };
    // Without it (an old kernel), orphans go to the first process of the machine, as they do everywhere.
    let _ = set_child_subreaper(Some(getpid()));
    let (mut pause, mut was_there) = (PAUSES[0], false);
    loop {
        let began = Instant::now();
        match start_worker(&control, &programs) {
            Ok(worker) => {
                was_there = true;
                let _ = retry_on_intr(|| waitpid(Some(worker), WaitOptions::empty()));
            }
            // The server is told by the end of this process, and does not start.
            Err(error) if !was_there => return Err(error),
            Err(_) => {}
        }
        end_children();
        if began.elapsed() > LONG {
            pause = PAUSES[0];
        }
        if is_over(&control, pause)? {
            return Ok(());
        }
        pause = (pause * 2).min(PAUSES[1]);
    }
}

fn start_worker(control: &UnixStream, programs: &Programs) -> io::Result<Pid> {
    let (mut own, other) = UnixStream::pair()?;
    let worker = start(crate::events::WORKER, other)?.id();
    send(&mut own, programs)?;
    let streams = [own.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    rights.push(SendAncillaryMessage::ScmRights(&streams));
    retry_on_intr(|| sendmsg(control, &[IoSlice::new(&[0])], &mut rights, SendFlags::NOSIGNAL))?;
    i32::try_from(worker).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("it has no number"))
}

/// Waits whether the server goes. It says nothing on this stream.
fn is_over(control: &UnixStream, pause: Duration) -> io::Result<bool> {
    let until = Instant::now() + pause;
    loop {
        let left = Timespec::try_from(until.saturating_duration_since(Instant::now()));
        let mut streams = [PollFd::new(control, PollFlags::IN)];
        match poll(&mut streams, Some(&left.map_err(io::Error::other)?)) {
            Err(Errno::INTR) => {}
            polled => return Ok(polled? > 0),
        }
    }
}

/// Ends all children, and theirs, which become children of this process then.
fn end_children() {
    for _ in 0..ATTEMPTS {
        for child in children() {
            let _ = kill_process(child, Signal::KILL);
        }
        let ended = loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        if ended {
            return;
        }
        thread::sleep(BETWEEN);
    }
}

fn children() -> Vec<Pid> {
    let own = getpid().as_raw_nonzero().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let child = |process: fs::DirEntry| {
        let number = process.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        // The name before the last bracket may contain anything. Then come the state and the parent.
        let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?;
        (parent == own).then(|| Pid::from_raw(number)).flatten()
    };
    processes.filter_map(child).collect()
}
