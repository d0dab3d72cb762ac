//! What operators do, and who asks the admin interface.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::Metrics;

/// How a request to the admin interface ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminAnswer {
    /// It was answered.
    Done,
    /// There was no token, or a wrong one.
    Unauthorized,
    /// The token, or where the request came from, does not allow it.
    Forbidden,
    /// The request is wrong, or can't be carried out.
    Refused,
    /// There were too many, or the server was not ready.
    Unavailable,
}

impl AdminAnswer {
    const ALL: [Self; 5] =
        [Self::Done, Self::Unauthorized, Self::Forbidden, Self::Refused, Self::Unavailable];

    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What operators can do.
const ACTIONS: [&str; 9] =
    ["kick", "lock", "lift", "reload", "drain", "resume", "retry_events", "drop_events", "remove_upload"];

#[derive(Debug, Default)]
pub(super) struct Operators {
    requests: Family<[(&'static str, &'static str); 1], Counter>,
    acts: Family<[(&'static str, &'static str); 2], Counter>,
}

impl Operators {
    pub(super) fn register(&self, ours: &mut Registry) {
        for result in AdminAnswer::ALL {
            self.requests.get_or_create_owned(&[("result", result.as_str())]);
        }
        for action in ACTIONS {
            for result in ["done", "refused"] {
                self.acts.get_or_create_owned(&[("action", action), ("result", result)]);
            }
        }
        ours.register("admin_requests", "Requests to the admin interface by result", self.requests.clone());
        ours.register(
            "operator_actions",
            "What operators had the server do, by action and result",
            self.acts.clone(),
        );
    }
}

impl Metrics {
    /// Counts a request to the admin interface.
    pub fn admin_answered(&self, result: AdminAnswer) {
        self.operators.requests.get_or_create(&[("result", result.as_str())]).inc();
    }

    /// Counts what an operator had the server do.
    pub fn operator_acted(&self, action: &'static str, is_done: bool) {
        debug_assert!(ACTIONS.contains(&action), "{action}");
        let result = if is_done { "done" } else { "refused" };
        self.operators.acts.get_or_create(&[("action", action), ("result", result)]).inc();
    }
}
