//! What a service answers.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::units;

/// As much of a reason is logged, in characters.
const SHOWN: usize = 300;

/// An answer. Everything else that comes back is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The user may come in.
    User {
        /// The entry of `users` without its proof, as text.
        entry: String,
        /// How long the same question has this answer.
        holds: Duration,
    },
    /// Nobody has this name there.
    Unknown,
    /// The user may not come in, for this reason.
    Refused(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    user: Option<Map<String, Value>>,
    cache: Option<String>,
    unknown: Option<bool>,
    refused: Option<String>,
}

impl Answer {
    /// Reads the body of a response.
    ///
    /// # Errors
    /// A sentence for the log.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(body).map_err(|error| wrong(&error))?;
        match document {
            Document { user: Some(user), cache, unknown: None, refused: None } => {
                let holds = cache.map_or(Ok(Duration::ZERO), |text| units::duration(&text));
                let holds = holds.map_err(|reason| format!("`cache` of the answer: {reason}"))?;
                // A key in a line of its own, so that a complaint shows the one that it is about.
                let entry = serde_json::to_string_pretty(&user).map_err(|error| error.to_string())?;
                Ok(Self::User { entry, holds })
            }
            Document { user: None, cache: None, unknown: Some(true), refused: None } => Ok(Self::Unknown),
            Document { user: None, cache: None, unknown: None, refused: Some(reason) } => {
                Ok(Self::Refused(cut(&reason)))
            }
            _ => Err("the answer has to be one of `user` (with `cache`, or without), `unknown: true` and `refused`"
                .to_owned()),
        }
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

/// One line that is not too long, of a text from outside.
pub(super) fn cut(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = line.take(SHOWN + 1).collect();
    if let Some((end, _)) = line.char_indices().nth(SHOWN) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
