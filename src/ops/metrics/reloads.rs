//! Metrics of the readings of the configuration.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What became of a reading of the configuration of a running server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// It counts now.
    Done,
    /// The configuration is wrong.
    Problems,
    /// It changes what can't change before a restart.
    Restart,
    /// Something that it names can't be used.
    Failed,
}

impl Reloaded {
    const ALL: [Self; 4] = [Self::Done, Self::Problems, Self::Restart, Self::Failed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Problems => "problems",
            Self::Restart => "restart",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Reloads {
    results: Family<[(&'static str, &'static str); 1], Counter>,
    is_good: Gauge,
    last: Gauge,
}

impl Reloads {
    pub(super) fn register(&self, registry: &mut Registry) {
        for result in Reloaded::ALL {
            self.results.get_or_create_owned(&[("result", result.as_str())]);
        }
        registry.register(
            "config_reloads",
            "Readings of the configuration of the running server by result",
            self.results.clone(),
        );
        registry.register(
            "config_last_reload_successful",
            "Whether the last reading of the configuration counts: 1 or 0",
            self.is_good.clone(),
        );
        registry.register(
            "config_loaded_timestamp_seconds",
            "Time of the last reading of the configuration that counts",
            self.last.clone(),
        );
    }

    /// What was read at the start counts.
    pub(super) fn started(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.is_good.set(1);
        self.last.set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    }

    pub(super) fn reloaded(&self, result: Reloaded) {
        self.results.get_or_create(&[("result", result.as_str())]).inc();
        match result {
            Reloaded::Done => self.started(),
            _ => _ = self.is_good.set(0),
        }
    }
}
