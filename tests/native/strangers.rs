//! Connections that come to a passive port and are not the client's: somebody looks for open ports there. And how hard those are
//! to find.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::takeovers::{dial, encrypted, login, rest};
use crate::support::{Client, Setup, Stream, metric, noise, wait_until};

/// Connections that come to nothing: one that is closed, one that is reset, one that speaks no TLS, and some that say nothing.
fn disturb(address: SocketAddr) -> Vec<TcpStream> {
    drop(dial(address));
    let reset = dial(address);
    rustix::net::sockopt::set_socket_linger(&reset, Some(std::time::Duration::ZERO)).unwrap();
    drop(reset);
    let mut garbage = dial(address);
    garbage.write_all(b"neither TLS nor anything else that makes sense\r\n").unwrap();
    let mut open = vec![garbage];
    open.extend((0..4).map(|_| dial(address)));
    open
}

#[test]
fn what_comes_to_nothing_takes_no_place_over_tls() {
    for settings in ["", "require_session_reuse: true"] {
        let setup = encrypted(settings);
        let server = setup.start();
        let mut victim = login(&server, &server.certificates().client_config_of_tls12());
        for _ in 0..3 {
            let address = victim.pasv();
            let disturbing = disturb(address);
            victim.expect("RETR file", 150);
            let own = victim.protect(dial(address));
            assert_eq!(rest(own), b"12345");
            victim.expect_reply(226);
            let address = victim.pasv();
            let disturbing_too = disturb(address);
            let own = dial(address);
            victim.expect("STOR new", 150);
            let mut own = victim.protect(own);
            own.write_all(b"12345").and_then(|()| own.finish()).unwrap();
            assert_eq!(rest(own), b"");
            victim.expect_reply(226);
            assert_eq!(fs::read(setup.files().join("new")).unwrap(), b"12345");
            drop((disturbing, disturbing_too));
        }
        server.log.expect("refused a data connection", &[("level", "INFO"), ("data_peer", "…")]);
    }
}

/// A client without a session, too, though none can be told from it.
#[test]
fn whoever_only_keeps_connections_open_does_not_stop_a_client_that_can_not_resume() {
    let setup = encrypted("");
    let server = setup.start();
    let mut victim = login(&server, &server.certificates().client_config());
    victim.encrypt_data_with(&server.certificates().client_config());
    let address = victim.pasv();
    let _silent: Vec<_> = (0..7).map(|_| dial(address)).collect();
    victim.expect("RETR file", 150);
    assert_eq!(rest(victim.protect(dial(address))), b"12345");
    victim.expect_reply(226);
}

/// In plain text there is no proof, but whoever looks for open ports closes them.
#[test]
fn what_is_closed_at_once_takes_no_place_in_plain_text() {
    let setup = Setup::local();
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut victim = server.login();
    for _ in 0..5 {
        let address = victim.pasv();
        (0..20).for_each(|_| drop(dial(address)));
        let own = dial(address);
        victim.expect("RETR file", 150);
        assert_eq!(rest(own), b"12345");
        victim.expect_reply(226);
        // One that says nothing, and one that sends.
        let address = victim.pasv();
        drop(dial(address));
        let silent = dial(address);
        let mut own = dial(address);
        own.write_all(b"12345").unwrap();
        victim.expect("STOR new", 150);
        drop(own);
        victim.expect_reply(226);
        assert_eq!(fs::read(setup.files().join("new")).unwrap(), b"12345");
        assert_eq!(rest(silent), b"");
    }
    server.log.expect_warning("several connections came", &[("data_peers", "…")]);
}

/// The client comes after the command, and the scanner before it.
#[test]
fn the_client_may_come_last_in_plain_text() {
    let setup = Setup::local();
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut victim = server.login();
    let address = victim.pasv();
    let reset = dial(address);
    rustix::net::sockopt::set_socket_linger(&reset, Some(std::time::Duration::ZERO)).unwrap();
    drop(reset);
    victim.expect("RETR file", 150);
    server.log.expect("was closed at once", &[("level", "INFO"), ("data_peer", "…")]);
    assert_eq!(rest(dial(address)), b"12345");
    victim.expect_reply(226);
}

/// The same of an upload, which must not be stored as nothing, and must not fail because a stranger is reset.
#[test]
fn the_client_of_an_upload_may_come_last_in_plain_text() {
    let setup = Setup::local();
    fs::write(setup.files().join("file"), b"old").unwrap();
    let server = setup.start();
    let mut victim = server.login();
    for is_reset in [false, true] {
        let address = victim.pasv();
        let silent = dial(address);
        victim.expect("STOR file", 150);
        if is_reset {
            rustix::net::sockopt::set_socket_linger(&silent, Some(std::time::Duration::ZERO)).unwrap();
        }
        drop(silent);
        if is_reset {
            server.log.expect("was closed at once", &[("level", "INFO"), ("data_peer", "…")]);
        }
        let mut own = dial(address);
        own.write_all(b"12345").unwrap();
        drop(own);
        victim.expect_reply(226);
        assert_eq!(victim.retrieve("file"), b"12345");
        victim.expect("DELE file", 250);
    }
}

