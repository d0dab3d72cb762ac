//! Running it: logs and shutdown.

pub mod logging;
pub mod open_files;
pub mod signals;
