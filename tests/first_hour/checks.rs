//! `wharf check` for pipelines, and `wharf explain`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use wharf_testing::json_schema::misfits;

use super::{Ran, finish, run};
use crate::support::{closed_port, wharf};

const BAD: &str = "server:
  passive: { ports: 60009-60000 }
  colour: blue
backends:
  disk: { kind: memory }
users:
  - { name: anna, password: hunter2, backend: dsik }
  - { name: anna, password: { hunter2: x }, backend: disk }
";

const GOOD: &str = "backends: { disk: { kind: memory } }\nusers: [{ name: anna, password: hunter2, plain: true, backend: disk }]\n";

fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// The document, which fits its schema.
#[track_caller]
fn document(folder: &Path, status: i32, arguments: &[&str]) -> Value {
    let ran = run(folder, &[&["check", "--format", "json"][..], arguments].concat(), "");
    assert_eq!(ran.status, Some(status), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stderr, "", "all of it is in the document");
    assert!(!ran.stdout.contains("hunter2"), "a secret is shown in\n{}", ran.stdout);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../docs/check.schema.json")).unwrap();
    assert_eq!(misfits(&schema, &schema, &document, ""), Vec::<String>::new(), "{document:#}");
    assert_eq!(document["status"], status);
    let count = |severity: &str| {
        document["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["severity"] == severity)
            .count()
    };
    assert_eq!(document["errors"], count("error"));
    assert_eq!(document["warnings"], count("warning"));
    document
}

fn findings(document: &Value) -> &[Value] {
    document["findings"].as_array().unwrap()
}

/// Its place: file, line, column, end and key.
fn place(finding: &Value) -> Value {
    json!([
        finding["file"],
        finding["line"],
        finding["column"],
        finding["end_line"],
        finding["end_column"],
        finding["key"]
    ])
}

#[test]
fn json_has_every_problem_with_its_place() {
    let folder = folder_with(&[("conf/bad.yaml", BAD)]);
    let document = document(folder.path(), 2, &["--config", "conf/bad.yaml"]);
    assert_eq!((&document["version"], &document["file"]), (&json!(1), &json!("conf/bad.yaml")));
    let places: Vec<_> = findings(&document).iter().map(place).collect();
    let file = "conf/bad.yaml";
    assert_eq!(
        places[..4],
        [
            json!([file, 2, 21, 2, 32, "server.passive.ports"]),
            json!([file, 3, 3, 3, 9, "server.colour"]),
            json!([file, 7, 29, 7, 36, "users[0].password"]),
            json!([file, 7, 47, 7, 51, "users[0].backend"]),
        ],
        "{document:#}"
    );
    let finding = &findings(&document)[0];
    assert_eq!(finding["message"], "the first port is higher than the last; did you mean 60000-60009?");
    assert_eq!(finding["advice"], "did you mean 60000-60009?");
}

#[test]
fn json_has_warnings_and_files_of_users() {
    let text = GOOD.replace("users:", "users_from: [{ directory: users.d }]\nusers:");
    let files = [
        ("wharf.yaml", text.as_str()),
        ("users.d/a.yaml", "name: bert\npasword: hunter2\nbackend: disk\n"),
        (
            "users.d/b.yaml",
            "- { name: carl, password: hunter2, plain: true, backend: disk }\n- { name: anna, password: hunter2, plain: true, backend: disk }\n",
        ),
    ];
    let folder = folder_with(&files);
    let document = document(folder.path(), 2, &["--config", "wharf.yaml"]);
    let errors: Vec<_> =
        findings(&document).iter().filter(|finding| finding["severity"] == "error").collect();
    assert!(
        errors.iter().any(|finding| place(finding) == json!(["users.d/a.yaml", 2, 1, 2, 8, "pasword"])),
        "{document:#}"
    );
    let twice = errors.iter().find(|finding| finding["file"] == "users.d/b.yaml").unwrap();
    assert_eq!(place(twice), json!(["users.d/b.yaml", 2, 11, 2, 15, "[1].name"]));
    let warning = findings(&document).iter().find(|finding| finding["severity"] == "warning").unwrap();
    assert_eq!(warning["file"], "wharf.yaml");
    // People see the same, with the line.
    let ran = run(folder.path(), &["check", "--config", "wharf.yaml"], "");
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.contains("users.d/b.yaml:2:11: user \"anna\" is defined in"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
}

#[test]
fn json_has_what_could_not_be_reached() {
    let (_held, address) = closed_port();
    let text = format!(
        "backends:
  disk: {{ kind: memory }}
  lost: {{ kind: s3, bucket: lost, endpoint: 'http://{address}', access_key_id: a, secret_access_key: hunter2 }}
users: [{{ name: anna, password: hunter2, plain: true, backend: lost, mounts: [{{ at: /x, backend: disk }}] }}]
"
    );
    let folder = folder_with(&[("wharf.yaml", &text)]);
    let document = document(folder.path(), 1, &["--config", "wharf.yaml", "--connect"]);
    let tried = document["tried"].as_array().unwrap();
    assert_eq!((&tried[0]["name"], &tried[0]["reached"]), (&json!("disk"), &json!(true)));
    assert_eq!(
        (&tried[1]["name"], &tried[1]["reached"], &tried[1]["kind"]),
        (&json!("lost"), &json!(false), &json!("s3"))
    );
    let finding = findings(&document).iter().find(|finding| finding["severity"] == "error").unwrap();
    assert_eq!(place(finding), json!(["wharf.yaml", 3, 3, 3, 7, "backends.lost"]));
    let message = finding["message"].as_str().unwrap();
    assert!(
        message.starts_with("backend lost (s3): ") && message.contains(tried[1]["message"].as_str().unwrap()),
        "{message}"
    );
    let ran = run(folder.path(), &["check", "--config", "wharf.yaml", "--connect", "--format", "github"], "");
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(1), ""));
    assert!(
        ran.stdout.contains("::error file=wharf.yaml,line=3,endLine=3,col=3,endColumn=6,"),
        "{}",
        ran.stdout
    );
}