/// Whoever looks at a connection takes the news of its reset away; then it must not seem to have ended well.
#[test]
fn several_connections_that_are_reset_are_no_empty_file() {
    let setup = Setup::local();
    fs::write(setup.files().join("file"), b"old").unwrap();
    let server = setup.start();
    let mut victim = server.login();
    let address = victim.pasv();
    let silent = [dial(address), dial(address)];
    victim.expect("STOR file", 150);
    server.log.expect_warning("several connections came where one data connection is expected", &[]);
    for connection in silent {
        rustix::net::sockopt::set_socket_linger(&connection, Some(std::time::Duration::ZERO)).unwrap();
        drop(connection);
    }
    server.log.expect("was closed at once", &[("level", "INFO"), ("data_peer", "…")]);
    let mut own = dial(address);
    own.write_all(b"12345").unwrap();
    drop(own);
    victim.expect_reply(226);
    assert_eq!(victim.retrieve("file"), b"12345");
}

/// What ends without a byte may as well be an empty file.
#[test]
fn empty_files_are_stored() {
    let setup = Setup::local().tls("optional");
    let server = setup.start();
    for encrypted in [false, true] {
        let mut client = if encrypted { server.connect_tls() } else { server.connect() };
        client.login("demo", "demo");
        client.store("usual", b"");
        // Closed before the command.
        let address = client.pasv();
        let mut data = client.protect(dial(address));
        data.finish().unwrap();
        client.expect("STOR early", 150);
        client.expect_reply(226);
        for name in ["usual", "early"] {
            assert_eq!(fs::read(setup.files().join(name)).unwrap(), b"", "{name}");
            fs::remove_file(setup.files().join(name)).unwrap();
        }
        drop(data);
    }
}

/// The operator finds out who it was.
#[test]
fn the_log_tells_whose_data_connection_it_was() {
    let setup = Setup::local().tls("optional").environment("RUST_LOG", "wharf=debug");
    let server = setup.start();
    for encrypted in [false, true] {
        let mut client = if encrypted { server.connect_tls() } else { server.connect() };
        client.login("demo", "demo");
        let content = noise(1000, 1);
        for command in ["STOR file", "RETR file", "LIST"] {
            let data = client.open_passive();
            let peer = data.local_addr().unwrap().to_string();
            client.expect(command, 150);
            let mut data = client.protect(data);
            if command.starts_with("STOR") {
                data.write_all(&content).and_then(|()| data.finish()).unwrap();
            }
            rest(data);
            client.expect_reply(226);
            server.log.expect("transfer complete", &[("data_peer", &peer)]);
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(client.port(&listener).code, 200);
        client.expect("RETR file", 150);
        let data = listener.accept().unwrap().0;
        rest(client.protect(data));
        client.expect_reply(226);
        let peer = listener.local_addr().unwrap().to_string();
        server.log.expect("transfer complete", &[("data_peer", &peer)]);
    }
}

/// In the default range, somebody who knows the ports of many transfers knows nothing of the next.
#[test]
fn ports_of_old_transfers_are_closed_and_not_told_again() {
    // An address of its own: other servers have open ports elsewhere.
    let setup = Setup::local().listen("127.0.0.79:0");
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.login();
    let mut told = Vec::new();
    for _ in 0..100 {
        let address = client.pasv();
        told.push(address.port());
        let own = dial(address);
        client.expect("RETR file", 150);
        assert_eq!(rest(Stream::Plain(own)), b"12345");
        client.expect_reply(226);
    }
    let reachable = |port: &u16| TcpStream::connect((server.address.ip(), *port)).is_ok();
    wait_until("all are closed", || !told.iter().any(reachable));
    told.sort_unstable();
    told.dedup();
    // Out of 12000, by chance some come twice.
    assert!(told.len() > 90, "{}", told.len());
}

/// Where TLS comes first, a client that gives way before it hears nothing in plain text.
#[test]
fn sessions_that_give_way_before_tls_are_closed_without_a_word() {
    let setup = Setup::memory()
        .tls("optional")
        .server("implicit_tls_listen: [\"127.0.0.1:0\"]")
        .server("limits: { sessions: 2 }")
        .http();
    let server = setup.start();
    let address = server.implicit_address();
    let strangers: Vec<_> = (0..2).map(|_| Client::connect_from("127.0.1.1", address)).collect();
    wait_until("both are sessions", || metric(&server, "wharf_sessions_open") == Some(2.0));
    let _client = server.login();
    let mut heard = Vec::new();
    strangers[0].tcp().read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"");
}
