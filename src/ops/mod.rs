//! Running it: logs and shutdown.

pub mod logging;
pub mod signals;