#[test]
fn json_has_what_has_no_place() {
    let folder = folder_with(&[("empty.yaml", ""), ("good.yaml", GOOD), ("broken.yaml", "a: [\n")]);
    for name in ["empty.yaml", "absent.yaml"] {
        let document = document(folder.path(), 2, &["--config", name]);
        assert_eq!(place(&findings(&document)[0]), json!([name, null, null, null, null, null]));
    }
    let broken = document(folder.path(), 2, &["--config", "broken.yaml"]);
    assert_eq!(findings(&broken)[0]["line"], 1, "{broken:#}");
    let account = document(folder.path(), 2, &["--config", "good.yaml", "--as-user", "nobody-of-this-name"]);
    assert_eq!(findings(&account)[0]["file"], Value::Null);
    let good = document(folder.path(), 0, &["--config", "good.yaml"]);
    assert_eq!(good["errors"], 0);
}

/// Whatever stands in a file, the document is one, and no line of it is a command of a workflow.
#[test]
fn hostile_files_break_neither() {
    for text in [
        "\"::error::x\\n::set-output name=a::b\": 1\n",
        "a\n::error::x\n",
        "server: { listen: [\"::error file=x::y\"] }\n",
        "? \"\\e[2J%0A::error::\"\n: x\n",
        "users: [{ name: \"a\\r\\n::warning::b\", password: { hunter2: 1 } }]\nbackends: { \"x\\n::error::\": { kind: memory } }\n",
        "password: hunter2\n\u{2028}::error::\n",
        "- hunter2: &a [*a]\n",
        "users: [{ password: { hunter2secret } }]\n",
        "users: [{ password: hunter2 }, { password: [hunter2], name: { password: hunter2 } }]\n",
    ] {
        let name = "a,b%:c.yaml";
        let folder = folder_with(&[(name, text)]);
        document(folder.path(), 2, &["--config", name]);
        let ran = run(folder.path(), &["check", "--config", name, "--format", "github"], "");
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(2), ""));
        assert!(!ran.stdout.contains("hunter2"), "{}", ran.stdout);
        for line in ran.stdout.lines() {
            assert!(line.starts_with("::error file=a%2Cb%25%3Ac.yaml,"), "{line}");
            assert!(!line.contains('\r') && !line.contains('\u{1b}'), "{line:?}");
        }
    }
}

#[test]
fn annotations_name_files_as_the_repository_does() {
    let folder = folder_with(&[("deploy/conf/wharf.yaml", "colour: blue\n")]);
    let annotate = |from: &str, file: &str, root: Option<&str>| {
        let mut command = wharf(["check", "--format", "github", "--config", file]);
        command.current_dir(folder.path().join(from));
        // The last word is that of the runner.
        let Ran { status, stdout, .. } = match root {
            None => finish(&mut command),
            Some(word @ ("env" | "empty")) => {
                let root = if word == "env" { folder.path() } else { Path::new("") };
                let output = command.env("GITHUB_WORKSPACE", root).output().unwrap();
                let stdout = String::from_utf8(output.stdout).unwrap();
                Ran { status: output.status.code(), stdout, stderr: String::new() }
            }
            Some(root) => finish(command.args(["--relative-to", root])),
        };
        assert_eq!(status, Some(2));
        stdout
    };
    let whole = folder.path().join("deploy/conf/wharf.yaml");
    for (from, file, root, shown) in [
        ("", "deploy/conf/wharf.yaml", Some("empty"), "deploy/conf/wharf.yaml"),
        ("", "deploy/conf/wharf.yaml", None, "deploy/conf/wharf.yaml"),
        ("", whole.to_str().unwrap(), None, "deploy/conf/wharf.yaml"),
        ("deploy", "conf/wharf.yaml", Some("env"), "deploy/conf/wharf.yaml"),
        ("deploy/conf", "../conf/wharf.yaml", Some("env"), "deploy/conf/wharf.yaml"),
        ("deploy/conf", "wharf.yaml", Some(".."), "conf/wharf.yaml"),
    ] {
        let said = annotate(from, file, root);
        assert!(
            said.starts_with(&format!("::error file={shown},line=1,endLine=1,col=1,endColumn=6,")),
            "{said}"
        );
    }
}

#[test]
fn a_key_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let explain = |arguments: &[&str]| run(folder.path(), &[&["explain"][..], arguments].concat(), "");
    let ran = explain(&["users[0].limits.sessions"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    for part in [
        "users[].limits.sessions\n",
        "  type      number\n",
        "  default   ",
        "  range     1 or more\n",
        "  example   sessions: ",
        "wharf reload",
    ] {
        assert!(ran.stdout.contains(part), "{part} in\n{}", ran.stdout);
    }
    let ran = explain(&[]);
    assert!(ran.status == Some(0) && ran.stdout.contains("  backends    "), "{}", ran.stdout);
    let ran = explain(&["users.limit"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("did you mean `users[].limits`?"), "{}", ran.stderr);
    let all = explain(&["--all"]);
    assert!(all.status == Some(0) && all.stdout.contains("\ns3.bucket\n"), "{}", all.stdout);
    assert!(all.stdout.lines().all(|line| line.chars().count() <= 160), "{}", all.stdout);
}
