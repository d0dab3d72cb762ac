//! An entry of `users` that is made anew at each login (`users_from[].defaults`): it has no name and no proof, and in its texts are
//! places such as `{name}`, where something is put in that is known of the login.
//!
//! What is put in comes from outside. It becomes part of a text and never of the syntax around it, and no path gets more steps by
//! it.

use serde_json::{Map, Value};

/// The keys whose texts are paths.
const PATHS: [&str; 2] = ["path", "at"];

/// An entry with places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryTemplate(Map<String, Value>);

/// A text with places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTemplate(String);

impl TextTemplate {
    /// This text; `{{` and `}}` mean one brace.
    ///
    /// # Errors
    /// A sentence about braces that do not belong together.
    pub fn new(text: &str) -> Result<Self, String> {
        pieces(text).map(|_| Self(text.to_owned()))
    }

    /// The names of its places.
    pub fn places(&self) -> Vec<&str> {
        let place = |piece| match piece {
            Piece::Place(name) => Some(name),
            Piece::Text(_) => None,
        };
        pieces(&self.0).unwrap_or_default().into_iter().filter_map(place).collect()
    }

    /// The text; `part` has the text for a place.
    ///
    /// # Errors
    /// A sentence about a place for which there is nothing, or nothing that can stand there.
    pub fn fill(&self, part: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
        filled_text(&self.0, "name", part)
    }
}

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// It stands there as it is.
    Text(&'a str),
    /// The name of a place.
    Place(&'a str),
}

impl EntryTemplate {
    /// These keys of an entry; `{{` and `}}` in a text mean one brace.
    ///
    /// # Errors
    /// A sentence about a text whose braces do not belong together, or a key that tells who somebody is.
    pub fn new(keys: Map<String, Value>) -> Result<Self, String> {
        for (key, value) in &keys {
            if ["name", "password", "plain", "certificate", "login"].contains(&key.as_str()) {
                return Err(format!("`{key}` can't stand here: the source says who it is"));
            }
            each_text(value, key, &mut |_, text| pieces(text).map(|_| ()))?;
        }
        Ok(Self(keys))
    }

    /// The names of its places, each once.
    pub fn places(&self) -> Vec<String> {
        let mut places = Vec::new();
        for (key, value) in &self.0 {
            let _ = each_text(value, key, &mut |_, text| {
                for piece in pieces(text)? {
                    if let Piece::Place(name) = piece
                        && !places.iter().any(|known| known == name)
                    {
                        places.push(name.to_owned());
                    }
                }
                Ok(())
            });
        }
        places
    }

    /// The entry as text (JSON): `part` has the text for a place, and `more` are keys that stand in place of those of the template; those that are null do not.
    ///
    /// # Errors
    /// A sentence about a place for which there is nothing, or nothing that can stand there.
    pub fn fill(
        &self,
        part: &dyn Fn(&str) -> Option<String>,
        more: Map<String, Value>,
    ) -> Result<String, String> {
        let mut entry = Map::new();
        let mut more = more;
        // What is nothing takes nobody's place: a user without a path would see the whole backend.
        more.retain(|_, value| !value.is_null());
        if let Some((key, _)) = more.iter().find(|(_, value)| has_null(value)) {
            return Err(format!("something in `{key}` is null"));
        }
        for (key, value) in &self.0 {
            if !more.contains_key(key) {
                entry.insert(key.clone(), filled(value, key, part)?);
            }
        }
        entry.extend(more);
        // A key in a line of its own, so that a complaint shows the one that it is about.
        serde_json::to_string_pretty(&entry).map_err(|error| error.to_string())
    }

    /// An entry as a login could make it, for a look at it before somebody logs in: with a backend in any case, and without the
    /// keys whose values are not known yet.
    pub(super) fn sample(&self, backend: &str) -> String {
        let mut keys = self.0.clone();
        keys.retain(|key, value| PATHS.contains(&key.as_str()) || key == "mounts" || !has_places(value));
        keys.entry("backend").or_insert_with(|| Value::from(backend));
        let part = |_: &str| Some("x".to_owned());
        let filled = keys.iter().map(|(key, value)| Some((key.clone(), filled(value, key, &part).ok()?)));
        let entry: Map<String, Value> = filled.flatten().collect();
        serde_json::to_string_pretty(&entry).unwrap_or_default()
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.iter().any(has_null),
        Value::Object(map) => map.values().any(has_null),
        Value::String(_) | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn has_places(value: &Value) -> bool {
    let mut has = false;
    let _ = each_text(value, "", &mut |_, text| {
        has |= pieces(text)?.iter().any(|piece| matches!(piece, Piece::Place(_)));
        Ok(())
    });
    has
}

/// Calls `each` with all texts of a value, and the keys of these.
fn each_text(
    value: &Value,
    key: &str,
    each: &mut dyn FnMut(&str, &str) -> Result<(), String>,
) -> Result<(), String> {
    match value {
        Value::String(text) => each(key, text),
        Value::Array(list) => list.iter().try_for_each(|item| each_text(item, key, each)),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| each_text(value, key, each)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn filled(value: &Value, key: &str, part: &dyn Fn(&str) -> Option<String>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => Value::String(filled_text(text, key, part)?),
        Value::Array(list) => {
            Value::Array(list.iter().map(|item| filled(item, key, part)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let keys = map.iter().map(|(key, value)| Ok((key.clone(), filled(value, key, part)?)));
            Value::Object(keys.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

fn filled_text(text: &str, key: &str, part: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut filled = String::new();
    for piece in pieces(text)? {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Place(name) => {
                let part = part(name).ok_or_else(|| format!("there is no `{name}` for `{key}`"))?;
                if let Some(reason) = why_not_a_part(&part, key) {
                    return Err(format!("`{name}` can't be a part of `{key}`: {reason}"));
                }
                filled.push_str(&part);
            }
        }
    }
    Ok(filled)
}

/// Why a text from outside can't stand in a text under this key.
fn why_not_a_part(part: &str, key: &str) -> Option<&'static str> {
    let is_path = PATHS.contains(&key);
    match part {
        "" => Some("it is empty"),
        _ if part.chars().any(char::is_control) => Some("it has control characters"),
        "." | ".." if is_path => Some("it is a step of a path"),
        _ if is_path && part.contains(['/', '\\']) => Some("it has a slash"),
        _ => None,
    }
}

/// The pieces of a text.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        rest = match (brace.strip_prefix("{{"), brace.strip_prefix("}}"), brace.strip_prefix('{')) {
            (Some(rest), ..) => {
                pieces.push(Piece::Text("{"));
                rest
            }
            (_, Some(rest), _) => {
                pieces.push(Piece::Text("}"));
                rest
            }
            (.., Some(inside)) => match inside.split_once('}') {
                Some((name, rest)) if !name.is_empty() && !name.contains('{') => {
                    pieces.push(Piece::Place(name));
                    rest
                }
                _ => return Err(format!("a brace of {text:?} is not closed; {{{{ is one brace")),
            },
            _ => return Err(format!("a brace of {text:?} is not opened; }}}} is one brace")),
        };
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
