//! The live page in a real browser. Each scenario in `tests/page` drives Chromium, and asks here for what has to happen at the server
//! and with its FTP clients.

mod crowd;
mod events;

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{ADMIN, Client, READ_ONLY, Running, Setup, request};

/// Any free port.
const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A server with the page at this address.
fn setup(address: SocketAddr, users: &str, lines: &[&str]) -> Setup {
    let rest = format!("backends:\n  disk: {{ kind: local, root: '{{folder}}/files' }}\nusers:\n{users}");
    lines.iter().fold(Setup::new(rest).admin_at(address), |setup, line| setup.server(line))
}

fn user(name: &str) -> String {
    format!(
        "  - {{ name: {name}, password: secret-of-{name}, plain: true, backend: disk, permissions: full }}\n"
    )
}

/// Runs a scenario; `act` does what it asks for, and tells what came of it.
#[track_caller]
fn drive(scenario: &str, address: SocketAddr, mut act: impl FnMut(&[&str]) -> Value) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page").join(scenario);
    let mut browser = Command::new("timeout")
        .args(["--kill-after=5", "170", "node"])
        .arg(script)
        .arg(format!("http://{address}"))
        .arg(pictures())
        .args([ADMIN, READ_ONLY])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = browser.stdin.take().unwrap();
    for line in BufReader::new(browser.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let words: Vec<String> =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("the scenario has said {line:?}"));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let answer = act(&words);
        // A scenario that is over needs none.
        let _over = writeln!(answers, "{answer}");
    }
    let status = browser.wait().unwrap();
    assert!(status.success(), "{scenario}: {status}; what went wrong stands above");
}

/// Where they are kept.
fn pictures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("pictures")
}

fn connect(server: &Running<'_>, user: &str) -> Client {
    server.login_as(user, &format!("secret-of-{user}"))
}

#[test]
fn an_empty_server_a_phone_and_other_colours() {
    let setup = setup(ANYWHERE, &user("looked-at"), &[]);
    let server = setup.start();
    let mut guest = None;
    drive("door.cjs", server.http_address(), |words| {
        match words {
            ["connect", user] => guest = Some(connect(&server, user)),
            ["disconnect"] => guest = None,
            _ => panic!("{words:?}"),
        }
        json!({})
    });
}

/// Everybody who can connect gets it, and nobody who does not want it.
#[test]
fn the_page_is_there_beside_the_interface_unless_it_is_not_wanted() {
    let get = |server: &Running<'_>, lines: &str| {
        request(server.http_address(), &format!("{lines}\r\nHost: localhost"))
    };
    let with = setup(ANYWHERE, &user("demo"), &[]);
    let server = with.start();
    let (status, answer) = get(&server, "GET / HTTP/1.1");
    assert!(status == 200 && answer.contains("content-security-policy: default-src 'none'"), "{answer}");
    let tag = answer.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    assert_eq!(get(&server, &format!("GET / HTTP/1.1\r\nIf-None-Match: {tag}")).0, 304);
    assert_eq!(get(&server, "GET /live/page.js HTTP/1.1").0, 200);
    assert_eq!(get(&server, "POST / HTTP/1.1\r\nContent-Length: 0").0, 405);
    let (status, answer) = get(&server, "GET /live/nothing.js HTTP/1.1");
    assert!(status == 404 && answer.contains("/api/v1"), "{answer}");
    let without = Setup::memory().admin_with(&format!("token: {ADMIN}, page: false"));
    let server = without.start();
    assert_eq!(get(&server, "GET / HTTP/1.1").0, 404);
    let asked = get(&server, &format!("GET /api/v1/access HTTP/1.1\r\nAuthorization: Bearer {ADMIN}"));
    assert_eq!(asked.0, 200, "{}", asked.1);
    let plain = Setup::memory().http();
    assert_eq!(get(&plain.start(), "GET / HTTP/1.1").0, 404);
}
