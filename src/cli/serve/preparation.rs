//! The work before the first thread that serves anybody: the configuration is read, the files that it names are looked
//! up, and the sandbox is prepared.
//!
//! This may take time (a disk that hangs, a configuration in a pipe), and signals have to be handled meanwhile, so it
//! runs on a separate thread. That thread has ended when [`run`] returns: a thread from before the sandbox would stay
//! outside of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::{Outcome, complain};
use crate::config::{self, Config, Control, Problems};
use crate::engine;
use crate::ops::control;
use crate::ops::sandbox::Sandbox;
use crate::ops::signals::StopSignals;
use crate::ops::umask;
use crate::storages::{self, StorageError};

/// The configuration that is served by default.
const QUICK_START: &str = include_str!("../../../config/quickstart.yaml");

/// How long to wait for the thread if the server has to stop before it has started.
const THREAD_WAIT: Duration = Duration::from_secs(2);

/// The results of the preparation.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) config: Config,
    /// Whether the missing roots of backends could be made.
    pub(super) roots: Result<(), StorageError>,
    pub(super) sandbox: Sandbox,
    /// The control socket: bound before the sandbox, which does not know its directory.
    pub(super) control: Option<Result<control::Bound, String>>,
}

impl Prepared {
    fn new(path: Option<&Path>, service_manager: Option<OsString>) -> Result<Self, Problems> {
        let config = match path {
            Some(path) => config::load(path, &storages::KINDS, &engine::ENGINES),
            None => config::parse(
                QUICK_START,
                "the quick start",
                Path::new(""),
                &storages::KINDS,
                &engine::ENGINES,
            ),
        }?;
        let control = config.server.control.as_ref().map(bind);
        umask::follow([&config]);
        let roots = storages::make_roots(&config);
        let sandbox = Sandbox::prepare(&config, service_manager.as_deref());
        Ok(Self { config, roots, sandbox, control })
    }
}

/// Prepares the server, and handles signals from now on; returns the outcome of the program if it ends here.
pub(super) fn run(
    path: Option<PathBuf>,
    service_manager: Option<OsString>,
) -> Result<(Prepared, StopSignals), Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cant_start)?;
    let outcome = runtime.block_on(async {
        // First of all: earlier signals kill the process, or are lost if it is the first of a container.
        let mut signals = StopSignals::new().map_err(cant_start)?;
        let prepared = tokio::select! {
            biased;
            _ = signals.next() => return Err(Outcome::Fine),
            prepared = tokio::task::spawn_blocking(move || Prepared::new(path.as_deref(), service_manager)) => prepared,
        };
        match prepared {
            Ok(Ok(prepared)) => Ok((prepared, signals)),
            Ok(Err(problems)) => {
                complain(problems);
                Err(Outcome::Unusable)
            }
            Err(error) => {
                complain(format_args!("wharf: can't read the configuration: {error}"));
                Err(Outcome::Failed)
            }
        }
    });
    match &outcome {
        // Waits for the thread, which has nothing left to do.
        Ok(_) => drop(runtime),
        Err(_) => runtime.shutdown_timeout(THREAD_WAIT),
    }
    outcome
}

fn bind(control: &Control) -> Result<control::Bound, String> {
    let path = &control.path;
    control::bind(path)
        .map_err(|error| format!("can't listen on {} (`server.control`): {error}", path.display()))
}

fn cant_start(error: std::io::Error) -> Outcome {
    complain(format_args!("wharf: can't start: {error}"));
    Outcome::Failed
}
