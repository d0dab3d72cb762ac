//! The program as an operator starts it: arguments, files, what is printed where, and exit statuses.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{Setup, closed_port, wharf};

struct Ran {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

#[track_caller]
fn run(command: &mut Command) -> Ran {
    read(&command.output().unwrap())
}

fn read(output: &Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

fn with_input(command: &mut Command, input: &str) -> Ran {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    read(&child.wait_with_output().unwrap())
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

mod check {
    use super::*;

    #[test]
    fn says_that_a_file_is_good() {
        let setup = Setup::local();
        let config = setup.write();
        let ran = run(&mut wharf(["check", "--config", path(&config)]));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(!ran.stdout.trim().is_empty(), "it says so");
    }

    /// One file with everything wrong that the configuration's page names.
    #[test]
    fn says_everything_that_is_wrong_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("bad.yaml");
        fs::write(
            &config,
            "server:
  listen: [\"127.0.0.1:0\", nowhere]
  passive: { ports: 60000-50000 }
  idle_timeout: 5 parsecs
  colour: blue
tls: { mode: required, certificate: missing.crt, key: missing.key }
backends:
  disk: { kind: local, root: ./files }
  scratch: { kind: memory, capacity: lots }
users:
  - { name: one, password: hunter2, backend: disk }
  - { name: two, password: hunter2, plain: true, backend: dsik }
  - { name: two, password: hunter2, plain: true, backend: disk, permissions: everything }
  - { name: three, password: { env: WHARF_TEST_NOT_SET }, plain: true, backend: disk }
  - name: four
    password: hunter2
    plain: true
    backend: disk
    mounts: [ { at: /same, backend: disk }, { at: /same, backend: scratch } ]
",
        )
        .unwrap();
        fs::create_dir(folder.path().join("files")).unwrap();
        let ran = run(&mut wharf(["check", "--config", path(&config)]));
        assert_eq!(ran.status, Some(2));
        let said = ran.stderr;
        // Each with its line and what stands there.
        for (line, written) in [
            (2, "nowhere"),
            (3, "60000-50000"),
            (4, "5 parsecs"),
            (5, "colour"),
            (6, "missing.crt"),
            (6, "missing.key"),
            (9, "lots"),
            (12, "dsik"),
            (13, "two"),
            (13, "everything"),
            (14, "WHARF_TEST_NOT_SET"),
            (19, "/same"),
        ] {
            assert!(said.contains(written), "nothing about {written} in\n{said}");
            assert!(said.contains(&format!("bad.yaml:{line}:")), "no line {line} ({written}) in\n{said}");
        }
        // The hash of user one is no hash: said, but what it is stays hidden.
        assert!(said.contains("bad.yaml:11:"), "nothing about the password of line 11 in\n{said}");
        assert!(!said.contains("hunter2") && !ran.stdout.contains("hunter2"), "a secret is shown in\n{said}");
    }

    /// A secret that stands in the wrong place is a secret all the same.
    #[test]
    fn shows_no_secret_that_stands_where_none_is_expected() {
        let user = |rest: &str| {
            format!("backends: {{ scratch: {{ kind: memory }} }}\nusers:\n{rest}    backend: scratch\n")
        };
        let backend = |rest: &str| format!("backends:\n  lake: {{ {rest} }}\nusers: []\n");
        let endpoint = "https://x.example/?sv=1&sig=hunter2secret";
        for text in [
            user("  - name: demo\n    password hunter2secret\n"),
            user("  - name: demo\n    password:hunter2secret\n"),
            user("  - name: demo\n    plain: true\n    password: [hunter2secret]\n"),
            user("  - name: demo\n    plain: true\n    password: { evn: hunter2secret }\n"),
            user("  - name: demo\n    plain: true\n    password: { env: \"hunter2secret\n"),
            user("  - name: demo\n    pasword: hunter2secret\n"),
            user("  - { name: demo, password hunter2secret }\n"),
            backend(&format!(
                "kind: azure, account: a, container: c, anonymous: true, endpoint: '{endpoint}'"
            )),
            backend(&format!("kind: s3, bucket: b, anonymous: true, endpoint: '{endpoint}'")),
            backend("kind: s3, bucket: b, anonymous: true, endpoint: 'https://key:hunter2secret@x.example'"),
            backend("kind: azure, account: a, container: c, access_key: hunter2secret"),
            backend("kind: gcs, bucket: b, service_account_key: hunter2secret"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let config = folder.path().join("wharf.yaml");
            fs::write(&config, &text).unwrap();
            for command in ["check", "serve"] {
                let ran = run(&mut wharf([command, "--config", path(&config)]));
                assert_eq!(ran.status, Some(2), "{text}\n{}", ran.stderr);
                let said = ran.stdout + &ran.stderr;
                assert!(said.contains("wharf.yaml:"), "no place in {said}\nabout\n{text}");
                assert!(!said.contains("hunter2secret"), "a secret is shown in\n{said}\nabout\n{text}");
            }
        }
    }

    #[test]
    fn says_where_the_yaml_breaks() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("broken.yaml");
        fs::write(&config, "server: { listen: [\n").unwrap();
        let ran = run(&mut wharf(["check", "--config", path(&config)]));
        assert_eq!(ran.status, Some(2));
        assert!(ran.stderr.contains("broken.yaml:"), "{}", ran.stderr);
    }

    #[test]
    fn warns_of_what_is_no_mistake_for_certain() {
        let hash = with_input(&mut wharf(["hash-password"]), "open sesame\n").stdout;
        let setup = Setup::new(format!(
            "
backends:
  scratch: {{ kind: memory }}
users:
  - {{ name: demo, password: '{}', plain: true, backend: scratch }}
",
            hash.trim()
        ));
        let config = setup.write();
        let ran = run(&mut wharf(["check", "--config", path(&config)]));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(
            ran.stderr.starts_with("warning: ") && ran.stderr.contains("whoever has seen it"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("$argon2id"), "{}", ran.stderr);
        let server = setup.start();
        let warning = server.log.expect_warning("whoever has seen it", &[]);
        assert!(warning.says("plain: true"), "{warning:?}");
        server.login_as("demo", hash.trim());
    }

    #[test]
    fn says_that_a_file_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("absent.yaml");
        for command in ["check", "serve"] {
            let ran = run(&mut wharf([command, "--config", path(&config)]));
            assert_eq!(ran.status, Some(2));
            assert!(ran.stderr.contains("absent.yaml"), "{}", ran.stderr);
        }
    }

    #[test]
    fn tries_each_backend_if_told_to() {
        let setup = Setup::local();
        let config = setup.write();
        let ran = run(&mut wharf(["check", "--connect", "--config", path(&config)]));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.contains("disk"), "{}", ran.stdout);

        let (_held, address) = closed_port();
        let setup = Setup::new(format!(
            "
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
  lost: {{ kind: s3, bucket: lost, region: us-east-1, endpoint: 'http://{address}', access_key_id: a, secret_access_key: topsecret }}
users:
  - {{ name: demo, password: demo, plain: true, backend: lost }}
"
        ));
        let config = setup.write();
        assert_eq!(
            run(&mut wharf(["check", "--config", path(&config)])).status,
            Some(0),
            "only --connect tries"
        );
        let ran = run(&mut wharf(["check", "--connect", "--config", path(&config)]));
        assert_eq!(ran.status, Some(1), "{}{}", ran.stdout, ran.stderr);
        let said = ran.stdout + &ran.stderr;
        assert!(said.contains("lost") && said.contains("disk"), "{said}");
        assert!(!said.contains("topsecret"), "{said}");
    }

    #[test]
    fn likes_the_files_that_ship() {
        for name in ["quickstart.yaml", "production.yaml"] {
            let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
            assert!(shipped.exists(), "{name}");
        }
        let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/quickstart.yaml");
        let folder = tempfile::tempdir().unwrap();
        let ran = run(wharf(["check", "--config", path(&quickstart)]).current_dir(&folder));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    }
}

mod hash_password {
    use super::*;

    #[test]
    fn makes_a_hash_to_log_in_with() {
        let ran = with_input(&mut wharf(["hash-password"]), "open sesame\n");
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        let hash = ran.stdout.trim_end_matches('\n');
        assert!(hash.starts_with("$argon2id$") && !hash.contains('\n'), "{hash}");
        let setup = Setup::new(format!(
            "
backends:
  scratch: {{ kind: memory }}
users:
  - {{ name: demo, password: '{hash}', backend: scratch }}
"
        ));
        let server = setup.start();
        server.login_as("demo", "open sesame").expect("PWD", 257);
    }

    #[test]
    fn never_makes_the_same_twice() {
        let hash = || with_input(&mut wharf(["hash-password"]), "open sesame\n").stdout;
        assert_ne!(hash(), hash());
    }

    #[test]
    fn wants_a_password() {
        for input in ["", "\n"] {
            let ran = with_input(&mut wharf(["hash-password"]), input);
            assert_ne!(ran.status, Some(0));
            assert!(ran.stdout.is_empty() && !ran.stderr.is_empty());
        }
    }
}

#[test]
fn half_an_output_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wharf.yaml");
    fs::write(&file, "backends: { m: { kind: memory, capacity: 1MiB } }\n").unwrap();
    let file = file.to_str().unwrap();
    for arguments in [
        &["schema"][..],
        &["completions", "bash"],
        &["explain", "--all"],
        &["check", "--config", file, "--format", "json"],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ran = run(wharf([]).args(arguments).stdout(full));
        assert_eq!(ran.status, Some(1), "{arguments:?}");
        assert!(ran.stderr.contains("standard output"), "{arguments:?}: {}", ran.stderr);
    }
}

mod schema {
    use super::*;

