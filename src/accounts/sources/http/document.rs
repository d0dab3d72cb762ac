//! What a service answers.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::accounts::sources::asked::{Answer, cut};
use crate::config::units;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    user: Option<Map<String, Value>>,
    cache: Option<String>,
    unknown: Option<bool>,
    refused: Option<String>,
}

/// Reads the body of a response.
///
/// # Errors
/// A sentence for the log.
pub(super) fn parse(body: &[u8]) -> Result<Answer, String> {
    let document: Document = serde_json::from_slice(body).map_err(|error| wrong(&error))?;
    match document {
        Document { user: Some(user), cache, unknown: None, refused: None } => {
            let holds = cache.map_or(Ok(Duration::ZERO), |text| units::duration(&text));
            let holds = holds.map_err(|reason| format!("`cache` of the answer: {reason}"))?;
            // A key in a line of its own, so that a complaint shows the one that it is about.
            let entry = serde_json::to_string_pretty(&user).map_err(|error| error.to_string())?;
            Ok(Answer::User { entry, holds })
        }
        Document { user: None, cache: None, unknown: Some(true), refused: None } => Ok(Answer::Unknown),
        Document { user: None, cache: None, unknown: None, refused: Some(reason) } => {
            Ok(Answer::Refused(cut(&reason)))
        }
        _ => Err(
            "the answer has to be one of `user` (with `cache`, or without), `unknown: true` and `refused`"
                .to_owned(),
        ),
    }
}

/// Why a document is none. A value that does not fit is not repeated: it may be anything.
fn wrong(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let (line, column) = (error.line(), error.column());
    let said = match said.starts_with("invalid") && error.is_data() {
        true => format!("a value is of a wrong type at line {line} column {column}"),
        false => said,
    };
    format!("the answer is not as it has to be: {said}")
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
