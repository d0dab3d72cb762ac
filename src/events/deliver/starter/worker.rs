//! Runs programs: a thread for each, and one that waits for the end of all.
//!
//! A program may end and leave others behind, in its group or outside of it. They become children of this process, so that they
//! can be taken from the list of processes when they end, which nobody else does where the server is the first process (in a
//! container). Therefore nothing but [`Running::reap`] waits for children here.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, set_child_subreaper, wait, waitid,
};

use super::{Ended, Programs, Run, end_group, inherited, receive, send};

/// What is kept of each of the two streams that a program writes.
const KEPT: usize = 2048;
/// How long a program has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// The same when the server is gone: the next one tells of the event again.
const GRACE_AT_THE_END: Duration = Duration::from_millis(500);
/// How long is waited for the end of what a program writes once it has ended: whoever left its group may hold it open.
const REST: Duration = Duration::from_millis(100);
/// How much is written or read at once.
const CHUNK: usize = 4096;

/// The process itself: runs programs until the server is gone.
///
/// # Errors
/// It can't begin.
pub(crate) fn serve() -> io::Result<()> {
    let mut input = inherited()?;
    let output = Arc::new(Mutex::new(input.try_clone()?));
    let running = Arc::<Running>::default();
    let _ = set_child_subreaper(Some(getpid()));
    let reaper = Arc::clone(&running);
    thread::Builder::new().spawn(move || reaper.reap())?;
    let Some(Programs(programs)) = receive(&mut input)? else { return Ok(()) };
    // If the server was killed, a message may be incomplete, or an answer unread, which is an error. It is gone all the same.
    while let Ok(Some(run)) = receive::<Run>(&mut input) {
        let number = run.number;
        let words = programs.get(run.program).cloned().unwrap_or_default();
        let (to, running) = (Arc::clone(&output), Arc::clone(&running));
        // The limits may allow no further thread.
        let started = thread::Builder::new().spawn(move || answer(&to, &carry_out(&words, &run, &running)));
        if let Err(error) = started {
            answer(&output, &failed(number, format!("it can't be started: {error}")));
        }
    }
    running.close();
    Ok(())
}

fn answer(output: &Mutex<UnixStream>, ended: &Ended) {
    let _ = send(&mut *output.lock().unwrap_or_else(PoisonError::into_inner), ended);
}

fn failed(number: u64, cause: impl Into<String>) -> Ended {
    Ended { number, failure: Some(cause.into()), output: String::new() }
}

/// What runs.
#[derive(Default)]
struct Running {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Nothing is started any more.
    is_closing: bool,
    /// Where the status of each program is written when it has ended. Its number is that of its group, too.
    programs: HashMap<Pid, PipeWriter>,
}

impl Running {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody waits for a child meanwhile, so it is known before its end is seen.
    fn start(&self, command: &mut Command, status: PipeWriter) -> io::Result<(Child, Pid)> {
        let mut state = self.state();
        if state.is_closing {
            return Err(io::Error::other("the server has ended"));
        }
        let child = command.spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let group = group.ok_or_else(|| io::Error::other("it has no number"))?;
        state.programs.insert(group, status);
        self.changed.notify_all();
        Ok((child, group))
    }

    /// Ends a program, unless it has ended: its number may be that of another process then.
    fn end(&self, group: Pid, signal: Signal) {
        if self.state().programs.contains_key(&group) {
            end_group(group, signal);
        }
    }

