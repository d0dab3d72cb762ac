//! Events in the form of CloudEvents 1.0.

use std::fmt::Write;

use serde_json::{Value, json};

use super::Event;
use crate::events::model::rfc3339;

/// The type of an event is this and its kind.
const TYPE: &str = "wharf.";

/// The attributes of an event, in their order.
fn attributes(event: &Event) -> Vec<(&'static str, String)> {
    let draft = &event.draft;
    let mut attributes = vec![
        ("specversion", "1.0".to_owned()),
        ("id", draft.id.to_string()),
        ("source", format!("/wharf/{}", encoded(&draft.node))),
        ("type", format!("{TYPE}{}", draft.kind)),
        ("time", rfc3339(draft.time)),
    ];
    if let Some(place) = &draft.place {
        attributes.push(("subject", place.path.clone()));
    }
    attributes
}

/// All in one document.
pub(super) fn structured(event: &Event) -> Vec<u8> {
    let attributes = attributes(event).into_iter().map(|(name, value)| (name.to_owned(), json!(value)));
    let mut document: serde_json::Map<String, Value> = attributes.collect();
    document.insert("datacontenttype".to_owned(), json!("application/json"));
    document.insert("data".to_owned(), Value::Object(event.draft.data(&event.outcome)));
    Value::Object(document).to_string().into_bytes()
}

/// The attributes as headers, and the data as the body.
pub(super) fn binary(event: &Event) -> (Vec<(String, String)>, Vec<u8>) {
    let headers = attributes(event).into_iter().map(|(name, value)| (format!("ce-{name}"), encoded(&value)));
    let data = Value::Object(event.draft.data(&event.outcome));
    (headers.collect(), data.to_string().into_bytes())
}

/// A value as a header has it: what is no visible character of ASCII, and the signs `"` and `%`, are encoded (HTTP Protocol Binding for
/// CloudEvents 1.0, section 3.1.3.2).
fn encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'!'..=b'~' if !matches!(byte, b'"' | b'%') => encoded.push(char::from(byte)),
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_headers_are_encoded() {
        assert_eq!(encoded("/in/a.csv"), "/in/a.csv");
        assert_eq!(encoded("/ü \"50%\""), "/%C3%BC%20%2250%25%22");
    }
}
