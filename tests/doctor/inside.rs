//! From inside: the machine, as a configuration would use it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, SystemTime};

use wharf_testing::block_on;
use wharf_testing::played::{Played, answer};

use super::Examined;
use crate::support::{S3, Setup, closed_port, wharf};

fn examine(config: &Path, more: &[&str]) -> Examined {
    Examined::new(None, &[&["--config", config.to_str().unwrap()], more].concat())
}

/// At an address of its own, where nobody else has a port.
fn setup(number: u8) -> Setup {
    Setup::local()
        .listen(&format!("127.9.0.{number}:2121"))
        .passive("ports: 20000-20009")
        .server("limits: { sessions: 100 }")
}

#[test]
fn a_machine_that_is_ready_has_no_problems() {
    let setup = setup(1).tls("required");
    let config = setup.write();
    let examined = examine(&config, &[]);
    examined.expect("ok", "configuration", &[]);
    examined.expect("ok", "ports", &["server.listen", "is free"]);
    examined.expect("ok", "passive-ports", &["10 passive ports", "can be used"]);
    examined.expect("ok", "certificate", &["localhost", "its key belongs to it"]);
    examined.expect("ok", "open-files", &["are enough"]);
    examined.expect("ok", "backend", &["disk (local)", "listed"]);
    examined.expect("note", "backend", &["--write"]);
    examined.expect_none("problem", "");
    assert_eq!(examined.status, Some(0));
}

#[test]
fn a_server_that_runs_is_no_error() {
    let setup = Setup::local()
        .server("control: '{folder}/control.sock'\n  limits: { sessions: 100 }")
        .passive("ports: 20000-20009");
    let server = setup.start();
    // The same configuration with the port that the server got.
    let text = fs::read_to_string(setup.folder().join("wharf.yaml")).unwrap();
    let config = setup.folder().join("running.yaml");
    fs::write(&config, text.replace("127.0.0.1:0", &server.address.to_string())).unwrap();
    let examined = examine(&config, &[]);
    examined.expect("ok", "ports", &["a Wharf listens there", &server.pid().to_string()]);
    examined.expect("ok", "open-files", &["of the running server"]);
    examined.expect("ok", "control", &["a server answers"]);
    examined.expect_none("problem", "");
}

#[test]
fn a_port_of_another_program_is_a_problem() {
    let _taken = TcpListener::bind("127.9.0.2:2121").unwrap();
    let setup = setup(2);
    let examined = examine(&setup.write(), &[]);
    examined.expect("problem", "ports", &["is taken by", &std::process::id().to_string()]);
    assert_eq!(examined.status, Some(1));
    let elsewhere = Setup::local().listen("192.0.2.1:2121");
    examine(&elsewhere.write(), &[]).expect("problem", "ports", &["no address of this machine"]);
}

#[test]
fn passive_ports_that_others_have_are_told() {
    let _taken = TcpListener::bind("127.9.0.3:20004").unwrap();
    let setup = setup(3);
    examine(&setup.write(), &[]).expect("warning", "passive-ports", &["are taken by", "20004"]);
    let setup = setup.passive("ports: 20004-20004");
    examine(&setup.write(), &[]).expect("problem", "passive-ports", &["are taken by", "20004"]);
}

#[test]
fn too_few_open_files_are_told() {
    let setup = Setup::local()
        .listen("127.9.0.6:2121")
        .passive("ports: 20000-20009")
        .server("limits: { sessions: 1000000000 }");
    examine(&setup.write(), &[]).expect("warning", "open-files", &["not for 1000000000", "LimitNOFILE"]);
}

#[test]
fn what_a_backend_may_is_tried_on_request_and_nothing_stays() {
    let setup = setup(4);
    let config = setup.write();
    let examined = examine(&config, &["--write"]);
    for done in ["stored", "read", "renamed", "removed"] {
        examined.expect("ok", "backend", &[&format!("disk: files can be {done}")]);
    }
    examined.expect("ok", "backend", &["is not overwritten"]);
    examined.expect_none("warning", "backend");
    let left: Vec<_> = fs::read_dir(setup.files()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == ".wharf-uploads"), "{left:?}");
}

#[test]
fn what_a_bucket_takes_is_tried_on_request() {
    let setup = Setup::new(format!(
        "
backends:
  lake: {}
users:
  - {{ name: demo, password: demo, plain: true, backend: lake, permissions: full }}
",
        S3::SeaweedFs.backend()
    ))
    .passive("ports: 20000-20009");
    let examined = examine(&setup.write(), &["--write", "--timeout", "1m"]);
    for done in ["stored", "read", "renamed", "stored in parts", "removed"] {
        examined.expect("ok", "backend", &[&format!("lake: files can be {done}")]);
    }
    examined.expect("ok", "backend", &["is not overwritten"]);
    examined.expect("ok", "clock", &["the same time"]);
    examined.expect_none("warning", "backend");
}

