//! From the claims of a token that counts to the entry of its owner.

use serde_json::{Map, Value};

use super::token::end;
use crate::config::{Claim, Mapped, TokenIssuer, units};

/// The key by which a session ends when the token does.
const EXPIRES: &str = "expires";

/// The entry of the user of this name, whose token has these claims.
///
/// # Errors
/// A sentence for the log, which repeats nothing of the token: it is not one of this user, or not one that lets somebody in.
pub(super) fn of_claims(from: &TokenIssuer, name: &str, claims: &Value) -> Result<String, String> {
    let part = |place: &str| Claim::new(place).ok()?.of(claims).and_then(text_of);
    let owner = from.name.fill(&part).map_err(|reason| format!("it says no name: {reason}"))?;
    if owner != name {
        return Err("it is of another user".to_owned());
    }
    for (claim, values) in &from.require {
        let is_one = |value: &String| claim.of(claims).is_some_and(|found| has(found, value));
        if !values.iter().any(is_one) {
            return Err(format!("its claim `{}` is not one of those that are required", claim.name()));
        }
    }
    let part = |place: &str| if place == "name" { Some(name.to_owned()) } else { part(place) };
    let mut more = Map::new();
    let fits = |mapped: &&Mapped| mapped.claim.of(claims).is_some_and(|found| has(found, &mapped.has));
    if let Some(mapped) = from.map.iter().find(fits) {
        more.extend(map_of(&mapped.entry.fill(&part, Map::new())?)?);
    }
    if let Some(claim) = &from.entry_claim {
        match claim.of(claims) {
            None | Some(Value::Null) => {}
            Some(Value::Object(keys)) => more.extend(keys.clone()),
            Some(_) => return Err(format!("its claim `{}` holds no keys of an entry", claim.name())),
        }
    }
    let mut entry = map_of(&from.defaults.fill(&part, more)?)?;
    let end = end(claims, from.leeway).ok_or("its claim `exp` is no date")?;
    let earlier = match entry.get(EXPIRES) {
        Some(Value::String(text)) => units::moment(text).is_ok_and(|moment| moment <= end),
        // Something else is reported when the entry is read.
        None | Some(Value::Null) => false,
        Some(_) => true,
    };
    if !earlier {
        entry.insert(EXPIRES.to_owned(), humantime::format_rfc3339_seconds(end).to_string().into());
    }
    // A key in a line of its own, so that a complaint shows the one that it is about.
    serde_json::to_string_pretty(&entry).map_err(|error| error.to_string())
}

fn map_of(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// What can be put in a place.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a claim is this text, or has it among others.
fn has(found: &Value, text: &str) -> bool {
    match found {
        Value::Array(list) => list.iter().any(|item| text_of(item).as_deref() == Some(text)),
        other => text_of(other).as_deref() == Some(text),
    }
}
