//! Operation of the server: logs, health, metrics, the sandbox, shutdown, and cleaning up.

pub mod admin;
pub mod audit;
pub mod control;
pub mod http;
pub(crate) mod live;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod notify;
pub mod open_files;
pub mod reload;
pub mod sandbox;
pub mod signals;
pub mod sweep;
pub mod traces;
pub mod umask;
pub mod watch;