    /// Waits for all children, for ever.
    fn reap(&self) {
        let any = |more| waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | more);
        loop {
            match any(WaitIdOptions::empty()) {
                Ok(_) => self.collect(),
                Err(Errno::INTR) => {}
                Err(_) => {
                    let mut state = self.state();
                    if any(WaitIdOptions::NOHANG).is_err() {
                        // There are no children, or the system does not tell of them.
                        state.programs.clear();
                    }
                    drop(self.changed.wait_while(state, |state| state.programs.is_empty()));
                }
            }
        }
    }

    fn collect(&self) {
        let mut state = self.state();
        while let Ok(Some((child, status))) = wait(WaitOptions::NOHANG) {
            // The others were left behind by programs.
            if let Some(mut told) = state.programs.remove(&child) {
                end_group(child, Signal::KILL);
                let _ = told.write_all(&status.as_raw().to_le_bytes());
            }
        }
        self.changed.notify_all();
    }

    /// Ends all programs.
    fn close(&self) {
        let mut state = self.state();
        state.is_closing = true;
        for (signal, patience) in [(Signal::TERM, GRACE_AT_THE_END), (Signal::KILL, GRACE)] {
            state.programs.keys().for_each(|group| end_group(*group, signal));
            let waited = self.changed.wait_timeout_while(state, patience, |it| !it.programs.is_empty());
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn carry_out(words: &[String], run: &Run, running: &Running) -> Ended {
    let failed = |cause: String| failed(run.number, cause);
    let Some((program, arguments)) = words.split_first() else {
        return failed("there is no program".to_owned());
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .envs(run.facts.iter().filter(|(name, _)| name.starts_with("WHARF_")))
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let started = io::pipe().and_then(|(status, told)| Ok((running.start(&mut command, told)?, status)));
    let ((child, group), status) = match started {
        Ok(started) => started,
        Err(error) => return failed(format!("it can't be started: {error}")),
    };
    let mut pipes = Pipes::of(child, run.input.as_bytes());
    let timeout = Duration::from_millis(run.milliseconds);
    let failure = attend(&mut pipes, status, timeout, |signal| running.end(group, signal));
    let output = pipes.outputs.iter().map(|(_, kept)| String::from_utf8_lossy(kept)).collect();
    Ended { number: run.number, failure, output }
}

/// Feeds a program until its end, and sees to that when the time is over. Says why it failed.
fn attend(
    pipes: &mut Pipes<'_>,
    mut status: PipeReader,
    timeout: Duration,
    end: impl Fn(Signal),
) -> Option<String> {
    let began = Instant::now();
    let mut signals = [(timeout, Signal::TERM), (timeout + GRACE, Signal::KILL)].into_iter().peekable();
    let mut is_late = false;
    loop {
        let left = signals.peek().map(|(at, _)| at.saturating_sub(began.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            is_late = true;
            signals.next().into_iter().for_each(|(_, signal)| end(signal));
        } else if pipes.exchange(Some(&status), left) {
            break;
        }
    }
    pipes.input = None;
    let over = Instant::now() + REST;
    while pipes.outputs.iter().any(|(stream, _)| stream.is_some()) && Instant::now() < over {
        pipes.exchange(None, Some(over.saturating_duration_since(Instant::now())));
    }
    let mut raw = [0; 4];
    if status.read_exact(&mut raw).is_err() {
        return Some("it is not known how it ended".to_owned());
    }
    let ended = ExitStatus::from_raw(i32::from_le_bytes(raw));
    match (is_late, ended.code()) {
        (true, _) => Some("it took too long".to_owned()),
        (false, Some(0)) => None,
        (false, Some(code)) => Some(format!("exit status {code}")),
        (false, None) => Some(format!("ended by signal {}", ended.signal().unwrap_or_default())),
    }
}

/// The streams of a program: each is `None` at its end.
struct Pipes<'a> {
    /// With what is still to be written.
    input: Option<(File, &'a [u8])>,
    /// With the beginning of what was read.
    outputs: [(Option<File>, Vec<u8>); 2],
}

impl<'a> Pipes<'a> {
    fn of(mut child: Child, input: &'a [u8]) -> Self {
        let file = |stream: Option<OwnedFd>| {
            // So that nothing but `poll` ever waits.
            stream.filter(|stream| ioctl_fionbio(stream, true).is_ok()).map(File::from)
        };
        let outputs = [child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from)];
        Self {
            input: file(child.stdin.take().map(OwnedFd::from)).map(|stream| (stream, input)),
            outputs: outputs.map(|stream| (file(stream), Vec::new())),
        }
    }

    /// Waits until something can be read or written, and does so. Says whether the program has ended.
    fn exchange(&mut self, status: Option<&PipeReader>, patience: Option<Duration>) -> bool {
        let patience = patience.and_then(|patience| Timespec::try_from(patience).ok());
        let [out, err] = self.outputs.each_ref().map(|(stream, _)| stream.as_ref().map(AsFd::as_fd));
        let input = self.input.as_ref().map(|(stream, _)| stream.as_fd());
        let all = [status.map(AsFd::as_fd), out, err, input];
        let mut asked: Vec<_> = all
            .iter()
            .zip([PollFlags::IN, PollFlags::IN, PollFlags::IN, PollFlags::OUT])
            .filter_map(|(stream, event)| Some(PollFd::from_borrowed_fd((*stream)?, event)))
            .collect();
        if poll(&mut asked, patience.as_ref()).is_err() {
            return false;
        }
        let mut answers = asked.iter().map(|stream| !stream.revents().is_empty());
        let [has_ended, out, err, input] =
            all.map(|stream| stream.is_some() && answers.next().unwrap_or_default());
        for (output, is_ready) in self.outputs.iter_mut().zip([out, err]) {
            if is_ready {
                read(output);
            }
        }
        if input {
            self.write();
        }
        has_ended
    }

    /// A program need not read it.
    fn write(&mut self) {
        let Some((stream, left)) = &mut self.input else { return };
        match stream.write(&left[..left.len().min(CHUNK)]) {
            Ok(length) => *left = &left[length..],
            Err(error) if is_passing(&error) => return,
            Err(_) => *left = &[],
        }
        if left.is_empty() {
            self.input = None;
        }
    }
}

/// Reads what there is, and keeps the beginning.
fn read((stream, kept): &mut (Option<File>, Vec<u8>)) {
    let mut buffer = [0; CHUNK];
    match stream.as_mut().map_or(Ok(0), |stream| stream.read(&mut buffer)) {
        Ok(0) => *stream = None,
        Ok(length) => {
            let room = KEPT.saturating_sub(kept.len()).min(length);
            kept.extend_from_slice(&buffer[..room]);
        }
        Err(error) if is_passing(&error) => {}
        Err(_) => *stream = None,
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}
