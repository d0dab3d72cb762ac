use proptest::prelude::*;
use serde_json::json;

use super::*;

fn template(keys: Value) -> EntryTemplate {
    let Value::Object(keys) = keys else { panic!() };
    EntryTemplate::new(keys).unwrap()
}

fn filled(keys: Value, name: &str) -> Result<Value, String> {
    let part = |place: &str| (place == "name").then(|| name.to_owned());
    template(keys).fill(&part, Map::new()).map(|text| serde_json::from_str(&text).unwrap())
}

#[test]
fn places_are_filled_wherever_they_stand() {
    let keys = json!({
        "backend": "lake",
        "path": "homes/{name}/{{in}}",
        "permissions": ["list", "{name}"],
        "mounts": [{ "at": "/{name}", "backend": "b-{name}-{name}" }],
        "limits": { "sessions": 3 },
        "create_parents": true,
    });
    assert_eq!(template(keys.clone()).places(), ["name"]);
    let expected = json!({
        "backend": "lake",
        "path": "homes/anna/{in}",
        "permissions": ["list", "anna"],
        "mounts": [{ "at": "/anna", "backend": "b-anna-anna" }],
        "limits": { "sessions": 3 },
        "create_parents": true,
    });
    assert_eq!(filled(keys, "anna"), Ok(expected));
}

#[test]
fn a_part_is_no_step_of_a_path_and_no_syntax() {
    for (name, reason) in [
        ("", "it is empty"),
        ("..", "it is a step of a path"),
        (".", "it is a step of a path"),
        ("a/b", "it has a slash"),
        ("a\\b", "it has a slash"),
        ("a\nb", "it has control characters"),
        ("a\0b", "it has control characters"),
    ] {
        let error = filled(json!({ "path": "homes/{name}" }), name).unwrap_err();
        assert_eq!(error, format!("`name` can't be a part of `path`: {reason}"));
    }
    let name = "\", \"permissions\": \"full";
    let expected = json!({ "path": format!("homes/{name}") });
    assert_eq!(filled(json!({ "path": "homes/{name}" }), name), Ok(expected));
    // A text that looks like a place is put in once.
    assert_eq!(filled(json!({ "path": "{name}" }), "{name}"), Ok(json!({ "path": "{name}" })));
    // Elsewhere a slash is a sign like another.
    let zone = filled(json!({ "listing_time": "{name}" }), "Europe/Berlin");
    assert_eq!(zone, Ok(json!({ "listing_time": "Europe/Berlin" })));
}

#[test]
fn what_is_known_otherwise_needs_no_place() {
    let template = template(json!({ "backend": "lake", "path": "{department}" }));
    let missing = template.fill(&|_| None, Map::new());
    assert_eq!(missing, Err("there is no `department` for `path`".to_owned()));
    let more = Map::from_iter([("path".to_owned(), json!("{x}"))]);
    let entry: Value = serde_json::from_str(&template.fill(&|_| None, more).unwrap()).unwrap();
    assert_eq!(entry, json!({ "backend": "lake", "path": "{x}" }));
}

/// Without its path, a user would see the whole backend.
#[test]
fn what_is_null_takes_nobodys_place() {
    let template = template(json!({ "backend": "lake", "path": "homes", "networks": ["10.0.0.0/8"] }));
    let more = |more: Value| {
        let Value::Object(more) = more else { panic!() };
        template.fill(&|_| None, more).map(|text| serde_json::from_str::<Value>(&text).unwrap())
    };
    let expected =
        json!({ "backend": "lake", "path": "homes", "networks": ["10.0.0.0/8"], "chmod": "ignore" });
    assert_eq!(more(json!({ "path": null, "networks": null, "chmod": "ignore" })), Ok(expected));
    let mount = json!({ "mounts": [{ "at": "/a", "backend": "lake", "path": null }] });
    assert_eq!(more(mount), Err("something in `mounts` is null".to_owned()));
}

#[test]
fn what_is_no_template() {
    for (keys, reason) in [
        (json!({ "path": "{name" }), "is not closed"),
        (json!({ "path": "{}" }), "is not closed"),
        (json!({ "path": "{{name}" }), "is not opened"),
        (json!({ "mounts": [{ "at": "a}" }] }), "is not opened"),
        (json!({ "password": "x" }), "`password` can't stand here"),
        (json!({ "name": "x" }), "`name` can't stand here"),
    ] {
        let Value::Object(keys) = keys else { panic!() };
        let error = EntryTemplate::new(keys).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

proptest! {
    /// Whatever a name is: a path has the same number of steps, or there is none.
    #[test]
    fn no_name_adds_a_step(name in "\\PC*|[./\\\\a\\n{}]{0,4}") {
        if let Ok(entry) = filled(json!({ "path": "homes/{name}/in" }), &name) {
            let path = entry["path"].as_str().unwrap();
            let steps: Vec<_> = path.split('/').collect();
            prop_assert!(steps.len() == 3 && steps[1] != ".." && steps[1] != "." && !steps[1].is_empty());
        }
    }
}
