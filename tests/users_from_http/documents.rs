//! What is written about the protocol is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::service::{Service, json};
use super::{login, setup};
use crate::support::{Program, Setup, Way, curl};

const EXAMPLE: &str = "examples/users_from_http.py";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document() -> Value {
    let text = fs::read_to_string(root().join("docs/users-from-http.openapi.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// The value that a `$ref` leads to.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(path) => document.pointer(path.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("{path}")),
        None => value,
    }
}

fn names(schema: &Value) -> BTreeSet<&str> {
    schema["properties"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_document_of_the_protocol_is_what_is_spoken() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/"]);
    let post = &document["paths"]["/"]["post"];
    let json_of = |value: &'_ Value| value["content"]["application/json"].clone();
    // Its answers are those that the server understands.
    let answers = json_of(&post["responses"]["200"]);
    let examples = answers["examples"].as_object().unwrap().clone();
    let shown: Vec<&str> = examples.keys().map(String::as_str).collect();
    assert_eq!(shown, ["refused", "unknown", "user"]);
    let service = Service::new(move |asked| json(&examples[asked.text("name")]["value"]));
    let setup = setup(&service, ", cache: 1m");
    let server = setup.start();
    for (name, code) in [("user", 230), ("unknown", 530), ("refused", 530), ("user", 230)] {
        assert_eq!(login(&server, name, "x"), code, "{name}");
    }
    server.log.expect_warning(
        "login failed",
        &[("cause", "refused by the service that was asked: the account is disabled")],
    );
    assert_eq!(service.asked().len(), 3, "the answer says how long it holds");
    // A question has what its schema says, and the host and the certificate if there are any.
    let question = json_of(&post["requestBody"]);
    let schema = resolved(&document, &question["schema"]);
    let asked = service.asked().remove(0);
    let sent: BTreeSet<&str> = asked.body.as_object().unwrap().keys().map(String::as_str).collect();
    let required: BTreeSet<&str> =
        schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(sent, required);
    assert_eq!(names(schema), required.into_iter().chain(["host", "certificate"]).collect());
    let example: BTreeSet<&str> =
        question["example"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(example, names(schema));
    // An entry has the keys of `users` but for those of the proof.
    let text = fs::read_to_string(root().join("config/wharf.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let mut keys = names(&schema["definitions"]["User"]);
    for proof in ["name", "password", "plain", "certificate", "login"] {
        assert!(keys.remove(proof), "{proof}");
    }
    assert_eq!(names(&document["components"]["schemas"]["User"]), keys);
    for (described, defined) in [("Mount", "Mount"), ("Limits", "UserLimits")] {
        let described = names(&document["components"]["schemas"][described]);
        assert_eq!(described, names(&schema["definitions"][defined]), "{defined}");
    }
}

#[test]
fn the_example_is_a_service() {
    let source = fs::read_to_string(root().join(EXAMPLE)).unwrap();
    assert!(source.lines().count() <= 30, "it is to be read at a glance");
    let folder = tempfile::tempdir().unwrap();
    let program = Program::new("python3", folder.path()).arg(root().join(EXAMPLE)).arg("0");
    let mut example = program.env("TOKEN", "a-secret-token").start();
    let port = example.first_line();
    let setup = |token: &str| {
        Setup::new(format!(
            "
backends:
  scratch: {{ kind: memory, capacity: 64MiB }}
users_from:
  - {{ http: \"http://127.0.0.1:{port}/\", token: {token}, timeout: 50s, cache: 1m }}
"
        ))
    };
    let good = setup("a-secret-token");
    let server = good.start();
    assert_eq!((login(&server, "demo", "wrong"), login(&server, "nobody", "demo")), (530, 530));
    server.log.expect_warning("login failed", &[("cause", "…wrong password")]);
    server.log.expect_warning("login failed", &[("cause", "unknown user")]);
    let file = folder.path().join("file");
    fs::write(&file, "12345").unwrap();
    let url = format!("ftp://{}/file", server.address);
    curl(&server, Way::PLAIN, folder.path()).arg("--upload-file").arg(&file).arg(&url).run();
    assert_eq!(curl(&server, Way::PLAIN, folder.path()).arg(&url).run(), "12345");
    drop(server);
    let bad = setup("another-token");
    let server = bad.start();
    let url = format!("ftp://{}/file", server.address);
    // curl says so by its status: a login was refused.
    assert_eq!(curl(&server, Way::PLAIN, folder.path()).arg(&url).output().status, 67);
    server.log.expect_warning(
        "the service with the users gives no answer",
        &[("cause", "status 401, and not 200")],
    );
}