/// Only with `--write` anything is made.
#[test]
fn a_directory_that_the_server_will_make_is_left_to_it() {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/later', create_root: true }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full }
",
    )
    .passive("ports: 20000-20009");
    let config = setup.write();
    examine(&config, &[]).expect("note", "backend", &["later does not exist yet"]);
    assert!(!setup.folder().join("later").exists());
    examine(&config, &["--write"]).expect("ok", "backend", &["files can be removed"]);
    assert!(setup.folder().join("later").exists());
}

#[test]
fn a_store_that_is_not_there_or_refuses_is_a_problem() {
    let refusing = block_on(Played::always(answer(
        403,
        &[("date", "Mon, 01 Jan 2024 00:00:00 GMT"), ("content-type", "application/xml")],
        "<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
    )));
    let store = |url: &str| {
        format!(
            "
backends:
  lake: {{ kind: s3, bucket: b, region: us-east-1, endpoint: '{url}', access_key_id: a, secret_access_key: b }}
users:
  - {{ name: demo, password: demo, plain: true, backend: lake, permissions: full }}
"
        )
    };
    let setup = Setup::new(store(&refusing.url)).passive("ports: 20000-20009");
    let examined = examine(&setup.write(), &[]);
    examined.expect("problem", "backend", &["lake (s3)", "AccessDenied", "right to"]);
    examined.expect("problem", "clock", &["lake", "apart", "NTP"]);
    let (_kept, closed) = closed_port();
    let gone = format!("http://{closed}");
    let setup = Setup::new(store(&gone)).passive("ports: 20000-20009");
    let examined = examine(&setup.write(), &["--timeout", "2s"]);
    examined.expect("problem", "backend", &["lake (s3)"]);
    examined.expect("note", "clock", &["could not be asked"]);
}

#[test]
fn a_certificate_that_ends_is_told() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let setup = setup(5).tls("required");
    let config = setup.write();
    let examined = examine(&config, &[]);
    examined.expect("note", "certificate", &["no certificate between"]);
    examined.expect("ok", "certificate", &["server.crt"]);
    let now = SystemTime::now();
    for (end, level, word) in [
        (now + 15 * DAY, "warning", "renew"),
        (now + 3 * DAY, "problem", "renew"),
        (now - DAY, "problem", "has expired"),
    ] {
        setup.certificates().serve_until("server", &["localhost"], end);
        let examined = examine(&config, &[]);
        examined.expect(level, "certificate", &["server.crt", word]);
        examined.expect_none("ok", "certificate");
        let format = ["check", "--format", "json", "--config", config.to_str().unwrap()];
        let checked: serde_json::Value =
            serde_json::from_slice(&wharf(format).output().unwrap().stdout).unwrap();
        let is_told = |finding: &serde_json::Value| {
            (finding["severity"] == "warning" && finding["key"] == "tls.certificate")
                && finding["message"].as_str().is_some_and(|message| message.contains(word))
        };
        assert!(checked["findings"].as_array().unwrap().iter().any(is_told), "{checked}");
    }
}

/// It is the server's to remove, which may run at the same time.
#[test]
fn what_uploads_have_left_behind_stays() {
    let setup = setup(7);
    let config = setup.write();
    let folder = setup.files().join(".wharf-uploads");
    fs::create_dir_all(&folder).unwrap();
    let left = folder.join(".wharf-upload-1");
    fs::write(&left, "half a file").unwrap();
    examine(&config, &[]).expect("ok", "backend", &["listed"]);
    assert!(left.exists(), "the doctor has removed it");
    let checked = wharf(["check", "--connect", "--config", config.to_str().unwrap()]).output().unwrap();
    assert!(checked.status.success() && left.exists(), "{checked:?}");
}

#[test]
fn a_service_with_users_that_is_gone_is_a_problem() {
    let (_kept, closed) = closed_port();
    let url = format!("http://{closed}/users");
    let setup = Setup::new(format!(
        "
backends:
  scratch: {{ kind: memory, capacity: 1MiB }}
users: []
users_from: [ {{ http: '{url}' }} ]
"
    ))
    .passive("ports: 20000-20009");
    examine(&setup.write(), &[]).expect("problem", "users", &[&url, "430"]);
}

#[test]
fn a_scanner_that_is_gone_is_a_problem() {
    let (_kept, closed) = closed_port();
    let setup = Setup::new(format!(
        "
backends:
  scratch: {{ kind: memory, capacity: 1MiB }}
users:
  - {{ name: demo, password: demo, plain: true, backend: scratch, permissions: full }}
scan: {{ clamd: 'tcp://{closed}' }}
"
    ))
    .passive("ports: 20000-20009");
    examine(&setup.write(), &[]).expect("problem", "scanner", &[&closed.to_string(), "can't be used"]);
}
