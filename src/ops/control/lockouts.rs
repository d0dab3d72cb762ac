//! Shows what is locked out after failed logins, or lifts locks.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, Desk, Request, Row};
use crate::accounts::Lock;
use crate::visit::facts::Act;

/// The address or name whose locks are lifted; by default none are.
pub const LIFT: &str = "lift";

/// Whether all locks are lifted.
pub const LIFT_ALL: &str = "lift_all";

/// The row of this command.
pub(super) const ROW: Row =
    Row { name: "lockouts", run: |desk, request| Box::pin(async move { answer(&desk, &request) }) };

fn answer(desk: &Desk, request: &Request) -> Answer {
    let guard = desk.limits.guard();
    let arguments = &request.arguments;
    let acted = |detail: &str, outcome| {
        desk.reloader.facts().acted(Act { by: "wharf lockouts", action: "lift", detail, outcome });
    };
    match (arguments.get(LIFT), arguments.get(LIFT_ALL)) {
        (None, None) => list(guard.locks()),
        (Some(Value::String(subject)), None) => match guard.lift(subject) {
            0 => {
                acted(subject, Err("not locked"));
                Answer::failed(format!("{subject:?} is not locked"))
            }
            locks => {
                tracing::info!(subject, locks, "locks were lifted");
                acted(subject, Ok(()));
                Answer::fine(format!("{subject:?} is not locked any more"))
            }
        },
        (None, Some(Value::Bool(true))) => {
            let locks = guard.lift_all();
            tracing::info!(locks, "all locks were lifted");
            acted("all", Ok(()));
            Answer::fine(format!("nothing is locked any more; there were {locks} locks"))
        }
        _ => Answer::unusable("either the locks of one are lifted, or all"),
    }
}

/// A line for each lock: addresses first, those that hold longest last.
fn list(mut locks: Vec<Lock>) -> Answer {
    locks.sort_by(|a, b| (a.is_name, a.left, &a.subject).cmp(&(b.is_name, b.left, &b.subject)));
    let line = |Lock { subject, is_name, left }: &Lock| {
        let kind = if *is_name { "user" } else { "address" };
        format!(
            "{kind} {} is locked for {}",
            subject.escape_debug(),
            humantime::format_duration(seconds(*left))
        )
    };
    let data = |Lock { subject, is_name, left }: &Lock| json!({ "subject": subject, "is_name": is_name, "seconds": seconds(*left).as_secs() });
    let lines: Vec<_> = locks.iter().map(line).collect();
    let text = if lines.is_empty() { "nothing is locked".to_owned() } else { lines.join("\n") };
    Answer { data: locks.iter().map(data).collect(), ..Answer::fine(text) }
}

/// Whole seconds, of which there is always one.
fn seconds(left: Duration) -> Duration {
    Duration::from_secs(left.as_secs() + 1)
}
