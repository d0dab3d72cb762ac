//! What a row of the query says of a user.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::accounts::sources::asked::Answer;
use crate::config::{Password, PasswordHash, PasswordHashError, Secret, SqlService};

/// The most bytes of a value.
const MOST_BYTES: usize = 64 * 1024;

/// A row: the names of its columns, and what is in them.
pub(super) type Row = Vec<(String, Cell)>;

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<String>),
}

impl Cell {
    /// # Errors
    /// It is too long, or not UTF-8.
    pub(super) fn text(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MOST_BYTES {
            return Err("this text is longer than 64 KiB".to_owned());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "this text is not UTF-8")?;
        Ok(Self::Text(text.to_owned()))
    }
}

/// What a key of an entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Text,
    /// Yes or no.
    Truth,
    /// Words, or a list of them.
    Words,
    /// A section or a list of sections.
    Sections,
}

/// The keys of an entry that a column can have the name of.
const KEYS: [(&str, Holds); 15] = [
    ("backend", Holds::Text),
    ("chmod", Holds::Text),
    ("create_parents", Holds::Truth),
    ("default_type", Holds::Text),
    ("encoding", Holds::Text),
    ("expires", Holds::Text),
    ("hosts", Holds::Words),
    ("limits", Holds::Sections),
    ("listing_time", Holds::Text),
    ("mounts", Holds::Sections),
    ("networks", Holds::Words),
    ("path", Holds::Text),
    ("permissions", Holds::Words),
    ("quota", Holds::Sections),
    ("resume_uploads", Holds::Text),
];

/// Makes an answer of the row for this name. Sentences never repeat what is in a column: it may be a secret in the wrong one.
///
/// # Errors
/// A sentence for the log.
pub(super) fn answer(row: Row, name: &str, settings: &SqlService) -> Result<Answer, String> {
    let (mut found, mut password, mut entry, mut keys) = (None, None, Map::new(), Map::new());
    let (mut without_path, mut seen) = (false, BTreeSet::new());
    for (column, cell) in row {
        let wrong = |reason: String| format!("column {column:?}: {reason}");
        // A join has the columns of both tables: nobody knows whose password that is.
        if !seen.insert(column.clone()) {
            return Err(wrong("the query has two of this name".to_owned()));
        }
        match (&*column, cell) {
            ("name", Cell::Text(text)) => found = Some(text),
            ("password", Cell::Null) => password = Some(None),
            ("password", Cell::Text(text)) => password = Some(Some(text)),
            ("name" | "password", _) => return Err(wrong("this is no text".to_owned())),
            ("entry", Cell::Null) => {}
            ("entry", Cell::Text(text)) => entry = section(&text).map_err(wrong)?,
            ("entry", _) => return Err(wrong("this is no text".to_owned())),
            (key, cell) => {
                let (_, holds) = KEYS.iter().find(|(known, _)| *known == key).ok_or_else(|| {
                    wrong("an entry of `users` has no such key that can stand here; name it with AS, or leave it out".to_owned())
                })?;
                without_path |= key == "path" && cell == Cell::Null;
                keys.extend(value(cell, *holds).map_err(wrong)?.map(|value| (column, value)));
            }
        }
    }
    // A database may compare without regard to capitals, accents or spaces at the end: then this is somebody else.
    let found = found.ok_or("the query has no column \"name\", by which it can be seen whose row this is")?;
    if found != name {
        return Ok(Answer::Unknown);
    }
    let password = password.ok_or("the query has no column \"password\"")?;
    let Some(password) = password else {
        return Ok(Answer::Refused("the row has no password".to_owned()));
    };
    let password = if settings.plain {
        if password.is_empty() {
            return Err("column \"password\": this is empty".to_owned());
        }
        // Whoever has read the table could log in with it, and the user could not.
        if !matches!(PasswordHash::parse(&password), Err(PasswordHashError::NotAHash)) {
            return Err("column \"password\": this is a hash, and `plain` is true".to_owned());
        }
        Password::Plain(Secret::new(password))
    } else {
        let hash = PasswordHash::parse(&password);
        Password::Hash(hash.map_err(|error| format!("column \"password\": {error}"))?)
    };
    without_path |= entry.get("path").is_some_and(Value::is_null);
    entry.extend(keys);
    let part = |place: &str| (place == "name").then(|| name.to_owned());
    let entry = settings.defaults.fill(&part, entry)?;
    if without_path && !has_path(&entry) {
        return Err("column \"path\" is NULL, and `defaults` has no `path`: that would be the whole backend"
            .to_owned());
    }
    Ok(Answer::WithPassword { entry, password, holds: settings.cache })
}

fn has_path(entry: &str) -> bool {
    serde_json::from_str::<Value>(entry)
        .is_ok_and(|entry| entry.get("path").is_some_and(|path| !path.is_null()))
}

/// An entry as JSON.
fn section(text: &str) -> Result<Map<String, Value>, String> {
    let section: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| not_json(&error, "{ … } of JSON"))?;
    match section.keys().find(|key| KEYS.iter().all(|(known, _)| known != key)) {
        Some(key) => Err(format!("the key {key:?} can't stand here")),
        None => Ok(section),
    }
}

fn not_json(error: &serde_json::Error, expected: &str) -> String {
    format!("this is not {expected}, at line {} column {}", error.line(), error.column())
}

/// The value of a key; `None` if it is not given.
fn value(cell: Cell, holds: Holds) -> Result<Option<Value>, String> {
    let value = match (cell, holds) {
        (Cell::Null, _) => return Ok(None),
        // Many tables have it where nothing was meant, which may be more than was meant: the path of the whole backend.
        (Cell::Text(text), _) if text.trim().is_empty() => {
            return Err(
                "this is empty; where nothing is meant it has to be NULL: NULLIF(column, '')".to_owned()
            );
        }
        (Cell::Boolean(truth), Holds::Truth) => Value::from(truth),
        (Cell::Integer(number @ (0 | 1)), Holds::Truth) => Value::from(number == 1),
        (Cell::Text(word), Holds::Truth) => match &*word.to_ascii_lowercase() {
            "0" | "false" => Value::from(false),
            "1" | "true" => Value::from(true),
            _ => return Err("this is neither true nor false".to_owned()),
        },
        (_, Holds::Truth) => return Err("this is neither true nor false".to_owned()),
        (Cell::Text(text), Holds::Text) => Value::from(text),
        (Cell::Text(text), Holds::Words) if !text.trim_start().starts_with('[') => {
            text.split(',').map(|word| Value::from(word.trim())).collect()
        }
        (Cell::Text(text), Holds::Words | Holds::Sections) => {
            serde_json::from_str(&text).map_err(|error| not_json(&error, "JSON"))?
        }
        (Cell::List(words), Holds::Words) => Value::from(words),
        (Cell::Integer(_) | Cell::Boolean(_) | Cell::List(_), _) => {
            return Err("a value of this type can't stand here; cast it to text".to_owned());
        }
    };
    Ok(Some(value))
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
