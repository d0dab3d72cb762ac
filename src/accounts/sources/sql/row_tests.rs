use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::config::{Database, EntryTemplate};

const HASH: &str = "$2b$04$abcdefghijklmnopqrstuuLwBkRtDQcZ4ReAFDyf0hFnrZ7TUmPeu";

fn settings(defaults: Value) -> SqlService {
    let Value::Object(defaults) = defaults else { panic!() };
    SqlService {
        database: Database::Sqlite(PathBuf::new()),
        query: String::new(),
        plain: false,
        timeout: Duration::ZERO,
        cache: Duration::from_secs(60),
        connections: 1,
        defaults: EntryTemplate::new(defaults).unwrap(),
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// The answer to a row for Anna, with her name and hash and these columns.
fn with<const N: usize>(defaults: Value, columns: [(&str, Cell); N]) -> Result<Answer, String> {
    let mut row = vec![("name", text("anna")), ("password", text(HASH))];
    row.extend(columns);
    named(defaults, row)
}

fn named(defaults: Value, row: Vec<(&str, Cell)>) -> Result<Answer, String> {
    let row = row.into_iter().map(|(column, cell)| (column.to_owned(), cell)).collect();
    answer(row, "anna", &settings(defaults))
}

fn entry(answer: Result<Answer, String>) -> Value {
    let Ok(Answer::WithPassword { entry, password: Password::Hash(_), holds }) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(holds, Duration::from_secs(60));
    serde_json::from_str(&entry).unwrap()
}

#[test]
fn columns_are_keys() {
    let found = with(
        json!({ "backend": "disk", "path": "homes/{name}", "chmod": "ignore" }),
        [
            ("entry", text(r#"{ "limits": { "sessions": 2 }, "path": "other", "backend": "lake" }"#)),
            ("path", text("here")),
            ("permissions", text("list, upload")),
            ("networks", Cell::List(vec!["10.0.0.0/8".to_owned()])),
            ("expires", text("2027-01-01")),
            ("create_parents", Cell::Integer(1)),
            ("encoding", Cell::Null),
            ("mounts", text(r#"[{ "at": "/a", "backend": "disk" }]"#)),
        ],
    );
    let expected = json!({
        "backend": "lake", "path": "here", "chmod": "ignore", "limits": { "sessions": 2 },
        "permissions": ["list", "upload"], "networks": ["10.0.0.0/8"], "expires": "2027-01-01",
        "create_parents": true, "mounts": [{ "at": "/a", "backend": "disk" }],
    });
    assert_eq!(entry(found), expected);
    let usual = json!({ "backend": "disk", "path": "homes/{name}" });
    assert_eq!(
        entry(with(usual, [("path", Cell::Null)])),
        json!({ "backend": "disk", "path": "homes/anna" })
    );
    for (cell, truth) in
        [(Cell::Boolean(false), false), (Cell::Integer(0), false), (text("TRUE"), true), (text("0"), false)]
    {
        let found = entry(with(json!({}), [("create_parents", cell.clone())]));
        assert_eq!(found, json!({ "create_parents": truth }), "{cell:?}");
    }
    let found = entry(with(json!({}), [("networks", text(r#"["10.0.0.1"]"#))]));
    assert_eq!(found, json!({ "networks": ["10.0.0.1"] }));
}

#[test]
fn a_row_of_another_name_is_that_of_somebody_else() {
    for name in ["Anna", "anna ", "ännä", ""] {
        let row = vec![("name", text(name)), ("password", text(HASH))];
        assert_eq!(named(json!({}), row), Ok(Answer::Unknown), "{name}");
    }
}

#[test]
fn a_row_without_a_password_is_a_user_who_cannot_log_in() {
    let row = vec![("name", text("anna")), ("password", Cell::Null)];
    assert_eq!(named(json!({}), row), Ok(Answer::Refused("the row has no password".into())));
}

#[test]
fn what_cannot_be_used_is_said_without_what_is_in_it() {
    let secret = || text("hunter2");
    let of = |row: Vec<(&str, Cell)>| named(json!({ "backend": "disk" }), row).unwrap_err();
    let name = || ("name", text("anna"));
    let hash = || ("password", text(HASH));
    for (row, reason) in [
        (vec![hash()], "the query has no column \"name\""),
        (vec![("name", Cell::Null), hash()], "column \"name\": this is no text"),
        (vec![("name", Cell::Integer(5)), hash()], "column \"name\": this is no text"),
        (vec![name()], "the query has no column \"password\""),
        (vec![name(), ("password", secret())], "column \"password\": this is not a password hash"),
        (vec![name(), ("password", text("{md5}hunter2"))], "column \"password\": "),
        (vec![name(), ("password", Cell::Boolean(true))], "column \"password\": this is no text"),
        (
            vec![name(), hash(), ("passwd", secret())],
            "column \"passwd\": an entry of `users` has no such key",
        ),
        (vec![name(), hash(), ("Path", secret())], "column \"Path\": an entry of `users` has no such key"),
        (
            vec![name(), hash(), ("plain", Cell::Boolean(true))],
            "column \"plain\": an entry of `users` has no",
        ),
        (vec![name(), hash(), ("path", Cell::Null)], "column \"path\" is NULL, and `defaults` has no `path`"),
        (vec![name(), hash(), ("path", text(" "))], "column \"path\": this is empty"),
        (vec![name(), hash(), ("networks", text(""))], "column \"networks\": this is empty"),
        (vec![name(), hash(), ("path", Cell::Integer(7))], "column \"path\": a value of this type"),
        (vec![name(), hash(), ("create_parents", secret())], "column \"create_parents\": this is neither"),
        (
            vec![name(), hash(), ("create_parents", Cell::Integer(2))],
            "column \"create_parents\": this is neither",
        ),
        (
            vec![name(), hash(), ("limits", secret())],
            "column \"limits\": this is not JSON, at line 1 column 1",
        ),
        (vec![name(), hash(), ("entry", secret())], "column \"entry\": this is not { … } of JSON"),
        (vec![name(), hash(), ("entry", text("[]"))], "column \"entry\": this is not { … } of JSON"),
        (
            vec![name(), hash(), ("entry", text(r#"{ "password": "hunter2" }"#))],
            "column \"entry\": the key \"password\"",
        ),
    ] {
        let error = of(row);
        assert!(error.starts_with(reason) && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_text_is_short_and_utf8() {
    assert_eq!(Cell::text("ü".as_bytes()), Ok(text("ü")));
    assert!(Cell::text(b"\xff").unwrap_err().contains("UTF-8"));
    assert!(Cell::text(&[b'a'; MOST_BYTES]).is_ok() && Cell::text(&[b'a'; MOST_BYTES + 1]).is_err());
}

#[test]
fn a_password_may_stand_there_as_it_is() {
    let settings = SqlService { plain: true, ..settings(json!({})) };
    let of = |password: &str| {
        let row = vec![("name".to_owned(), text("anna")), ("password".to_owned(), text(password))];
        answer(row, "anna", &settings)
    };
    assert!(matches!(of("apple"), Ok(Answer::WithPassword { password: Password::Plain(_), .. })));
    assert!(of("").is_err());
    assert!(!format!("{:?}", of("hunter2")).contains("hunter2"));
}

/// Each key of an entry can be a column, or says who the user is.
#[test]
fn no_key_is_forgotten() {
    let schema = crate::config::schema(&crate::storages::KINDS, &crate::engine::ENGINES);
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let known = schema["definitions"]["User"]["properties"].as_object().unwrap().keys().map(String::as_str);
    let mut columns: BTreeSet<&str> = KEYS.iter().map(|(key, _)| *key).collect();
    columns.extend(["name", "password", "plain", "certificate", "login"]);
    assert_eq!(known.collect::<BTreeSet<_>>(), columns);
}
