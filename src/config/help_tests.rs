use serde_json::json;

use super::*;

#[test]
fn an_address_in_brackets_is_no_link() {
    assert_eq!(without_links("`[::]:21` or [this](a.md) (or [that](#b))."), "`[::]:21` or this (or that).");
    assert_eq!(without_links("`[\"[::]:21\"]` alone"), "`[\"[::]:21\"]` alone");
    assert_eq!(without_links("a](b"), "a](b");
}

#[test]
fn what_is_published_has_nothing_for_the_guide_alone() {
    let mut schema = json!({
        "description": "A\n[b](c). Example: `d`.",
        "properties": { "e": { "x-type": "size", "description": "F. Default: `1`.", "type": "string" } },
    });
    publish(&mut schema);
    let expected = json!({
        "description": "A b. Example: `d`.",
        "properties": { "e": { "description": "F. Default: `1`.", "type": "string" } },
    });
    assert_eq!(schema, expected);
}

#[test]
fn no_format_is_published_that_only_rust_has() {
    let mut schema =
        json!({ "properties": { "format": { "type": "integer", "format": "uint64" } }, "format": "uri" });
    publish(&mut schema);
    assert_eq!(schema, json!({ "properties": { "format": { "type": "integer" } }, "format": "uri" }));
}

#[test]
fn has_parts() {
    let help =
        Help::parse("How long\nit [may](a.md#b) take. At most `1h`. Default: `5m`.\nExample: `wait: 90s`.");
    let expected = Help {
        meaning: "How long it [may](a.md#b) take. At most `1h`.".to_owned(),
        default: Some("`5m`".to_owned()),
        example: Some("`wait: 90s`".to_owned()),
    };
    assert_eq!(help, expected);
    let alone = Help { meaning: "Its name.".to_owned(), default: None, example: None };
    assert_eq!(Help::parse("Its name."), alone);
}
