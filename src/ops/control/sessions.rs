//! Tells who is here, and what moves.

use serde_json::Value;

use super::{Answer, Row};
use crate::ops::admin::{Filter, Trouble};

/// The row of this command.
pub(super) const ROW: Row = Row {
    name: "sessions",
    run: |desk, request| {
        Box::pin(async move {
            let words: Result<Vec<_>, Trouble> = request
                .arguments
                .iter()
                .map(|(word, value)| match value {
                    Value::String(value) => Ok((word.as_str(), value.clone())),
                    Value::Number(_) | Value::Bool(_) => Ok((word.as_str(), value.to_string())),
                    _ => Err(Trouble::Invalid(format!("`{word}` is no filter"))),
                })
                .collect();
            let filter = words
                .and_then(|words| Filter::parse(words.iter().map(|(word, value)| (*word, value.as_str()))));
            match filter {
                Ok(filter) => {
                    let mut data = desk.sessions_of_all(&filter).await;
                    data["is_draining"] = desk.limits.is_draining().into();
                    Answer { data, ..Answer::fine("") }
                }
                Err(trouble) => trouble.into(),
            }
        })
    },
};
