//! Log lines on standard error.

mod queue;
pub mod rate;

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
pub struct Log(Queue);

impl Log {
    /// The waiting lines.
    pub fn queue(&self) -> &Queue {
        &self.0
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.end();
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
    let silent = silent.into_iter().chain([RUSTLS]).filter(|library| !filter.contains(*library));
    let silence: String = silent.map(|library| format!(",{library}=off")).collect();
    let parsed: EnvFilter = format!("{filter}{silence}")
        .parse()
        .map_err(|error| LoggingError::Filter(filter.to_owned(), error))?;
    let queue = Queue::start(std::io::stderr())?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(BoxMakeWriter::new(queue.clone()))
        // Otherwise it would report to standard error that standard error is gone, and panic.
        .log_internal_errors(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    match format {
        LogFormat::Text => lines.finish().try_init()?,
        LogFormat::Json => lines.json().finish().try_init()?,
    }
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("unknown");
        let place = panic.location().map(ToString::to_string);
        tracing::error!(message, place, "a task panicked; the server goes on");
    }));
    Ok(Log(queue))
}
