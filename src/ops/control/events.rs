//! Shows the events that wait, and sends or drops those that could not be delivered.

use serde_json::{Value, json};

use super::{Answer, Desk, Request, Row};
use crate::events::{Letter, Wanted};
use crate::ops::admin::letter;

/// Which dead letters are sent again: the name of an event, that of a receiver, or `all`.
pub const RETRY: &str = "retry";
/// Which dead letters are dropped.
pub const DROP: &str = "drop";
/// Whether the events that wait are listed, and not the dead letters.
pub const WAITING: &str = "waiting";

/// The most that is listed.
const MOST: usize = 1000;

/// Who acts.
const BY: &str = "wharf events";

/// The row of this command.
pub(super) const ROW: Row =
    Row { name: "events", run: |desk, request| Box::pin(async move { answer(&desk, &request).await }) };

async fn answer(desk: &Desk, request: &Request) -> Answer {
    let arguments = &request.arguments;
    match (arguments.get(RETRY), arguments.get(DROP), arguments.get(WAITING)) {
        (Some(Value::String(which)), None, None) => match desk.retry_events(BY, which) {
            Ok(letters) => Answer {
                data: json!({ "retried": letters }),
                ..Answer::fine(format!("{letters} dead letters are sent again"))
            },
            Err(trouble) => trouble.into(),
        },
        (None, Some(Value::String(which)), None) => match desk.drop_events(BY, which) {
            Ok(letters) => Answer {
                data: json!({ "dropped": letters }),
                ..Answer::fine(format!("{letters} dead letters are dropped"))
            },
            Err(trouble) => trouble.into(),
        },
        (None, None, waiting) => {
            let waiting = waiting == Some(&Value::Bool(true));
            let wanted = Wanted { waiting, dead: !waiting, receiver: None, after: None, limit: MOST };
            match desk.letters(&wanted).await {
                Ok(letters) => list(&letters, waiting),
                Err(trouble) => trouble.into(),
            }
        }
        _ => Answer::unusable("either dead letters are sent again, or dropped"),
    }
}

fn list(letters: &[Letter], waiting: bool) -> Answer {
    let line = |letter: &Letter| {
        let Letter { id, to, kind, time, user, path, dead, is_open } = letter;
        let path = path.as_deref().unwrap_or_default().escape_debug();
        let more = match (dead, is_open) {
            (Some(cause), _) => format!(": {}", cause.escape_debug()),
            (None, true) => ": not over yet".to_owned(),
            (None, false) => String::new(),
        };
        format!("{id} {time} {kind} {path} by {} to {}{more}", user.escape_debug(), to.escape_debug())
    };
    let text = match letters.is_empty() {
        true if waiting => "no event waits".to_owned(),
        true => "there are no dead letters".to_owned(),
        false => letters.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    Answer { data: letters.iter().map(letter).collect(), ..Answer::fine(text) }
}
