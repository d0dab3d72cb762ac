//! The JSON Schema: what ships is what is generated, and it says the same as the reader.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use wharf_testing::json_schema::misfits;

use super::super::{schema, tree};
use super::shipped::production_world;
use super::{shipped, with};
use crate::engine::ENGINES;
use crate::storages::KINDS;

fn generated() -> Value {
    serde_json::from_str(&schema(&KINDS, &ENGINES)).unwrap()
}

#[test]
fn the_shipped_files_fit_the_schema() {
    let schema = generated();
    for name in ["quickstart.yaml", "production.yaml"] {
        let tree = json_of(&tree::parse(&shipped(name)).unwrap());
        assert_eq!(misfits(&schema, &schema, &tree, name), Vec::<String>::new());
    }
    // The little validator below does find something.
    for wrong in [
        "server: { engin: x }",
        "server: { engine: x }",
        "server: { limits: { sessions: 0 } }",
        "traces: { otlp: x, sample: 2 }",
        "tls: {}",
        "backends: { a: { kind: local, bucket: x } }",
        "users: [{ name: 1, password: x, backend: y }]",
        "users: [{ name: a, password: { env: A, file: B }, backend: y }]",
        "anonymous: { permissions: [full, fool] }",
    ] {
        let tree = json_of(&tree::parse(&with(&format!("{wrong}\n"))).unwrap());
        assert!(!misfits(&schema, &schema, &tree, "").is_empty(), "{wrong}");
    }
}

#[test]
fn every_key_of_the_schema_stands_in_production_and_the_other_way_round() {
    let schema = generated();
    let mut keys = BTreeSet::new();
    collect_properties(&schema, &mut keys);
    let production = shipped("production.yaml");
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for key in &keys {
        let shown =
            production.match_indices(&format!("{key}:")).any(|(at, _)| !production[..at].ends_with(is_word));
        assert!(shown, "production.yaml lacks {key}");
    }
    // What is commented out is not read, so its keys are looked at here.
    let names = ["yaml-language-server", "old-disk", "old-bucket", "off", "optional", "required"];
    for line in production.lines() {
        let Some(line) = line.trim_start().strip_prefix('#') else { continue };
        let Some((key, rest)) = line.trim_start().split_once(':') else { continue };
        let is_key = key.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '-');
        if is_key && (rest.is_empty() || rest.starts_with(' ')) {
            assert!(keys.contains(key) || names.contains(&key), "{key} is commented out and unknown");
        }
    }
}

#[test]
fn the_reader_knows_every_key_of_the_schema_and_only_those() {
    let schema = generated();
    let world = production_world();
    let definitions = schema["definitions"].as_object().unwrap();
    for (section, definition) in
        [("server", "Server"), ("tls", "Tls"), ("anonymous", "Anonymous"), ("http", "Http"), ("log", "Log")]
    {
        check_keys(&world, &definitions[definition], |keys| format!("{section}: {keys}\n"));
    }
    check_keys(&world, &definitions["Passive"], |keys| format!("server: {{ passive: {keys} }}\n"));
    check_keys(&world, &definitions["Limits"], |keys| format!("server: {{ limits: {keys} }}\n"));
    check_keys(&world, &definitions["User"], |keys| format!("users: [{keys}]\n"));
    check_keys(&world, &definitions["Mount"], |keys| format!("anonymous: {{ mounts: [{keys}] }}\n"));
    check_keys(&world, &definitions["SecretSource"], |keys| format!("users: [{{ password: {keys} }}]\n"));
    for variant in definitions["Backend"]["oneOf"].as_array().unwrap() {
        let kind = variant["properties"]["kind"]["const"].as_str().unwrap();
        check_keys(&world, variant, |keys| {
            format!("backends: {{ disk: {} }}\n", keys.replace("kind: []", &format!("kind: {kind}")))
        });
    }
    check_keys(&world, &schema, |keys| keys.trim_matches(['{', '}']).trim().replace(": [], ", ": []\n"));
}

/// Each known key with a value that fits nothing makes no unknown key; with a letter more, each of them does.
fn check_keys(world: &super::World, schema: &Value, place: impl Fn(&str) -> String) {
    let keys: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let write = |suffix: &str| {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| if *key == "kind" { "kind: []".to_owned() } else { format!("{key}{suffix}: []") })
            .collect();
        place(&format!("{{ {} }}", keys.join(", ")))
    };
    let complaints = world.complaints(&write(""));
    assert!(!complaints.contains("unknown key"), "{complaints}");
    let complaints = world.complaints(&write("zzzz"));
    let expected = keys.iter().filter(|key| *key != &"kind").count();
    // A key in place of a secret may be the secret, and is not repeated.
    let unknown =
        ["unknown key", "this is no place of a secret"].map(|text| complaints.matches(text).count());
    assert_eq!(unknown.iter().sum::<usize>(), expected, "{complaints}");
}

fn collect_properties(schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            object.values().for_each(|value| collect_properties(value, keys));
        }
        Value::Array(list) => list.iter().for_each(|value| collect_properties(value, keys)),
        _ => {}
    }
}

fn json_of(node: &tree::Node) -> Value {
    match &node.value {
        tree::Value::Null => Value::Null,
        tree::Value::Bool(value) => json!(value),
        tree::Value::Number(value) => json!(value),
        tree::Value::OtherNumber(number) => json!(number),
        tree::Value::Text(text) => json!(text),
        tree::Value::List(list) => list.iter().map(json_of).collect(),
        tree::Value::Map(map) => {
            let key = |key: &tree::Node| json_of(key).as_str().unwrap().to_owned();
            Value::Object(map.iter().map(|(name, value)| (key(name), json_of(value))).collect::<Map<_, _>>())
        }
    }
}

/// Every definition that a part of the schema stands for.
fn meant<'s>(schema: &'s Value, part: &'s Value) -> Vec<&'s Value> {
    let definition = part["$ref"].as_str().map(|name| schema.pointer(name.trim_start_matches('#')).unwrap());
    let choices = ["anyOf", "allOf", "oneOf"].into_iter().filter_map(|word| part[word].as_array()).flatten();
    let further: Vec<_> =
        definition.into_iter().chain(choices).flat_map(|part| meant(schema, part)).collect();
    if further.is_empty() { vec![part] } else { further }
}

/// A key that is misspelt there would be obeyed by nobody, and refused by nobody.
#[test]
fn what_an_engine_lacks_is_a_key() {
    let schema = generated();
    for lack in ENGINES.iter().flat_map(|engine| engine.lacks) {
        let mut parts = vec![&schema];
        for step in lack.path {
            let below = parts.into_iter().flat_map(|part| meant(&schema, part));
            let below =
                below.map(|part| if *step == "*" { &part["items"] } else { &part["properties"][step] });
            parts = below.filter(|part| !part.is_null()).collect();
        }
        assert!(!parts.is_empty(), "{:?}", lack.path);
    }
}
