//! The numbers with which curl ends are those of the table in docs/troubleshooting.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{Program, Running, Setup, closed_port, more_than_is_buffered, wait_until};

const USERS: &str = "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full, limits: { transfers: 1 } }
  - { name: up, password: up, plain: true, backend: disk, permissions: upload-only }
  - { name: small, password: small, plain: true, backend: disk, permissions: full, limits: { file_size: 1MiB } }
";

/// The status of curl, and what it says.
#[track_caller]
fn curl<const N: usize>(folder: &Path, user: &str, arguments: [&str; N]) -> (i32, String) {
    let program =
        Program::new("curl", folder).args(["--disable", "--silent", "--show-error", "--max-time", "60"]);
    let outcome = program.args(["--user", user]).args(arguments).output();
    (outcome.status, outcome.stderr)
}

fn url(server: &Running<'_>, path: &str) -> String {
    format!("ftp://{}/{path}", server.address)
}

#[test]
fn are_those_of_the_guide() {
    let setup = Setup::new(USERS)
        .tls("optional")
        .server("implicit_tls_listen: [\"127.0.0.1:0\"]")
        .server("login_timeout: 10s");
    let server = setup.start();
    let folder = setup.folder();
    fs::write(setup.files().join("file"), "content").unwrap();
    fs::write(folder.join("big"), more_than_is_buffered()).unwrap();
    let mut seen = BTreeSet::new();
    let mut expect = |number: i32, word: &str, (status, said): (i32, String)| {
        assert!(status == number && said.contains(word), "{number} {word}: {status} {said}");
        seen.insert(number);
    };
    let (_held, closed) = closed_port();
    let nobody = format!("ftp://{closed}/");
    expect(7, "Failed to connect", curl(folder, "demo:demo", [&nobody]));
    expect(9, "change to the given directory", curl(folder, "demo:demo", [&url(&server, "missing/")]));
    expect(25, "Failed FTP upload: 550", curl(folder, "up:up", ["-T", "wharf.yaml", &url(&server, "file")]));
    // It depends on what curl hears of first: the reply, or the end of the data connection.
    let (status, said) = curl(folder, "small:small", ["-T", "big", &url(&server, "new")]);
    assert!([55, 70].contains(&status), "{status} {said}");
    expect(55, "", (55, said));
    expect(67, "530", curl(folder, "demo:wrong", [&url(&server, "")]));
    expect(78, "does not exist", curl(folder, "demo:demo", [&url(&server, "missing")]));
    expect(60, "certificate", curl(folder, "demo:demo", ["--ssl-reqd", &url(&server, "")]));
    let implicit = format!("ftp://{}/", server.implicit_address());
    expect(56, "response reading failed", curl(folder, "demo:demo", [&implicit]));
    // `Program::output` would try this one again.
    let tls = format!("ftps://{}/", server.address);
    let output = std::process::Command::new("curl")
        .args(["--disable", "--silent", "--show-error", "--max-time", "60", "--user", "demo:demo", &tls])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    expect(35, "", (output.status.code().unwrap(), said));
    // The one transfer that the user may have.
    let mut client = server.login();
    let held = client.start_transfer("STOR held");
    expect(19, "RETR response: 450", curl(folder, "demo:demo", [&url(&server, "file")]));
    server.terminate();
    server.log.expect("stopping", &[]);
    expect(28, "", curl(folder, "demo:demo", [&url(&server, "")]));
    drop(held);
    let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/troubleshooting.md")).unwrap();
    let (_, table) = guide.split_once("| curl | FileZilla |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let numbers: BTreeSet<i32> =
        rows.map(|row| row[2..4].trim_end_matches([':', ' ']).parse().unwrap()).collect();
    assert_eq!(numbers, seen, "docs/troubleshooting.md");
}

/// curl takes 421 for a timeout, and the text is in what `-v` shows.
#[test]
fn a_stop_is_told_at_once() {
    let setup = Setup::new(USERS).server("shutdown_grace: 60s");
    let server = setup.start();
    let mut client = server.login();
    let held = client.start_transfer("STOR held");
    server.terminate();
    wait_until("it is stopping", || server.log.find(|line| line.says("stopping")).is_some());
    let began = std::time::Instant::now();
    let (status, said) = curl(setup.folder(), "demo:demo", ["--verbose", &url(&server, "")]);
    assert!(status == 28 && said.contains("421 The server is stopping; try again in "), "{status} {said}");
    // Far from the 60 seconds that curl would wait.
    assert!(began.elapsed().as_secs() < 30, "{said}");
    drop(held);
}

#[test]
fn tls_that_is_required_is_a_refused_login() {
    let setup = Setup::new(USERS).tls("required");
    let server = setup.start();
    let (status, said) = curl(setup.folder(), "demo:demo", [&url(&server, "")]);
    assert!(status == 67 && said.contains("534"), "{status} {said}");
}
