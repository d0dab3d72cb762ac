//! Shows what is locked out after failed logins or by hand, locks, or lifts locks.

use humantime::format_duration;
use serde_json::Value;

use super::{Answer, Desk, Request, Row};
use crate::accounts::Lock;
use crate::ops::admin::{numbers, seconds};

/// The address or name whose locks are lifted; by default none are.
pub const LIFT: &str = "lift";

/// Whether all locks are lifted.
pub const LIFT_ALL: &str = "lift_all";

/// The address, network or name that is locked.
pub const LOCK: &str = "lock";

/// For how long.
pub const FOR: &str = "for";

/// Whether its sessions are ended.
pub const END_SESSIONS: &str = "end_sessions";

/// Who acts.
const BY: &str = "wharf lockouts";

/// The row of this command.
pub(super) const ROW: Row =
    Row { name: "lockouts", run: |desk, request| Box::pin(async move { answer(&desk, &request).await }) };

async fn answer(desk: &Desk, request: &Request) -> Answer {
    let arguments = &request.arguments;
    match (arguments.get(LIFT), arguments.get(LIFT_ALL), arguments.get(LOCK)) {
        (None, None, None) => list(desk),
        (Some(Value::String(subject)), None, None) => match desk.lift(BY, subject).await {
            Ok(_) => Answer::fine(format!("{subject:?} is not locked any more")),
            Err(trouble) => trouble.into(),
        },
        (None, Some(Value::Bool(true)), None) => {
            let locks = desk.lift_all(BY).await;
            Answer::fine(format!("nothing is locked any more; there were {locks} locks"))
        }
        (None, None, Some(Value::String(subject))) => lock(desk, subject, request).await,
        _ => Answer::unusable("either the locks of one are lifted, or all, or one is locked"),
    }
}

async fn lock(desk: &Desk, subject: &str, request: &Request) -> Answer {
    let lasting = request.arguments.get(FOR).and_then(Value::as_str);
    let Some(lasting) = lasting.and_then(|text| humantime::parse_duration(text).ok()) else {
        return Answer::unusable("for how long is it locked?");
    };
    let ends_sessions = request.arguments.get(END_SESSIONS) == Some(&Value::Bool(true));
    match desk.lock(BY, subject, lasting, ends_sessions).await {
        Ok(locked) => {
            let word = |key: &str| locked[key].as_str().unwrap_or_default();
            let (kind, subject) = (word("kind"), word("subject").escape_debug());
            let mut text = format!("{kind} {subject} is locked for {}", format_duration(lasting));
            if locked["is_known"] == false {
                text += "; no such user is known without asking a service";
            }
            let away: Vec<u16> = serde_json::from_value(locked["away"].clone()).unwrap_or_default();
            if !away.is_empty() {
                text += &format!("; replicas that do not answer, and hear of it later: {}", numbers(&away));
            }
            Answer { data: locked, ..Answer::fine(text) }
        }
        Err(trouble) => trouble.into(),
    }
}

/// A line for each lock: addresses first, those that hold longest last.
fn list(desk: &Desk) -> Answer {
    let line = |Lock { subject, is_name, left, by_hand, .. }: &Lock| {
        let kind = match (is_name, subject.contains('/')) {
            (true, _) => "user",
            (false, true) => "network",
            (false, false) => "address",
        };
        let by = if *by_hand { ", by an operator" } else { "" };
        format!("{kind} {} is locked for {}{by}", subject.escape_debug(), format_duration(seconds(*left)))
    };
    let lines: Vec<_> = desk.locks().iter().map(line).collect();
    let text = if lines.is_empty() { "nothing is locked".to_owned() } else { lines.join("\n") };
    Answer { data: desk.lockouts()["lockouts"].take(), ..Answer::fine(text) }
}
