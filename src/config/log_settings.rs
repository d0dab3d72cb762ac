//! What is logged, and how.

/// Logging; `None` leaves the choice to the command line's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// A filter as in `RUST_LOG`; known to parse.
    pub filter: Option<String>,
    /// How lines are written.
    pub format: Option<LogFormat>,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: a JSON object on each line.
    Json,
}
