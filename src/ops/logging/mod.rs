//! Log lines on standard error.

mod queue;
pub mod rate;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::util::TryInitError;

pub use self::queue::Queue;
use crate::config::LogFormat;

/// The filter if none is set.
pub const DEFAULT_FILTER: &str = "info";

/// A library that is silent unless a filter names it: rustls warns of each client that connects by an address, without naming
/// the session; the line about a failed handshake has the reason anyway.
const RUSTLS: &str = "rustls";

/// Why logging can't start.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter can't be parsed.
    #[error("the log filter {0:?} is not valid: {1}")]
    Filter(String, tracing_subscriber::filter::ParseError),
    /// Logging was started before.
    #[error(transparent)]
    Init(#[from] TryInitError),
    /// The thread for the log can't be started.
    #[error("can't start a thread for the log: {0}")]
    Thread(#[from] std::io::Error),
}

/// The running log. Dropping it writes the waiting lines, if somebody reads them.
#[derive(Debug)]
pub struct Log {
    queue: Queue,
    filter: Filter,
}

impl Log {
    /// The waiting lines.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// What is logged.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }
}

/// Has another filter parsed take the place of the one that is there.
type Set = dyn Fn(EnvFilter) -> Result<(), tracing_subscriber::reload::Error> + Send + Sync;

/// What is logged, which can change.
#[derive(Clone)]
pub struct Filter {
    silent: Arc<[String]>,
    now: Arc<Mutex<String>>,
    set: Arc<Set>,
}

impl Filter {
    /// What this says is logged from now on; without it the default.
    pub fn set(&self, filter: Option<&str>) {
        let filter = filter.unwrap_or(DEFAULT_FILTER);
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if *now == filter {
            return;
        }
        let set = parse(filter, &self.silent).map_err(|error| error.to_string());
        match set.and_then(|parsed| (self.set)(parsed).map_err(|error| error.to_string())) {
            Ok(()) => filter.clone_into(&mut now),
            Err(cause) => tracing::warn!(cause, "the log filter stays as it is"),
        }
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter").field("now", &self.now).finish_non_exhaustive()
    }
}

/// A filter by which libraries that are silent are not heard unless it names them.
fn parse(filter: &str, silent: &[String]) -> Result<EnvFilter, LoggingError> {
    let silent = silent.iter().filter(|library| !filter.contains(library.as_str()));
    let silence: String = silent.map(|library| format!(",{library}=off")).collect();
    let parsed = format!("{filter}{silence}").parse();
    parsed.map_err(|error| LoggingError::Filter(filter.to_owned(), error))
}

impl Drop for Log {
    fn drop(&mut self) {
        self.queue.end();
    }
}

/// Starts logging. Panics become log lines, too. Libraries that are `silent` are not heard unless the filter names them.
///
/// # Errors
/// [`LoggingError`].
pub fn start<'a>(
    filter: &str,
    format: LogFormat,
    silent: impl IntoIterator<Item = &'a str>,
) -> Result<Log, LoggingError> {
    use tracing_subscriber::util::SubscriberInitExt;
    let silent: Arc<[String]> = silent.into_iter().chain([RUSTLS]).map(str::to_owned).collect();
    let parsed = parse(filter, &silent)?;
    let queue = Queue::start(std::io::stderr())?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(BoxMakeWriter::new(queue.clone()))
        // Otherwise it would report to standard error that standard error is gone, and panic.
        .log_internal_errors(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let set: Arc<Set> = match format {
        LogFormat::Text => {
            let lines = lines.with_filter_reloading();
            let handle = lines.reload_handle();
            lines.finish().try_init()?;
            Arc::new(move |filter| handle.reload(filter))
        }
        LogFormat::Json => {
            let lines = lines.json().with_filter_reloading();
            let handle = lines.reload_handle();
            lines.finish().try_init()?;
            Arc::new(move |filter| handle.reload(filter))
        }
    };
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("unknown");
        let place = panic.location().map(ToString::to_string);
        tracing::error!(message, place, "a task panicked; the server goes on");
    }));
    let filter = Filter { silent, now: Arc::new(Mutex::new(filter.to_owned())), set };
    Ok(Log { queue, filter })
}
