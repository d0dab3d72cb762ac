//! The server as a whole, its backends, its reload and its end.

use serde_json::{Value, json};

use super::{Desk, Trouble};
use crate::ops::live::time;
use crate::ops::metrics;
use crate::ops::reload::{Done, Failure, LastReload};

impl Desk {
    /// The server as a whole.
    pub(crate) async fn server(&self) -> Value {
        let world = self.reloader.world().now();
        let counts = self.live.counts();
        let (resident, files) = metrics::memory_and_files();
        json!({
            "name": "wharf",
            "version": env!("CARGO_PKG_VERSION"),
            "engine": self.engine,
            "replica": self.replica_index(),
            "listen": world.config.server.listen.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "started_at": time(self.live.since()),
            "uptime_seconds": self.live.started().elapsed().as_secs(),
            "is_ready": self.readiness.is_ready().await,
            "is_draining": self.limits.is_draining(),
            "sessions": counts.sessions,
            "sessions_logged_in": counts.logged_in,
            "sessions_limit": world.config.server.limits.sessions,
            "transfers": counts.transfers,
            "users": world.accounts.users(),
            "backends": world.config.backends.len(),
            "resident_memory_bytes": resident,
            "open_files": files,
            "buffer_memory_bytes": self.buffers.used(),
            "buffer_memory_limit_bytes": self.buffers.limit(),
            "events": self.events_in_short(),
        })
    }

    /// The backends with their health, and what they were asked for.
    pub(crate) async fn backends(&self) -> Value {
        let world = self.reloader.world().now();
        let mut conditions = self.readiness.conditions().await;
        let backends: Vec<_> = world
            .config
            .backends
            .iter()
            .map(|(name, backend)| {
                let (state, detail) = conditions.remove(name).unwrap_or(("unknown", None));
                let counts = self.metrics.backend_counts(name);
                json!({
                    "name": name,
                    "kind": backend.kind(),
                    "state": state,
                    "detail": detail,
                    "requests": counts.requests,
                    "failed_requests": counts.failed,
                    "retries": counts.retries,
                })
            })
            .collect();
        json!({ "backends": backends, "count": backends.len() })
    }

    /// What became of the last reading of the configuration.
    pub(crate) fn last_reload(&self) -> Value {
        self.reloader.last().map_or_else(|| json!({ "at": null, "result": "none" }), |last| shown(&last))
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    /// [`Trouble::Impossible`] if the one of before still counts.
    pub(crate) async fn reload(&self, by: &str) -> Result<Value, Trouble> {
        // It tells of itself.
        let result = self.reloader.reload(by).await;
        self.metrics.operator_acted("reload", result.is_ok());
        match result {
            Ok(_) => Ok(self.last_reload()),
            Err(failure) => {
                Err(Trouble::Impossible { detail: brief(&failure), problems: problems(&failure) })
            }
        }
    }

    /// Takes no new sessions and logins, or takes them again; if `exits`, the server ends when running transfers are done.
    pub(crate) fn drain(&self, by: &str, is_draining: bool, exits: bool) -> Value {
        self.limits.drain(is_draining || exits);
        self.readiness.draining(is_draining || exits);
        let (action, detail) = match (is_draining, exits) {
            (_, true) => ("drain", "and exit"),
            (true, false) => ("drain", ""),
            (false, false) => ("resume", ""),
        };
        self.acted(by, action, detail, Ok(()));
        if exits {
            self.shutdown.stopping.cancel();
        }
        let counts = self.live.counts();
        json!({
            "is_draining": self.limits.is_draining(), "is_exiting": exits, "sessions": counts.sessions,
            "transfers": counts.transfers,
        })
    }
}

fn shown(last: &LastReload) -> Value {
    let LastReload { at, why, result } = last;
    match result {
        Ok(Done { users, backends, ended, warnings }) => json!({
            "at": time(*at), "why": why, "result": "done", "users": users, "backends": backends,
            "ended_sessions": ended, "warnings": warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        Err(failure) => json!({
            "at": time(*at), "why": why, "result": "failed", "detail": brief(failure), "problems": problems(failure),
        }),
    }
}

/// Without the lines of the file.
fn brief(failure: &Failure) -> String {
    match failure {
        Failure::Problems(problems) => format!("{} problems in the configuration", problems.list().len()),
        other => other.to_string(),
    }
}

/// Each problem with its place.
fn problems(failure: &Failure) -> Vec<Value> {
    let Failure::Problems(problems) = failure else { return Vec::new() };
    let problem = |problem: &crate::config::Problem| {
        let (line, column) = problem.place.as_ref().map(|place| (place.line, place.column)).unzip();
        json!({ "file": problem.file, "line": line, "column": column, "message": problem.message })
    };
    problems.list().iter().take(100).map(problem).collect()
}
