//! Running it: logs, shutdown, and cleaning up.

pub mod logging;
pub mod open_files;
pub mod signals;
pub mod sweep;
