//! Data connections that come from another address than the control connection, as through a gateway with several
//! addresses; and strangers who do the same, and must not harm anybody.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use super::takeovers::{dial, encrypted, login, rest};
use crate::support::{Certificates, Reply, Setup};

const OTHER: &str = "127.0.0.2";

/// Without being told, the client would wait for half a minute.
const TOLD: Duration = Duration::from_secs(20);

fn dial_from(source: &str, address: SocketAddr) -> TcpStream {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
    connect(&socket, &address).unwrap();
    TcpStream::from(socket)
}

#[track_caller]
fn assert_told(reply: &Reply, began: Instant) {
    assert_eq!(reply.code, 425);
    for address in ["127.0.0.2", "127.0.0.1"] {
        assert!(reply.text().contains(address), "{reply:?}");
    }
    assert!(began.elapsed() < TOLD, "{:?}", began.elapsed());
}

#[test]
fn a_client_that_comes_from_elsewhere_is_told_both_addresses() {
    let setup = Setup::local();
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.login();
    for command in ["RETR file", "LIST", "STOR new"] {
        let mut data = dial_from(OTHER, client.pasv());
        let began = Instant::now();
        client.expect(command, 150);
        if command.starts_with("STOR") {
            data.write_all(b"12345").unwrap();
        }
        assert_told(&client.reply(), began);
        assert_eq!(rest(data), b"");
        let cause = "the data connection came from 127.0.0.2 and the control connection from 127.0.0.1: \
                     both have to come from one address";
        server.log.expect_warning("transfer failed", &[("cause", cause)]);
    }
    assert!(!setup.files().join("new").exists());
    // And goes on, once it comes from where it should.
    assert_eq!(client.retrieve("file"), b"12345");
}

#[test]
fn a_client_that_resumes_its_session_from_elsewhere_is_told_at_once() {
    let setup = encrypted("require_session_reuse: true");
    let server = setup.start();
    for of_client in [Certificates::client_config, Certificates::client_config_of_tls12] {
        let mut client = login(&server, &of_client(server.certificates()));
        let data = dial_from(OTHER, client.pasv());
        let began = Instant::now();
        client.expect("RETR file", 150);
        let data = client.protect(data);
        assert_told(&client.reply(), began);
        assert_eq!(rest(data), b"");
    }
}

/// Each session of a user has tickets that count, and many people may be one user.
#[test]
fn whoever_resumes_a_session_ends_few_transfers_from_elsewhere() {
    /// When an address that has ended its transfers may end another.
    const NEXT: Duration = Duration::from_secs(10);
    let setup = encrypted("");
    let server = setup.start();
    let mut client = login(&server, &server.certificates().client_config());
    let first = Instant::now();
    for _ in 0..10 {
        let data = dial_from(OTHER, client.pasv());
        let began = Instant::now();
        client.expect("RETR file", 150);
        let data = client.protect(data);
        assert_told(&client.reply(), began);
        assert_eq!(rest(data), b"");
    }
    let address = client.pasv();
    let data = dial_from(OTHER, address);
    client.expect("RETR file", 150);
    let data = client.protect(data);
    assert_eq!(rest(data), b"");
    // On a machine that takes so long, nothing can be said.
    if first.elapsed() < NEXT {
        assert_eq!(rest(client.protect(dial(address))), b"12345");
        client.expect_reply(226);
    }
}

/// The stranger is there first, and stays.
#[test]
fn a_stranger_from_elsewhere_harms_nobody() {
    let plain = Setup::local();
    fs::write(plain.files().join("file"), b"12345").unwrap();
    for setup in [plain, encrypted("")] {
        let server = setup.start();
        let is_encrypted = setup.folder().join("server.key").exists();
        let mut victim = if is_encrypted {
            login(&server, &server.certificates().client_config_of_tls12())
        } else {
            server.login()
        };
        for round in 0..20 {
            let address = victim.pasv();
            let mut stranger = dial_from(OTHER, address);
            stranger.write_all(b"\x16\x03\x01not a hello").unwrap();
            let own = dial(address);
            if round % 2 == 0 {
                victim.expect("RETR file", 150);
                assert_eq!(rest(victim.protect(own)), b"12345");
                victim.expect_reply(226);
            } else {
                victim.expect("STOR new", 150);
                let mut own = victim.protect(own);
                own.write_all(b"12345").and_then(|()| own.finish()).unwrap();
                victim.expect_reply(226);
                assert_eq!(fs::read(setup.files().join("new")).unwrap(), b"12345");
            }
            drop(stranger);
        }
    }
}
