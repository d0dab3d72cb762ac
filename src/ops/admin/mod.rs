//! What operators see of the running server, and what they can have it do: one place for the control socket (`wharf ps`, `wharf kick`)
//! and for the admin interface over HTTP.
//!
//! - `sessions`: who is here, and how a session is ended;
//! - `snapshot`: what moves at this moment;
//! - `replicas`: the same for all replicas, from any one;
//! - `uploads`: uploads that are kept for their users;
//! - `users`: who may be, with limits and quotas;
//! - `locks`: who is locked out, and whom operators lock out;
//! - `events`: what waits for its receivers, and what could not be delivered;
//! - `server`: the server as a whole, its backends, its reload and its end.

mod events;
mod locks;
mod replicas;
mod server;
mod sessions;
mod snapshot;
mod uploads;
mod users;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use wharf_backends::Buffers;

pub(crate) use self::events::{letter, wanted};
pub(crate) use self::locks::seconds;
pub use self::replicas::{Answering, Readings};
pub(crate) use self::sessions::{Filter, transfer};
pub(crate) use self::uploads::KeptUpload;
use super::http::Readiness;
use super::live::Live;
use super::metrics::Metrics;
use super::reload::Reloader;
use crate::accounts::SessionLimits;
use crate::cluster::Told;
use crate::events::Events;
use crate::shutdown::Shutdown;
use crate::visit::facts::{Act, Facts};

/// What operators work with.
pub struct Desk {
    /// Reads the configuration, and knows the current world.
    pub reloader: Arc<Reloader>,
    /// Who is locked out, and whether there are new sessions.
    pub limits: Arc<SessionLimits>,
    /// Whether the server is ready.
    pub readiness: Arc<Readiness>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The memory of transfers.
    pub buffers: Arc<Buffers>,
    /// How the server is told to end.
    pub shutdown: Shutdown,
    /// The name of the engine.
    pub engine: &'static str,
    /// Who tells other programs of what happens, if anybody does.
    pub(crate) events: Option<Arc<Events>>,
    /// What happens now.
    pub(crate) live: Arc<Live>,
    /// Who hears of what operators do.
    pub(crate) facts: Arc<Facts>,
    /// The other replicas, if this server is one of several.
    pub told: Option<Arc<Told>>,
    /// Other replicas that read along.
    pub readings: Readings,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Trouble {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// What was asked for is wrong.
    #[error("{0}")]
    Invalid(String),
    /// Another replica has it, and does not answer.
    #[error("replica {0} does not answer")]
    Away(u16),
    /// What was asked for is right, and can't be done.
    #[error("{detail}")]
    Impossible {
        /// Why.
        detail: String,
        /// Each of the reasons, for programs.
        problems: Vec<Value>,
    },
}

impl Trouble {
    pub(crate) fn impossible(detail: impl ToString) -> Self {
        Self::Impossible { detail: detail.to_string(), problems: Vec::new() }
    }
}

impl Desk {
    /// An operator has done something, or was refused it: the log, metrics and all who hear of it are told.
    fn acted(&self, by: &str, action: &'static str, detail: &str, outcome: Result<(), &str>) {
        match outcome {
            Ok(()) => tracing::info!(by, action, detail, "an operator acted"),
            Err(cause) => tracing::info!(by, action, detail, cause, "an operator's wish was refused"),
        }
        self.metrics.operator_acted(action, outcome.is_ok());
        self.facts.acted(Act { by, action, detail, outcome });
    }
}

/// Numbers in a sentence.
pub(crate) fn numbers(numbers: &[u16]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("live", &self.live).finish_non_exhaustive()
    }
}
