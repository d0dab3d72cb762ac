//! Signals: those that end the server, and the one that doesn't.

use std::io::{self, IsTerminal};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::engine::Shutdown;

/// SIGTERM and SIGINT: the first asks for an end in good order, the second for one at once. SIGHUP asks daemons for a reload,
/// which there is not yet.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// Somebody started us by hand.
    in_terminal: bool,
}

impl StopSignals {
    /// Takes the signals over, from now on.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            in_terminal: io::stderr().is_terminal(),
        })
    }

    async fn next(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hang_up.recv() => {}
            }
            // The window was closed: what had it for a terminal has none any more.
            if self.in_terminal && !io::stderr().is_terminal() {
                self.in_terminal = false;
                return "SIGHUP";
            }
            tracing::warn!(
                "SIGHUP is ignored: there is no reload yet; a changed configuration needs a restart"
            );
        }
    }

    /// Passes the signals on, for ever.
    pub async fn forward(mut self, shutdown: Shutdown) {
        let signal = self.next().await;
        shutdown.stopping.cancel();
        tracing::info!(signal, "finishing running transfers; a second signal ends them");
        let signal = self.next().await;
        shutdown.now.cancel();
        tracing::info!(signal, "ending now");
        // SIGHUP is still not to end it.
        loop {
            self.next().await;
        }
    }
}
