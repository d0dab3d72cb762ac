//! Shows uploads that were broken off and are kept for their owners, or removes one.

use humantime::format_duration;
use serde_json::Value;

use super::{Answer, Desk, Request, Row};
use crate::ops::admin::seconds;

/// The path of the upload that is removed; by default none is.
pub const REMOVE: &str = "remove";

/// Whose it is.
pub const OWNER: &str = "user";

/// In which backend it is.
pub const BACKEND: &str = "backend";

/// Who acts.
const BY: &str = "wharf uploads";

/// The row of this command.
pub(super) const ROW: Row =
    Row { name: "uploads", run: |desk, request| Box::pin(async move { answer(&desk, &request).await }) };

async fn answer(desk: &Desk, request: &Request) -> Answer {
    let word = |key| request.arguments.get(key).and_then(Value::as_str);
    match (word(REMOVE), word(OWNER), word(BACKEND)) {
        (None, None, None) => list(desk).await,
        (Some(path), Some(user), Some(backend)) => {
            match desk.remove_kept_upload(BY, backend, user, path).await {
                Ok(()) => Answer::fine(format!("{path:?} of {user:?} is removed")),
                Err(trouble) => trouble.into(),
            }
        }
        _ => Answer::unusable("an upload is known by its path, its user and its backend"),
    }
}

/// A line for each, with the backends that can't be asked behind them.
async fn list(desk: &Desk) -> Answer {
    let (kept, failed) = desk.kept_uploads().await;
    let line = |kept: &crate::ops::admin::KeptUpload| {
        let partial = &kept.partial;
        let left = partial.ends.duration_since(std::time::SystemTime::now()).unwrap_or_default();
        format!(
            "{} {} of {}: {} bytes, kept for {} more",
            kept.backend.escape_debug(),
            partial.path.as_str().escape_debug(),
            partial.owner.escape_debug(),
            partial.size,
            format_duration(seconds(left))
        )
    };
    let mut lines: Vec<_> = kept.iter().map(line).collect();
    if lines.is_empty() {
        lines.push("no uploads are kept".to_owned());
    }
    let answer = if failed.is_empty() { Answer::fine("") } else { Answer::failed("") };
    lines.extend(failed);
    Answer { text: lines.join("\n"), data: kept.iter().map(|kept| kept.value()).collect(), ..answer }
}
