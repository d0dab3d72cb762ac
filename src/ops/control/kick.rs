//! Ends sessions.

use serde_json::{Value, json};

use super::{Answer, Desk, Request, Row};

/// The numbers of sessions.
pub const SESSIONS: &str = "sessions";

/// The user all of whose sessions are ended.
pub const USER: &str = "user";

/// Who acts.
const BY: &str = "wharf kick";

/// The row of this command.
pub(super) const ROW: Row =
    Row { name: "kick", run: |desk, request| Box::pin(async move { answer(&desk, &request).await }) };

async fn answer(desk: &Desk, request: &Request) -> Answer {
    match (request.arguments.get(SESSIONS), request.arguments.get(USER)) {
        (Some(Value::Array(numbers)), None) => {
            let Some(numbers) = numbers.iter().map(Value::as_u64).collect::<Option<Vec<_>>>() else {
                return Answer::unusable("a session has a number");
            };
            sessions(desk, &numbers).await
        }
        (None, Some(Value::String(user))) => match desk.kick_user(BY, user).await {
            Ok(ended) => Answer {
                data: json!({ "ended_sessions": ended }),
                ..Answer::fine(format!("ended {ended} sessions of {user:?}"))
            },
            Err(trouble) => trouble.into(),
        },
        _ => Answer::unusable("either sessions are ended by their numbers, or those of a user"),
    }
}

async fn sessions(desk: &Desk, numbers: &[u64]) -> Answer {
    let (mut lines, mut ended) = (Vec::new(), 0);
    for number in numbers {
        lines.push(match desk.kick_anywhere(BY, *number).await {
            Ok(session) => {
                ended += 1;
                let user = session["user"].as_str().unwrap_or("(not logged in)");
                let peer = session["peer"].as_str().unwrap_or_default();
                format!("ended session {number} of {} from {peer}", user.escape_debug())
            }
            Err(trouble) => trouble.to_string(),
        });
    }
    let answer = match ended == numbers.len() {
        true => Answer::fine(lines.join("\n")),
        false => Answer::failed(lines.join("\n")),
    };
    Answer { data: json!({ "ended_sessions": ended }), ..answer }
}
