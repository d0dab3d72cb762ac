//! What clients do wrong, and seldom show: a line at `info` with their address.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{Client, SOON, Setup};

const MISTAKEN: &str = "the client is mistaken";

#[track_caller]
fn assert_said(setup: &Setup, what: &str, cause: &str, act: impl FnOnce(&mut Client)) {
    let server = setup.start();
    let mut client = server.connect();
    let peer = client.tcp().local_addr().unwrap().to_string();
    act(&mut client);
    let line = server.log.expect(MISTAKEN, &[("peer", &peer)]);
    let said = line.field("cause").unwrap();
    assert!(said.starts_with(cause), "{what}: {said}");
}

#[test]
fn a_login_without_tls() {
    let setup = Setup::local().tls("required");
    assert_said(&setup, "USER", "a login without TLS", |client| _ = client.expect("USER demo", 534));
}

#[test]
fn data_without_tls() {
    let setup = Setup::local().tls("required");
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    client.expect("PROT C", 534);
    let line = server.log.expect(MISTAKEN, &[("user", "demo")]);
    assert!(line.field("cause").unwrap().starts_with("data without TLS"), "{line:?}");
}

#[test]
fn a_name_in_another_character_set() {
    assert_said(&Setup::local(), "CWD", "a name that is not in its character set", |client| {
        client.login("demo", "demo");
        client.send_raw(b"CWD \xfc\r\n");
        client.expect_reply(553);
    });
}

#[test]
fn silence() {
    let setup = Setup::local().server("idle_timeout: 5s");
    assert_said(&setup, "silence", "silent for too long", |client| {
        client.login("demo", "demo");
        client.expect_reply(421);
    });
    let setup = Setup::local().server("login_timeout: 3s");
    assert_said(&setup, "no login", "nobody logged in in time", |client| _ = client.expect_reply(421));
}

#[test]
fn tls_at_a_port_that_begins_in_plain_text() {
    assert_said(&Setup::local(), "ClientHello", "TLS at a port that begins in plain text", |client| {
        // A record with the beginning of a message: nothing in it ends a line.
        client.send_raw(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]);
        client.expect_reply(500);
        client.expect_end();
    });
}

#[test]
fn plain_text_at_a_port_that_begins_with_tls() {
    let setup = Setup::local().tls("optional").server("implicit_tls_listen: [\"127.0.0.1:0\"]");
    let server = setup.start();
    let mut stream = TcpStream::connect(server.implicit_address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(b"USER demo\r\n").unwrap();
    let peer = stream.local_addr().unwrap().to_string();
    let line = server.log.expect(MISTAKEN, &[("peer", &peer)]);
    assert!(line.field("cause").unwrap().contains("a port that begins with TLS"), "{line:?}");
    // An alert may come.
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn a_flood_of_them_is_left_out() {
    let setup = Setup::local().tls("required");
    let server = setup.start();
    let mut client = server.connect();
    for _ in 0..100 {
        client.expect("USER demo", 534);
    }
    server.terminate();
    let log = server.log.clone();
    assert_eq!(server.wait().code(), Some(0));
    let lines = log.raw_at_the_end().matches(MISTAKEN).count();
    assert!((20..50).contains(&lines), "{lines}");
}

/// Whoever comes during a stop is told at once for how long.
#[test]
fn a_stop_says_how_long_it_may_take() {
    let setup = Setup::local().server("shutdown_grace: 30s");
    let server = setup.start();
    let mut client = server.login();
    // A transfer that keeps the server from ending.
    let data = client.start_transfer("STOR held");
    server.terminate();
    server.log.expect("stopping", &[]);
    let mut late = Client::connect(server.address);
    let reply = late.expect_reply(421).text();
    let seconds =
        reply.split_once("try again in ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<u64>().ok());
    assert!(seconds.is_some_and(|seconds| (1..=31).contains(&seconds)), "{reply}");
    drop(data);
}
