//! Signals that end the server.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::engine::Shutdown;

/// SIGTERM and SIGINT: the first asks for an end in good order, the second for one at once.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Takes the signals over, from now on.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Passes the signals on, for ever.
    pub async fn forward(mut self, shutdown: Shutdown) {
        let signal = self.next().await;
        tracing::info!(signal, "finishing running transfers; a second signal ends them");
        shutdown.stopping.cancel();
        let signal = self.next().await;
        tracing::info!(signal, "ending now");
        shutdown.now.cancel();
        std::future::pending().await
    }
}
