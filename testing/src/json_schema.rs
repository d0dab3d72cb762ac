//! Whether a value fits a JSON Schema.

use serde_json::{Map, Value};

/// What of a value does not fit a schema, which is a part of `root`; `place` is where the value stands.
///
/// Validates as far as the schemas of this repository need it; a word that is not known here is an error.
pub fn misfits(root: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    let fits = |schema: &Value| misfits(root, schema, value, place).is_empty();
    // `true`: anything fits.
    let Some(object) = schema.as_object() else { return found };
    for (word, rule) in object {
        let ok = match word.as_str() {
            "$schema"
            | "$id"
            | "title"
            | "description"
            | "format"
            | "definitions"
            | "required"
            | "additionalProperties" => true,
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
                found.extend(misfits(root, target, value, place));
                true
            }
            "type" => {
                rule.as_array().map_or_else(|| vec![rule], |list| list.iter().collect()).iter().any(|one| {
                    match one.as_str().unwrap() {
                        "null" => value.is_null(),
                        "boolean" => value.is_boolean(),
                        "integer" => value.is_u64(),
                        "number" => value.is_number(),
                        "string" => value.is_string(),
                        "array" => value.is_array(),
                        "object" => value.is_object(),
                        other => panic!("unknown type {other}"),
                    }
                })
            }
            "enum" => rule.as_array().unwrap().contains(value),
            "const" => rule == value,
            "minimum" => value.as_u64().is_none_or(|number| number >= rule.as_u64().unwrap()),
            "maximum" => value.as_u64().is_none_or(|number| number <= rule.as_u64().unwrap()),
            "minProperties" => value.as_object().is_none_or(|map| !map.is_empty()),
            "maxProperties" => value.as_object().is_none_or(|map| map.len() <= 1),
            "anyOf" => rule.as_array().unwrap().iter().any(fits),
            "oneOf" => rule.as_array().unwrap().iter().filter(|one| fits(one)).count() == 1,
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    found.extend(misfits(root, rule, item, place));
                }
                true
            }
            "properties" => true,
            other => panic!("unknown word {other}"),
        };
        if !ok {
            found.push(format!("{place}: {word} {rule}"));
        }
    }
    if let Some(map) = value.as_object() {
        let empty = Map::new();
        let properties = object.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        for (key, value) in map {
            let place = format!("{place}.{key}");
            match (properties.get(key), object.get("additionalProperties")) {
                (Some(schema), _) => found.extend(misfits(root, schema, value, &place)),
                (None, Some(Value::Bool(false))) => found.push(format!("{place}: unknown")),
                (None, Some(schema)) => found.extend(misfits(root, schema, value, &place)),
                (None, None) => {}
            }
        }
        for key in object.get("required").and_then(Value::as_array).into_iter().flatten() {
            if !map.contains_key(key.as_str().unwrap()) {
                found.push(format!("{place}: lacks {key}"));
            }
        }
    }
    found
}
