//! The help of a key, as it stands above its field: `Meaning. Default: …. Example: …`.
//!
//! The JSON Schema shows it as a sentence, `wharf explain` in lines, and the guide in columns (`tests/keys`).

use serde_json::Value;

/// What a field tells the guide of the type of its value, where the type of the field doesn't say it.
pub(super) const TYPE: &str = "x-type";

/// The parts of the help of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Help {
    /// What the key is for.
    pub(super) meaning: String,
    /// What counts where the key is left out.
    pub(super) default: Option<String>,
    /// How the key and its value may be written.
    pub(super) example: Option<String>,
}

impl Help {
    pub(super) fn parse(description: &str) -> Self {
        let line = one_line(description);
        let (text, example) = last_part(&line, " Example: ");
        let (meaning, default) = last_part(text, " Default: ");
        Self { meaning: meaning.to_owned(), default, example }
    }
}

/// What stands before `heading`, and what stands behind it without its full stop.
fn last_part<'a>(text: &'a str, heading: &str) -> (&'a str, Option<String>) {
    match text.rsplit_once(heading) {
        Some((before, part)) => (before, Some(part.strip_suffix('.').unwrap_or(part).to_owned())),
        None => (text, None),
    }
}

/// Makes the schema that editors use of the one that the guide is made of: without what is for the guide alone.
pub(super) fn publish(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.remove(TYPE);
            // JSON Schema knows no such format, and strict validators refuse one that is unknown. (A key may have the name `format`.)
            if object.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
                object.remove("format");
            }
            for (word, value) in object {
                match value {
                    Value::String(text) if word == "description" => *text = without_links(&one_line(text)),
                    value => publish(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(publish),
        _ => {}
    }
}

/// Without the line breaks of a comment.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `[text](target)` becomes `text`: targets are those of a page in `docs/`.
pub(super) fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("](") {
        let (Some((outside, label)), Some((_, after))) = (before.rsplit_once('['), behind.split_once(')'))
        else {
            break;
        };
        plain.push_str(outside);
        plain.push_str(label);
        rest = after;
    }
    plain + rest
}

#[cfg(test)]
#[path = "help_tests.rs"]
mod tests;
