//! Data connections: who gets one, and how it is encrypted.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::libunftp_fails;
use crate::support::{Client, Setup, port_command, unless_defective, wait_until};

/// Where TLS is required, data in plain text is refused however the connection is to be opened.
#[test]
fn required_tls_holds_for_data_in_every_mode() {
    let setup = Setup::local().tls("required");
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    let refused = !client.try_clear_data() || {
        let (_, reply) = client.try_fetch("MLSD");
        (500..600).contains(&reply.code)
    };
    libunftp_fails("required-tls-not-enforced-for-epsv-and-port", || {
        assert!(refused, "{}", client.transcript())
    });
}

/// RFC 8446, section 6.1: whoever closes says so first. Clients on OpenSSL 3 report an error without it.
#[test]
fn upload_over_tls_ends_in_good_order() {
    let setup = Setup::local().tls("required");
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    let mut data = client.start_transfer("STOR file");
    data.write_all(b"12345").unwrap();
    data.finish().unwrap();
    let end = data.read(&mut [0; 1]);
    client.expect_reply(226);
    libunftp_fails("upload-over-tls-ends-without-close-notify", || assert_eq!(end.unwrap(), 0));
}

/// RFC 4217: a reply says that the handshake of the data connection failed, and the session goes on.
#[test]
fn failed_handshake_of_the_data_connection_is_answered() {
    let setup = Setup::local().tls("optional");
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    let mut data = client.open_passive();
    client.expect("RETR file", 150);
    data.write_all(b"this is no TLS, and long enough to be a record header").unwrap();
    drop(data);
    libunftp_fails("data-handshake-failure-unanswered", || {
        let reply = client.reply_within(unless_defective()).expect("a reply");
        assert!(reply.code >= 400, "{reply:?}");
        client.expect("NOOP", 200);
    });
}

/// RFC 2577, section 3: a server that connects anywhere is a port scanner for everyone.
#[test]
fn port_leads_to_the_client_alone() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    let elsewhere = TcpListener::bind("127.0.0.2:0").unwrap();
    let reply = client.command(&port_command(elsewhere.local_addr().unwrap()));
    libunftp_fails("port-connects-anywhere", || assert!(reply.code >= 500, "{reply:?}"));
}

/// RFC 2428.
#[test]
fn eprt_is_known() {
    let setup = Setup::local();
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.login();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let reply = client.command(&format!("EPRT |1|127.0.0.1|{port}|"));
    libunftp_fails("no-eprt", || {
        assert_eq!(reply.code, 200, "{reply:?}");
        client.expect("RETR file", 150);
        let mut content = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut content).unwrap();
        assert_eq!(content, b"12345");
    });
}

/// RFC 2577: whoever else comes first is sent away, and the one who is expected is served.
#[test]
fn strangers_are_sent_away() {
    let setup = Setup::local();
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.login();
    let address = client.pasv();
    let mut stranger = Client::connect_from("127.0.0.2", address);
    stranger.expect_end();
    libunftp_fails("stranger-takes-the-data-connection", || {
        let mut data = TcpStream::connect(address).unwrap();
        data.set_read_timeout(Some(unless_defective())).unwrap();
        client.expect("RETR file", 150);
        let mut content = Vec::new();
        data.read_to_end(&mut content).unwrap();
        assert_eq!(content, b"12345");
        client.expect_reply(226);
    });
}

/// A handshake that never comes is not waited for longer than the session lives.
#[test]
fn silent_connection_is_closed_with_its_session() {
    let setup = Setup::local().tls("required").server("limits: { sessions_per_user: 1 }");
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    let mut data = TcpStream::connect(client.pasv()).unwrap();
    client.expect("STOR file", 150);
    drop(client);
    // Whatever holds the data connection does not hold the user's place.
    wait_until("the user can log in again", || {
        let mut client = server.connect_tls();
        client.expect("USER demo", 331);
        client.command("PASS demo").code == 230
    });
    data.set_read_timeout(Some(unless_defective())).unwrap();
    let end = data.read(&mut [0; 1]);
    libunftp_fails("silent-data-connection-is-never-closed", || {
        let closed = match end {
            Ok(count) => count == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        };
        assert!(closed, "it is still open");
    });
}
