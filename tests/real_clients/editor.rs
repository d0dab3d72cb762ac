//! The schema in an editor: what a real YAML language server says of a file.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Program, client_script};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the server says of a text, and at places in it: `hover` or `completion`, with the marked words behind which it is asked.
fn ask(text: &str, places: &[(&str, &str)]) -> (Vec<(String, u64, u64)>, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join("config/wharf.schema.json"), folder.path().join("wharf.schema.json")).unwrap();
    let file = folder.path().join("wharf.yaml");
    fs::write(&file, text).unwrap();
    let places: Vec<Value> = places
        .iter()
        .map(|(ask, words)| {
            let at = text.find(words).unwrap() + words.len();
            let line = text[..at].matches('\n').count();
            let character = text[..at].rsplit('\n').next().unwrap().chars().count();
            json!({ "ask": ask, "line": line, "character": character })
        })
        .collect();
    let modules = root().join(".test-tools/yaml-language-server/node_modules");
    assert!(modules.exists(), "{} is missing: run scripts/install-test-tools test", modules.display());
    let said = Program::new("node", folder.path())
        .env("NODE_PATH", &modules)
        .arg(client_script("yaml_editor.cjs"))
        .arg(modules.join("yaml-language-server/bin/yaml-language-server"))
        .arg(file)
        .arg(Value::from(places).to_string())
        .run();
    let said: Value = serde_json::from_str(&said).unwrap();
    let place = |diagnostic: &Value| {
        let start = &diagnostic["range"]["start"];
        let message = diagnostic["message"].as_str().unwrap().to_owned();
        (message, start["line"].as_u64().unwrap(), start["character"].as_u64().unwrap())
    };
    let diagnostics = said["diagnostics"].as_array().unwrap().iter().map(place).collect();
    (diagnostics, said["answers"].as_array().unwrap().clone())
}

#[test]
fn wrong_keys_are_marked_and_right_ones_explained_and_completed() {
    let text = "\
# yaml-language-server: $schema=wharf.schema.json
server:
  idle_timeot: 5m
  passive: { ports: 50000-50099 }
backends:
  disk: { kind: local, root: x, bucket: y }
users:
  - name: a
    password: x
    backend: disk
    limits:
      \n";
    let places = [("hover", "por"), ("completion", "limits:\n      "), ("hover", "lim")];
    let (mut diagnostics, answers) = ask(text, &places);
    diagnostics.sort_by_key(|(_, line, _)| *line);
    assert_eq!(
        diagnostics,
        [
            ("Property idle_timeot is not allowed.".to_owned(), 2, 2),
            ("Property bucket is not allowed.".to_owned(), 5, 32)
        ]
    );
    let hover = |answer: &Value| answer["contents"]["value"].as_str().unwrap().replace('\\', "");
    let help = |key: &str| {
        let schema: Value =
            serde_json::from_str(&fs::read_to_string(root().join("config/wharf.schema.json")).unwrap())
                .unwrap();
        let help = schema.pointer(key).unwrap()["description"].as_str().unwrap().to_owned();
        help.split('.').next().unwrap().to_owned()
    };
    assert!(hover(&answers[0]).contains(&help("/definitions/Passive/properties/ports")), "{answers:#?}");
    assert!(hover(&answers[2]).contains(&help("/definitions/User/properties/limits")), "{answers:#?}");
    let offered: Vec<_> =
        answers[1]["items"].as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap()).collect();
    for key in ["sessions", "upload", "download"] {
        assert!(offered.contains(&key), "{key} in {offered:?}");
    }
}

/// As its tool checks it, which refuses formats and keywords that it doesn't know.
#[test]
fn schemastore_takes_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let schema = root().join("config/wharf.schema.json");
    let check = |schema: &Path| {
        Program::new("node", folder.path())
            .env("NODE_PATH", root().join(".test-tools/yaml-language-server/node_modules"))
            .arg(client_script("schemastore.cjs"))
            .arg(schema)
            .args(["quickstart.yaml", "production.yaml"].map(|name| root().join("config").join(name)))
            .output()
    };
    let said = check(&schema);
    assert!(said.status == 0 && said.stdout.contains("taken, and 2 files"), "{said}");
    // One with a word of Rust's would be refused.
    let other = folder.path().join("other.json");
    let text = fs::read_to_string(schema).unwrap();
    fs::write(
        &other,
        text.replacen("\"type\": \"string\"", "\"type\": \"string\", \"format\": \"uint64\"", 1),
    )
    .unwrap();
    let said = check(&other);
    assert!(said.status != 0 && said.stderr.contains("uint64"), "{said}");
}

#[test]
fn what_ships_has_no_mark() {
    for name in ["config/quickstart.yaml", "config/production.yaml", "deploy/compose/wharf.yaml"] {
        let text = fs::read_to_string(root().join(name)).unwrap();
        let text = text.replace("../../config/wharf.schema.json", "wharf.schema.json");
        assert_eq!(ask(&text, &[]).0, [], "{name}");
    }
    // A file of `users.d` is one entry of `users`.
    let text = "# yaml-language-server: $schema=wharf.schema.json#/definitions/User\nname: anna\npasword: x\nbackend: disk\n";
    assert_eq!(ask(text, &[]).0, [("Property pasword is not allowed.".to_owned(), 2, 0)]);
}
