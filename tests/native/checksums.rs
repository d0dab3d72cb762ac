//! Checksums take a core for as long as a file is read: who asks for many harms nobody, and none is computed for nobody.

use std::fs;

use crate::support::{Client, Running, Setup, metric, wait_until};

/// A file that nobody reads to its end.
fn with_an_endless_file() -> Setup {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: read-only }
  - { name: other, password: other, plain: true, backend: disk, permissions: read-only }
anonymous: { enabled: true, backend: disk }
",
    )
    .http();
    let file = fs::File::create(setup.files().join("endless")).unwrap();
    file.set_len(1 << 43).unwrap();
    fs::write(setup.files().join("small"), "12345").unwrap();
    setup
}

/// The sessions of a client that asks for checksums and does not wait for them.
fn flood(server: &Running<'_>) -> Vec<Client> {
    let commands = ["HASH endless", "XSHA512 endless", "XCRC endless", "XMD5 endless", "SITE MD5 endless"];
    let ask = |number: usize| {
        let mut client = server.login();
        client.send(commands[number % commands.len()]);
        client
    };
    (0..30).map(ask).collect()
}

/// What the server has read so far, in bytes.
fn read_by(server: &Running<'_>) -> u64 {
    let counters = fs::read_to_string(format!("/proc/{}/io", server.pid())).unwrap();
    counters.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

#[test]
fn others_get_theirs() {
    let setup = with_an_endless_file();
    let server = setup.start();
    let flood = flood(&server);
    let before = read_by(&server);
    wait_until("some of the flood is under way", || read_by(&server) > before + (64 << 20));
    // Each way to write the name is the same user.
    let anonymous: Vec<Client> = ["anonymous", "ftp", "Anonymous", "FTP", "aNONYMOUS"]
        .iter()
        .map(|name| {
            let mut client = server.login_as(name, "x@example.com");
            client.send("HASH endless");
            client
        })
        .collect();
    let mut other = server.login_as("other", "other");
    assert!(other.expect("XMD5 small", 250).text().contains("827ccb0eea8a706c4c34a16891f84e7b"));
    drop((flood, anonymous));
}

#[test]
fn they_end_with_those_who_asked() {
    let setup = with_an_endless_file();
    let server = setup.start();
    let flood = flood(&server);
    let before = read_by(&server);
    wait_until("some of the flood is under way", || read_by(&server) > before + (64 << 20));
    drop(flood);
    wait_until("the sessions are over", || metric(&server, "wharf_sessions_open") == Some(0.0));
    // To answer reads some, too.
    let mut last = read_by(&server);
    wait_until("nothing is read any more", || {
        // The time of a question and its answer over HTTP, in which a thread that hashes reads several blocks.
        for _ in 0..20 {
            metric(&server, "wharf_sessions_open");
        }
        let now = read_by(&server);
        now - std::mem::replace(&mut last, now) < 512 * 1024
    });
    server.login().expect("XMD5 small", 250);
}
