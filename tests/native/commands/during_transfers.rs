//! Commands that come while a transfer runs.

use std::fs;
use std::io::{Read, Write};

use super::prepared;
use crate::support::{Client, Running, Setup, Stream, noise};

/// Far more than the sockets hold, so that it runs until the client reads on.
const BIG: usize = 32 << 20;

fn with_big_file() -> Setup {
    let setup = prepared();
    fs::write(setup.files().join("big"), noise(BIG, 4)).unwrap();
    setup
}

fn downloading(server: &Running<'_>) -> (Client, Stream) {
    let mut client = server.login();
    let data = client.start_transfer("RETR big");
    (client, data)
}

fn read_to_the_end(mut data: Stream) {
    let mut content = Vec::new();
    data.read_to_end(&mut content).unwrap();
    assert_eq!(content.len(), BIG);
}

#[test]
fn noop_and_stat_are_answered_at_once() {
    let setup = with_big_file();
    let server = setup.start();
    let (mut client, data) = downloading(&server);
    client.expect("NOOP", 200);
    let status = client.expect("STAT", 211).text();
    assert!(status.contains("download of /big: "), "{status}");
    client.expect("NOOP", 200);
    read_to_the_end(data);
    client.expect_reply(226);
    let status = client.expect("STAT", 211).text();
    assert!(status.contains("No transfer is under way"), "{status}");
}

#[test]
fn stat_counts_what_has_arrived() {
    let setup = prepared();
    let server = setup.start();
    let mut client = server.login();
    let mut data = client.start_transfer("STOR up");
    data.write_all(&noise(100_000, 1)).unwrap();
    crate::support::wait_until("STAT tells of 100,000 bytes", || {
        client.expect("STAT", 211).text().contains("upload of /up: 100000 bytes")
    });
    data.finish().unwrap();
    client.expect_reply(226);
}

/// In order, after the last reply to the transfer; the state that they leave is that of a session without one.
#[test]
fn other_commands_wait_and_are_answered_in_order() {
    let setup = with_big_file();
    let server = setup.start();
    let (mut client, data) = downloading(&server);
    let script = [
        ("PWD", 257),
        ("CWD missing", 550),
        ("CWD inbox", 250),
        ("STAT one", 213),
        ("NOOP", 200),
        ("STAT", 211),
        ("CDUP", 250),
        ("TYPE A", 200),
        ("SIZE file", 550),
        ("TYPE I", 200),
        ("SIZE file", 213),
        ("MDTM file", 213),
        ("MLST file", 250),
        ("RNFR file", 350),
        ("RNTO other", 250),
        ("HASH other", 213),
        ("MKD new", 257),
        ("RMD new", 250),
        ("REST 2", 350),
        ("PASV", 227),
        ("RETR missing", 550),
        ("RETR big", 425),
        ("FEAT", 211),
        ("HELP", 214),
        ("SYST", 215),
        ("USER demo", 503),
        ("FOO", 500),
        ("SITE IDLE", 200),
        ("REIN", 220),
        ("PWD", 530),
        ("USER demo", 331),
        ("PASS demo", 230),
        ("DELE other", 250),
        ("QUIT", 221),
    ];
    for (command, _) in script {
        client.send(command);
    }
    read_to_the_end(data);
    client.expect_reply(226);
    for (command, code) in script {
        let reply = client.reply();
        assert_eq!(reply.code, code, "{command}\n{}", client.transcript());
    }
    client.expect_end();
}

#[test]
fn a_second_transfer_waits_for_the_first() {
    let setup = with_big_file();
    let server = setup.start();
    let mut client = server.login();
    let data = client.start_transfer("RETR big");
    client.send("EPSV");
    client.send("RETR file");
    read_to_the_end(data);
    client.expect_reply(226);
    let port = client.expect_reply(229).lines[0].split('|').nth(3).unwrap().parse().unwrap();
    client.expect_reply(150);
    let mut content = String::new();
    let mut second = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    second.read_to_string(&mut content).unwrap();
    assert_eq!(content, "12345");
    client.expect_reply(226);
}

#[test]
fn quit_is_answered_after_the_end() {
    let setup = prepared();
    let server = setup.start();
    let mut client = server.login();
    let mut data = client.start_transfer("STOR up");
    client.send("QUIT");
    data.write_all(b"all of it").unwrap();
    data.finish().unwrap();
    client.expect_reply(226);
    client.expect_reply(221);
    client.expect_end();
    assert_eq!(fs::read(setup.files().join("up")).unwrap(), b"all of it");
}

/// More than are kept: the rest stays in the connection until there is room.
#[test]
fn no_waiting_command_is_lost_however_many_there_are() {
    let setup = with_big_file();
    let server = setup.start();
    let (mut client, data) = downloading(&server);
    let many = "PWD\r\nSIZE file\r\n".repeat(500);
    client.send_raw(many.as_bytes());
    read_to_the_end(data);
    client.expect_reply(226);
    for _ in 0..500 {
        client.expect_reply(257);
        client.expect_reply(213);
    }
}
