//! Each key is explained, in the words of its definition.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::super::restart;
use super::super::super::{Change, explain, explain_all};
use super::{ENGINES, KINDS};

fn of(place: &str) -> super::super::super::Explanation {
    explain(Some(place), &KINDS, &ENGINES).unwrap_or_else(|error| panic!("{error}"))
}

fn wrong(place: &str) -> String {
    explain(Some(place), &KINDS, &ENGINES).unwrap_err()
}

#[test]
fn every_key_can_be_asked_for_by_its_place() {
    let all = explain_all(&KINDS, &ENGINES);
    assert!(all.len() > 250, "{}", all.len());
    for explained in all.iter().filter(|explained| !explained.place.is_empty()) {
        assert_eq!(&of(&explained.place), explained);
        assert!(!explained.meaning.is_empty(), "{}", explained.place);
        assert!(!explained.meaning.contains("]("), "{}", explained.place);
        for key in explained.keys.iter().filter(|_| explained.place != "backends") {
            let below = of(&format!("{}.{}", explained.place, key.name));
            assert_eq!(below.meaning, key.meaning, "{}", below.place);
        }
    }
}

#[test]
fn a_key_is_what_its_definition_says() {
    let sessions = of("users[3].limits.sessions");
    assert_eq!(sessions.place, "users[].limits.sessions");
    assert_eq!((sessions.kind.as_deref(), sessions.bounds), (Some("number"), (Some(1), None)));
    assert!(sessions.example.unwrap().starts_with("sessions: "));
    let kind = of("backends.s3.kind");
    assert_eq!((kind.place.as_str(), kind.required), ("s3.kind", true));
    let permissions = of("users.permissions");
    assert!(permissions.values.iter().any(|(word, _)| word == "upload-only"), "{permissions:?}");
    let password = of("users.password");
    assert_eq!(password.keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["env", "file"]);
    // A word, or a section.
    for (place, keys) in [
        ("audit.to", ["file", "syslog"]),
        ("events.spool", ["backend", "path"]),
        ("cluster.more_secrets[]", ["env", "file"]),
        ("events.to[].more_secrets", ["env", "file"]),
    ] {
        assert_eq!(of(place).keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), keys, "{place}");
        for key in keys {
            assert!(!of(&format!("{place}.{key}")).meaning.is_empty(), "{place}.{key}");
        }
    }
}

/// Whatever the schema knows, which editors and `wharf check` go by, can be asked for.
#[test]
fn every_key_of_the_schema_is_explained() {
    fn look(schema: &Value, node: &Value, place: &str, asked: &mut BTreeSet<String>) {
        let node = match node["$ref"].as_str() {
            Some(name) => &schema["definitions"][name.trim_start_matches("#/definitions/")],
            None => node,
        };
        for (key, below) in node["properties"].as_object().into_iter().flatten() {
            let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
            // Kinds of storages have pages of their own.
            if place != "backends" && asked.insert(place.clone()) {
                of(&place);
                look(schema, below, &place, asked);
            }
        }
        look_each(schema, &node["anyOf"], place, asked);
        if node["items"].is_object() {
            look(schema, &node["items"], place, asked);
        }
    }
    fn look_each(schema: &Value, options: &Value, place: &str, asked: &mut BTreeSet<String>) {
        options.as_array().into_iter().flatten().for_each(|option| look(schema, option, place, asked));
    }
    let schema: Value = serde_json::from_str(&super::super::super::schema(&KINDS, &ENGINES)).unwrap();
    let mut asked = BTreeSet::new();
    look(&schema, &schema, "", &mut asked);
    assert!(asked.len() > 250, "{}", asked.len());
}

#[test]
fn a_wrong_key_names_the_one_that_was_meant() {
    assert!(wrong("users.limit").contains("did you mean `users[].limits`?"), "{}", wrong("users.limit"));
    assert!(wrong("idle_timeout").contains("it stands at: server.idle_timeout"), "{}", wrong("idle_timeout"));
    assert!(wrong("qqqqqqqq").contains("there are: server, tls,"), "{}", wrong("qqqqqqqq"));
    assert!(wrong("backends.lake.bucket").contains("s3.bucket"), "{}", wrong("backends.lake.bucket"));
    assert!(!wrong("backends.lake.bucket").contains("local.bucket"), "{}", wrong("backends.lake.bucket"));
    assert!(wrong("users.name.x").contains("which has no keys"), "{}", wrong("users.name.x"));
    for odd in ["", ".", "..", "[]", "a[", "\u{1b}[2J", &"users.".repeat(1000)] {
        assert!(!wrong(odd).contains('\u{1b}') && wrong(odd).len() < 1000, "{odd:?}");
    }
}

#[test]
fn what_takes_a_restart_is_a_key_and_says_so() {
    for key in restart::keys() {
        assert_ne!(of(key).change, Some(Change::Reload), "{key}");
    }
    assert_eq!(of("server.idle_timeout").change, Some(Change::Reload));
    assert_eq!(of("server.listen").change, Some(Change::Restart));
    assert_eq!(of("cluster.relay").change, Some(Change::Restart));
    assert_eq!(of("cluster.secret").change, Some(Change::Reload));
    assert_eq!(of("cluster").change, Some(Change::ReloadFor(vec!["secret", "more_secrets"])));
    assert_eq!(of("audit.rotate.size").change, Some(Change::Restart));
    assert_eq!(of("http.admin.token").change, Some(Change::Reload));
    let part = |place: &str| match of(place).change {
        Some(Change::RestartFor(what)) => what,
        other => panic!("{place}: {other:?}"),
    };
    assert_eq!(part("server.passive"), "`server.passive.ports`");
    assert!(part("tls").starts_with("switching TLS on or off"));
    assert!(part("http").contains("`http.listen`"));
    assert_eq!(of("mounts.at").change, None, "it stands in more than one place");
}
