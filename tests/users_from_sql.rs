//! Users of a database that is asked at each login.

mod database;
mod failing;
mod files;
mod guide;
mod servers;

use crate::support::{Running, Setup, login, login_from, metric, not_now};

/// A hash of `apple`, which is soon checked.
const APPLE: &str = "$2b$04$abcdefghijklmnopqrstuuLwBkRtDQcZ4ReAFDyf0hFnrZ7TUmPeu";

/// A user in the configuration, and others of a database. `more` are further keys of `sql`.
fn setup(url: &str, query: &str, more: &str) -> Setup {
    setup_with(url, query, more, "")
}

/// The same with further sections.
fn setup_with(url: &str, query: &str, more: &str, sections: &str) -> Setup {
    // Longer than a busy machine takes.
    let timeout = if more.contains("timeout") { "" } else { ", timeout: 50s" };
    Setup::new(format!(
        "
backends:
  scratch: {{ kind: memory, capacity: 64MiB }}
users:
  - {{ name: local, password: sesame, plain: true, backend: scratch }}
users_from:
  - {{ sql: {{ url: \"{url}\", query: \"{query}\"{timeout}{more} }}, defaults: {{ backend: scratch }} }}
{sections}"
    ))
    .server("control: '{folder}/control.sock'")
    .server("failed_login_delay: 0s")
    .http()
}

fn questions(server: &Running<'_>, outcome: &str) -> Option<f64> {
    metric(server, &format!("wharf_users_from_questions_total{{outcome=\"{outcome}\"}}"))
}
