//! Questions to a person: passwords without echo, and what becomes of the terminal when somebody presses Ctrl-C.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetpgrp, tcsetattr,
};
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use crate::config::Secret;

/// A program that a signal has ended has its number plus this as the exit status, as shells have it.
const SIGNALLED: i32 = 128;
/// How long the last words may take: somebody may have stopped the output of the terminal.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest line of a terminal with its end, in bytes (termios(3), canonical mode).
const LONGEST: usize = 4096;

/// From when there is one, Ctrl-C, Ctrl-\, SIGHUP and SIGTERM end the program with the terminal as it was before: a signal by itself would
/// leave it without echo.
pub(super) struct Interrupts {
    /// Held while the program must not end.
    busy: Arc<Mutex<()>>,
    /// Held while the terminal is changed or written to.
    terminal: Arc<Mutex<()>>,
}

impl Interrupts {
    /// Watches for them from now on; the last words are said then.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn watch(last_words: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Ctrl-C, Ctrl-\\, a terminal that is closed, and whoever ends the program.
        let (mut interrupts, mut quits, mut hangups, mut ends) = {
            let _inside = runtime.enter();
            (
                signal(SignalKind::interrupt())?,
                signal(SignalKind::quit())?,
                signal(SignalKind::hangup())?,
                signal(SignalKind::terminate())?,
            )
        };
        let before: Option<Termios> = tcgetattr(io::stdin()).ok();
        let (busy, terminal) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let watched = Self { busy: Arc::clone(&busy), terminal: Arc::clone(&terminal) };
        thread::Builder::new().name("interrupts".to_owned()).spawn(move || {
            let kind = runtime.block_on(async {
                tokio::select! {
                    _ = interrupts.recv() => SignalKind::interrupt(),
                    _ = quits.recv() => SignalKind::quit(),
                    _ = hangups.recv() => SignalKind::hangup(),
                    _ = ends.recv() => SignalKind::terminate(),
                }
            });
            let status = SIGNALLED + kind.as_raw_value();
            let _busy = held(&busy);
            let impatient = before.clone();
            let _ = thread::Builder::new().spawn(move || {
                thread::sleep(PATIENCE);
                put_right(impatient);
                std::process::exit(status);
            });
            // Until the program has ended: nobody changes the terminal after it has been put right.
            let _terminal = held(&terminal);
            if is_ours() {
                // What is typed of a password is not for the shell.
                let _ = tcflush(io::stdin(), QueueSelector::IFlush);
            }
            put_right(before);
            last_words();
            std::process::exit(status);
        })?;
        Ok(watched)
    }

    /// Has an interrupt wait until the value is dropped.
    pub(super) fn hold_off(&self) -> MutexGuard<'_, ()> {
        held(&self.busy)
    }

    /// Nothing is written to the terminal after the last words by whoever has the value. It is theirs for a moment alone: an interrupt does not
    /// wait for long.
    pub(super) fn terminal(&self) -> MutexGuard<'_, ()> {
        held(&self.terminal)
    }

    /// Changes how the terminal of standard input behaves, until the value is dropped.
    ///
    /// # Errors
    /// The system's: standard input is no terminal, say.
    pub(super) fn change(&self, change: impl FnOnce(&mut LocalModes)) -> io::Result<Changed<'_>> {
        let _terminal = self.terminal();
        let before = tcgetattr(io::stdin())?;
        let mut changed = before.clone();
        change(&mut changed.local_modes);
        tcsetattr(io::stdin(), OptionalActions::Now, &changed)?;
        Ok(Changed { interrupts: self, before })
    }
}

/// The lock, whoever panicked with it.
fn held(lock: &Mutex<()>) -> MutexGuard<'_, ()> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the terminal its modes back, if it is this program's: in the background, a change of the terminal stops the program, and
/// whoever has the terminal then has put it right.
fn put_right(before: Option<Termios>) {
    if let Some(before) = before.filter(|_| is_ours()) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    }
}

/// Whether this program is in the foreground of its terminal.
fn is_ours() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}

/// A terminal that behaves in another way. Dropping it puts the terminal right.
pub(super) struct Changed<'a> {
    interrupts: &'a Interrupts,
    before: Termios,
}

impl Drop for Changed<'_> {
    fn drop(&mut self) {
        let _terminal = self.interrupts.terminal();
        put_right(Some(self.before.clone()));
    }
}

/// Whether a person can be asked.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a password, without echo. The terminal's own keys edit the line; Ctrl-C interrupts.
///
/// The line is not read by a library: rpassword changes the terminal by itself, and did it after a signal had ended the program and the
/// terminal had been put right.
///
/// # Errors
/// A sentence: the terminal can't be read, or there is no more input.
pub(super) fn ask_hidden(interrupts: &Interrupts, prompt: &str) -> Result<Secret, String> {
    let failed = |error: io::Error| format!("can't read the password: {error}");
    // Before the prompt is seen: what somebody types at once would be echoed. Only the line end is seen.
    let quiet = interrupts.change(|modes| {
        modes.remove(LocalModes::ECHO);
        modes.insert(LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
    });
    let _quiet = quiet.map_err(failed)?;
    show(prompt).map_err(failed)?;
    read_line(io::stdin()).map_err(failed)?.ok_or_else(|| "the input has ended".to_owned())
}

/// Shows the prompt on the terminal, wherever the output goes.
fn show(prompt: &str) -> io::Result<()> {
    match File::options().write(true).open("/dev/tty") {
        Ok(mut terminal) => terminal.write_all(prompt.as_bytes()),
        Err(_) => io::stderr().write_all(prompt.as_bytes()),
    }
}

/// A line without its end; `None` at the end of the input. No buffer keeps a copy.
fn read_line(input: impl AsFd) -> io::Result<Option<Secret>> {
    let mut line = Zeroizing::new([0_u8; LONGEST]);
    let mut length = 0;
    let is_whole = loop {
        if length == LONGEST {
            return Err(io::Error::other(format!("it has more than {LONGEST} bytes")));
        }
        match rustix::io::read(&input, &mut line[length..]) {
            Ok(0) => break false,
            Ok(read) => length += read,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // A terminal gives one line at a time.
        if line[length - 1] == b'\n' {
            length -= 1;
            break true;
        }
    };
    if !is_whole && length == 0 {
        return Ok(None);
    }
    let text = str::from_utf8(&line[..length]).map_err(|_| io::Error::other("it is not valid UTF-8"))?;
    Ok(Some(Secret::new(text)))
}
