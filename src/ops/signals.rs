//! Signals: the ones that stop the server, and SIGHUP.

use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::shutdown::Shutdown;

/// How often to check whether the terminal still exists. A process that was detached (`disown`) may outlive its
/// terminal for longer: the signal comes at once, or not at all.
const LOOK: Duration = Duration::from_secs(1);

/// SIGTERM and SIGINT: the first requests an orderly stop, the second a stop at once. SIGHUP has the configuration read again; it
/// stops the server if the terminal in which it was started is gone.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    terminals: Terminals,
    reload: Arc<Notify>,
}

impl StopSignals {
    /// Handles the signals from now on.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new() -> io::Result<Self> {
        // How the signal was handled before matters, so look first.
        let terminals = if is_ignored(SignalKind::hangup()) { Terminals::NONE } else { Terminals::now() };
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            terminals,
            reload: Arc::default(),
        })
    }

    /// Tells that the configuration is to be read again; also of a signal that came before anybody waits.
    pub fn reload(&self) -> Arc<Notify> {
        Arc::clone(&self.reload)
    }

    /// The next signal that stops the server.
    pub async fn next(&mut self) -> &'static str {
        let mut was_lost = false;
        loop {
            tokio::select! {
                biased;
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hang_up.recv() => {}
                () = tokio::time::sleep(LOOK), if self.terminals != Terminals::NONE => {
                    let is_lost = self.terminals.is_one_lost();
                    if was_lost && is_lost {
                        tracing::info!("the terminal in which the server was started is gone; the server goes on");
                        self.terminals = Terminals::NONE;
                    }
                    was_lost = is_lost;
                    continue;
                }
            }
            // The window was closed. Reported once, because shell and kernel may both send the signal.
            if self.terminals.is_one_lost() {
                self.terminals = Terminals::NONE;
                return "SIGHUP";
            }
            self.reload.notify_one();
        }
    }

    /// Passes the signals on, for ever.
    pub async fn forward(mut self, shutdown: Shutdown) {
        let signal = self.next().await;
        shutdown.stopping.cancel();
        tracing::info!(signal, "finishing running transfers; a second signal ends them");
        let signal = self.next().await;
        shutdown.end_now();
        tracing::info!(signal, "ending now");
        // SIGHUP must still not kill the process.
        loop {
            self.next().await;
        }
    }
}

/// The terminals of the process: standard input, output and error, and its controlling terminal, which it has even if
/// the other three lead elsewhere. Services have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Terminals([bool; 4]);

impl Terminals {
    const NONE: Self = Self([false; 4]);

    fn now() -> Self {
        Self([
            io::stdin().is_terminal(),
            io::stdout().is_terminal(),
            io::stderr().is_terminal(),
            // It can be opened only while there is a controlling terminal.
            File::open("/dev/tty").is_ok(),
        ])
    }

    /// Whether one of these terminals is gone.
    fn is_one_lost(self) -> bool {
        self != Self::NONE && self.0.into_iter().zip(Self::now().0).any(|(before, now)| before && !now)
    }
}

/// Whether the parent process set the signal to be ignored, as `nohup` does. Known on Linux.
fn is_ignored(signal: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| {
        let bit = u32::try_from(signal.as_raw_value() - 1).ok();
        bit.and_then(|bit| 1_u64.checked_shl(bit)).is_some_and(|bit| mask & bit != 0)
    })
}