    #[test]
    fn is_the_one_that_ships() {
        let ran = run(&mut wharf(["schema"]));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/wharf.schema.json");
        assert!(
            ran.stdout == fs::read_to_string(shipped).unwrap(),
            "config/wharf.schema.json is out of date: cargo run -- schema > config/wharf.schema.json"
        );
        let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(schema["properties"]["backends"].is_object());
    }
}

mod help {
    use super::*;

    #[test]
    fn shows_examples() {
        let ran = run(&mut wharf(["--help"]));
        assert_eq!(ran.status, Some(0));
        for word in ["serve", "check", "hash-password", "schema", "wharf serve --config"] {
            assert!(ran.stdout.contains(word), "nothing about {word} in\n{}", ran.stdout);
        }
        for command in ["serve", "check", "hash-password", "schema"] {
            let ran = run(&mut wharf([command, "--help"]));
            assert_eq!(ran.status, Some(0));
            assert!(ran.stdout.contains(&format!("wharf {command}")), "no example in\n{}", ran.stdout);
        }
    }

    #[test]
    fn names_the_version() {
        let ran = run(&mut wharf(["--version"]));
        assert_eq!(ran.status, Some(0));
        assert_eq!(ran.stdout.trim_end(), format!("wharf {}", env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn wrong_usage_is_status_2() {
        for arguments in
            [&["srve"][..], &["serve", "--colour"], &["check"], &["serve", "--log-format", "xml"], &[]]
        {
            let ran = run(wharf([]).args(arguments));
            assert_eq!(ran.status, Some(2), "{arguments:?}: {}", ran.stderr);
            assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{arguments:?}");
        }
    }
}

mod serve {
    use super::*;

    #[test]
    fn a_bad_file_is_status_2_and_every_problem() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("bad.yaml");
        fs::write(&config, "servr: {}\nbackends: {}\nusers: [ { name: x } ]\n").unwrap();
        let ran = run(&mut wharf(["serve", "--config", path(&config)]));
        assert_eq!(ran.status, Some(2));
        assert!(ran.stderr.contains("servr") && ran.stderr.contains("bad.yaml:3:"), "{}", ran.stderr);
    }

    #[test]
    fn a_taken_port_is_status_1_and_a_sentence() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("wharf.yaml");
        fs::write(
            &config,
            format!(
                "server: {{ listen: [\"{address}\"] }}
backends: {{ scratch: {{ kind: memory }} }}
users: [ {{ name: demo, password: demo, plain: true, backend: scratch }} ]
"
            ),
        )
        .unwrap();
        let ran = run(&mut wharf(["serve", "--config", path(&config)]));
        assert_eq!(ran.status, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains(&address.to_string()), "{}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }

    /// The log is for programs here; a line that is none would break what reads it.
    #[test]
    fn every_line_of_the_json_log_is_json() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        client.store("file", b"x");
        client.expect("QUIT", 221);
        client.expect_end();
        server.log.expect("session closed", &[("user", "demo")]);
        let lines = server.log.lines();
        assert!(lines.len() > 3, "{lines:?}");
        for line in lines {
            let has_all =
                ["timestamp", "level", "target", "fields"].iter().all(|name| line.value.get(name).is_some());
            assert!(has_all && !line.message().is_empty(), "{line:?}");
        }
    }
}
