//! What is kept is thrown away, and nobody is told of a file that was removed.

use serde_json::Value;

use super::{DISK, break_off, size, users};
use crate::events::receiver::Receiver;
use crate::support::{S3, Setup, noise, wait_until, wharf};

#[test]
fn no_file_was_removed() {
    let receiver = Receiver::new();
    let setup = Setup::new(format!(
        "
audit: [{{ to: {{ file: '{{folder}}/audit' }} }}]
backends:
  store: {DISK}
users:
  - {{ name: demo, password: demo, plain: true, backend: store, permissions: full, resume_uploads: 24h }}
  - {{ name: other, password: other, plain: true, backend: store, permissions: full }}
events:
  spool: '{{folder}}/events'
  to:
  - {{ name: hook, url: '{}', pause: 20ms, at_once: 1, on: ['file.*'] }}
",
        receiver.url()
    ));
    std::fs::create_dir(setup.folder().join("events")).unwrap();
    let server = setup.start();
    server.login_as("other", "other").store("f", b"old");
    let mut client = server.login();
    for name in ["f", "g"] {
        break_off(&server, server.login(), &format!("STOR {name}"), &noise(100_000, 41));
        let there = size(&mut client, name).to_string();
        client.expect(&format!("DELE {name}"), 250);
        let fields = [("path", &*format!("/{name}")), ("bytes", &*there)];
        server.log.expect("removed what was kept of an upload", &fields);
    }
    client.expect("DELE g", 550);
    assert_eq!(client.retrieve("f"), b"old");
    client.expect("DELE f", 250);
    client.store("last", b"x");

    let told: Vec<_> = receiver.expect(3).iter().map(|got| (got.kind(), got.path())).collect();
    let told: Vec<_> = told.iter().map(|(kind, path)| (&**kind, &**path)).collect();
    assert_eq!(told, [("file.stored", "/f"), ("file.removed", "/f"), ("file.stored", "/last")]);
    let audit = || std::fs::read_to_string(setup.folder().join("audit")).unwrap_or_default();
    wait_until("the audit is written", || audit().contains("\"/last\""));
    let records: Vec<Value> = audit().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |event: &str| {
        let of = records.iter().filter(|record| record["event"] == event);
        of.map(|record| record["path"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(of("change"), ["/f"]);
    assert_eq!(of("upload.removed"), ["/f", "/g"]);
}

/// Whoever may store files may throw away what is kept of their own, and no file.
#[test]
fn who_may_only_store_throws_it_away() {
    let setup = users(DISK);
    let server = setup.start();
    break_off(&server, server.login_as("sends", "sends"), "STOR f", &noise(100_000, 42));
    server.login_as("other", "other").store("f", b"old");
    let mut client = server.login_as("sends", "sends");
    size(&mut client, "f");
    client.expect("DELE f", 250);
    client.expect("DELE f", 550);
    assert_eq!(server.login_as("other", "other").retrieve("f"), b"old");
}

/// Others remove or rename its directory, in which there is nothing for them.
fn its_directory_is_gone(backend: &str) {
    let setup = users(backend).server("control: '{folder}/control.sock'");
    let server = setup.start();
    let mut other = server.login_as("other", "other");
    let mut client = server.login();
    let socket = setup.folder().join("control.sock");
    let uploads = |more: &[&str]| {
        let mut command = wharf(["uploads", "--socket", socket.to_str().unwrap()]);
        String::from_utf8(command.args(more).output().unwrap().stdout).unwrap()
    };
    let remove = ["--remove", "/d/f", "--user", "demo", "--backend", "store"];
    for (ends, removes) in [("RMD", "operator"), ("RMD", "user"), ("RNTO", "user")] {
        other.expect("MKD d", 257);
        break_off(&server, server.login(), "STOR d/f", &noise(100_000, 43));
        match ends {
            "RNTO" => {
                other.expect("RNFR d", 350);
                other.expect("RNTO e", 250);
            }
            _ => drop(other.expect("RMD d", 250)),
        }
        assert!(uploads(&[]).contains("store /d/f of demo: "), "{ends}");
        // Where the directory is made again, it is there.
        other.expect("MKD d", 257);
        let there = size(&mut client, "d/f");
        other.expect("RMD d", 250);
        match removes {
            "operator" => assert_eq!(uploads(&remove), "\"/d/f\" of \"demo\" is removed\n"),
            _ => {
                client.expect("DELE d/f", 250);
                let fields = [("path", "/d/f"), ("bytes", &there.to_string())];
                server.log.expect("removed what was kept of an upload", &fields);
                client.expect("DELE d/f", 550);
            }
        }
        assert_eq!(uploads(&[]), "no uploads are kept\n", "{ends}");
    }
    assert_eq!(other.names(""), ["e"]);
}

#[test]
fn its_directory_is_gone_on_a_disk() {
    its_directory_is_gone(DISK);
}

#[test]
fn its_directory_is_gone_in_a_bucket() {
    its_directory_is_gone(&S3::SeaweedFs.backend());
}
