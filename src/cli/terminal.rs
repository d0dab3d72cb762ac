//! Questions to a person: passwords without echo, and what becomes of the terminal when somebody presses Ctrl-C.

use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

use super::complain;
use crate::config::Secret;

/// The exit status of a program that SIGINT has ended, as shells have it.
const INTERRUPTED: i32 = 130;

/// While there is one, Ctrl-C, Ctrl-\, SIGHUP and SIGTERM end the program with the terminal as it was before: a signal by itself would leave it
/// without echo.
pub(super) struct Interrupts(Arc<Mutex<()>>);

impl Interrupts {
    /// Watches for them from now on; the person is told this sentence then.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn watch(farewell: &'static str) -> io::Result<Self> {
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
        let busy = Arc::new(Mutex::new(()));
        let waits = Arc::clone(&busy);
        thread::Builder::new().name("interrupts".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupts.recv() => {}
                    _ = quits.recv() => {}
                    _ = hangups.recv() => {}
                    _ = ends.recv() => {}
                }
            });
            let _held = waits.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(before) = before {
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
            }
            complain(format_args!("\nwharf: {farewell}"));
            std::process::exit(INTERRUPTED);
        })?;
        Ok(Self(busy))
    }

    /// Has an interrupt wait until the value is dropped.
    pub(super) fn hold_off(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a person can be asked.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a password, without echo.
///
/// # Errors
/// A sentence: the terminal can't be read, or there is no more input.
pub(super) fn ask_hidden(_: &Interrupts, prompt: &str) -> Result<Secret, String> {
    // Before the prompt is seen: what somebody types at once would be echoed.
    let _quiet = Quiet::begin();
    match rpassword::prompt_password(prompt) {
        Ok(password) => Ok(Secret::new(password)),
        // It has raised the signal, for which the thread above ends the program.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => loop {
            thread::park();
        },
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err("the input has ended".to_owned()),
        Err(error) => Err(format!("can't read the password: {error}")),
    }
}

/// As long as there is one, the terminal does not echo.
struct Quiet(Option<Termios>);

impl Quiet {
    fn begin() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut quiet = before.clone();
            quiet.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &quiet);
        }
        Self(before)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
