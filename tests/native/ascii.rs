//! ASCII type (RFC 959, section 3.1.1.1): lines end in CRLF on the wire and in LF in the file.

use std::fs;
use std::io::{Read, Write};

use crate::support::{Client, Running, Setup, assert_bytes, noise};

/// Text without any CR, of lines of every length from 0 to 200.
fn text(length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(length + 256);
    for (line, bytes) in noise(length, 5).chunks(97).enumerate() {
        text.extend(bytes.iter().map(|byte| b'a' + byte % 26).cycle().take(line % 201));
        text.push(b'\n');
    }
    text.truncate(length);
    text
}

fn on_the_wire(text: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    lines.join(&b"\r\n"[..])
}

fn login_in_ascii(server: &Running<'_>) -> Client {
    let mut client = server.login();
    client.expect("TYPE A", 200);
    client
}

#[test]
fn large_text_is_whole_both_ways() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = login_in_ascii(&server);
    let text = text(5_000_000);
    client.store("text", &on_the_wire(&text));
    assert_bytes(&fs::read(setup.files().join("text")).unwrap(), &text);
    assert_bytes(&client.retrieve("text"), &on_the_wire(&text));
    client.expect("TYPE I", 200);
    assert_bytes(&client.retrieve("text"), &text);
}

/// Wherever a buffer ends, CR and LF are one line end: lengths around every power of two in use.
#[test]
fn line_ends_at_the_edges_of_buffers_are_whole() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = login_in_ascii(&server);
    for edge in [16 << 10, 64 << 10, 256 << 10, 1 << 20] {
        for before in [edge - 2, edge - 1, edge] {
            let mut text = vec![b'x'; before];
            text.extend(b"\nafter\n\n");
            let name = format!("edge {before}");
            client.store(&name, &on_the_wire(&text));
            assert_bytes(&fs::read(setup.files().join(&name)).unwrap(), &text);
            assert_bytes(&client.retrieve(&name), &on_the_wire(&text));
        }
    }
}

/// The CR comes in one packet, the LF in the next, when the first has been stored.
#[test]
fn a_line_end_in_two_packets_is_one() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = login_in_ascii(&server);
    let mut data = client.start_transfer("STOR text");
    let mut sent = 0;
    for piece in [&b"one\r"[..], b"\ntwo\r", b"\r", b"\n\r", b"three\r\n", b"\r"] {
        data.write_all(piece).unwrap();
        sent += piece.len();
        let so_far = format!("{sent} bytes so far");
        crate::support::wait_until(&so_far, || client.expect("STAT", 211).text().contains(&so_far));
    }
    data.finish().unwrap();
    data.read_to_end(&mut Vec::new()).unwrap();
    client.expect_reply(226);
    // A CR that ends no line is kept.
    let found = fs::read(setup.files().join("text")).unwrap();
    assert_eq!(String::from_utf8_lossy(&found), "one\ntwo\r\n\rthree\n\r");
}

/// A file of another system keeps the line ends that it has.
#[test]
fn crlf_of_a_file_is_not_doubled() {
    let setup = Setup::local();
    fs::write(setup.files().join("dos"), "one\r\ntwo\nthree\r\r\n\rfour").unwrap();
    let server = setup.start();
    let mut client = login_in_ascii(&server);
    let found = client.retrieve("dos");
    assert_eq!(String::from_utf8_lossy(&found), "one\r\ntwo\r\nthree\r\r\n\rfour");
}

/// RFC 959, section 3.1.1.1: it is the type of a session that has asked for none.
#[test]
fn it_is_the_default() {
    let setup = Setup::local();
    fs::write(setup.files().join("text"), "one\n").unwrap();
    let server = setup.start();
    let mut client = server.connect();
    client.expect("USER demo", 331);
    client.expect("PASS demo", 230);
    assert_eq!(client.retrieve("text"), b"one\r\n");
}

/// `sender` and `scanner` have a type of their own; each sees the same directory.
fn with_types(server: &str) -> Setup {
    Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk }
  - { name: scanner, password: scanner, plain: true, backend: disk, default_type: image }
  - { name: sender, password: sender, plain: true, backend: disk, default_type: ascii }
",
    )
    .server(server)
}

fn login_without_type(server: &Running<'_>, user: &str) -> Client {
    let mut client = server.connect();
    client.expect(&format!("USER {user}"), 331);
    client.expect(&format!("PASS {user}"), 230);
    client
}

/// For devices that never send TYPE, by server and by user.
#[test]
fn another_type_may_be_the_default() {
    let sent = b"\x89PNG\r\n\x1a\n\r\r\n";
    let converted = b"\x89PNG\n\x1a\n\r\n";
    for (setting, of_server) in
        [("default_type: image", &sent[..]), ("default_type: ascii", converted), ("active: true", converted)]
    {
        let setup = with_types(setting);
        let server = setup.start();
        for (user, stored) in [("demo", of_server), ("scanner", sent), ("sender", converted)] {
            let mut client = login_without_type(&server, user);
            client.store("picture", sent);
            assert_eq!(fs::read(setup.files().join("picture")).unwrap(), stored, "{setting} {user}");
            // TYPE counts more, and a new login begins anew.
            client.expect("TYPE A", 200);
            client.store("picture", sent);
            assert_eq!(fs::read(setup.files().join("picture")).unwrap(), converted, "{setting} {user}");
            client.expect("TYPE I", 200);
            client.store("picture", sent);
            assert_eq!(fs::read(setup.files().join("picture")).unwrap(), sent, "{setting} {user}");
            client.expect("REIN", 220);
            client.expect("USER scanner", 331);
            client.expect("PASS scanner", 230);
            client.expect("TYPE X", 501);
            client.store("picture", sent);
            assert_eq!(fs::read(setup.files().join("picture")).unwrap(), sent, "{setting} {user}");
        }
    }
}

/// The operator hears of it once for each user: by then files are damaged.
#[test]
fn an_upload_that_is_changed_without_type_is_a_warning() {
    let setup = with_types("active: true");
    let server = setup.start();
    let warnings = || server.log.count("never sent TYPE");
    let mut client = login_without_type(&server, "demo");
    // Nothing is changed here, or a type was asked for.
    client.store("unix", b"one\ntwo\r");
    assert_eq!(client.retrieve("unix"), b"one\r\ntwo\r");
    client.fetch("LIST");
    let mut asking = login_without_type(&server, "demo");
    asking.expect("TYPE A", 200);
    asking.store("dos", b"one\r\n");
    let mut scanner = login_without_type(&server, "scanner");
    scanner.store("dos", b"one\r\n");
    assert_eq!(warnings(), 0, "{}", server.log.text());
    // An upload that is broken off is not stored.
    let mut data = client.start_transfer("STOR broken");
    data.write_all(b"one\r\ntwo\r\n").unwrap();
    crate::support::wait_until("received", || client.expect("STAT", 211).text().contains("10 bytes so far"));
    client.send("ABOR");
    client.expect_reply(426);
    client.expect_reply(226);
    drop(data);
    assert_eq!(warnings(), 0, "{}", server.log.text());
    client.store("dos", b"one\r\n");
    server.log.expect_warning(
        "the client never sent TYPE; `default_type: image`",
        &[("path", "/dos"), ("user", "demo")],
    );
    client.store("again", b"one\r\n");
    let mut later = login_without_type(&server, "demo");
    later.expect("TYPE X", 501);
    later.store("later", b"one\r\n");
    let mut sender = login_without_type(&server, "sender");
    assert_eq!(sender.try_store("APPE later", b"two\r\n").code, 226);
    server.log.expect_warning("never sent TYPE", &[("path", "/later"), ("user", "sender")]);
    assert_eq!(warnings(), 2, "{}", server.log.text());
}

/// RFC 3659, section 5.3: the offset counts what the client sees.
#[test]
fn a_restart_counts_the_bytes_on_the_wire() {
    let setup = Setup::local();
    let text = text(300_000);
    fs::write(setup.files().join("text"), &text).unwrap();
    let server = setup.start();
    let mut client = login_in_ascii(&server);
    let wire = on_the_wire(&text);
    for offset in [1, 5, 6, 7, 65_535, 65_536, 65_537, wire.len() - 1, wire.len()] {
        client.expect(&format!("REST {offset}"), 350);
        assert_bytes(&client.retrieve("text"), &wire[offset..]);
    }
}

/// As in image type: a client that asks for more than there is has another file.
#[test]
fn a_restart_past_the_end_is_refused() {
    let setup = Setup::local();
    fs::write(setup.files().join("text"), "one\n").unwrap();
    let server = setup.start();
    let mut client = login_in_ascii(&server);
    client.expect("REST 6", 350);
    let (found, reply) = client.try_fetch("RETR text");
    assert!(found.is_empty() && reply.code >= 400, "{reply:?}");
    assert_eq!(client.retrieve("text"), b"one\r\n");
}

/// Where an offset on the wire is in the file is not known, and a guess would damage it.
#[test]
fn an_upload_of_text_is_not_resumed() {
    let setup = Setup::local();
    fs::write(setup.files().join("text"), "one\ntwo\n").unwrap();
    let server = setup.start();
    let mut client = login_in_ascii(&server);
    client.expect("REST 5", 350);
    assert_eq!(client.try_store("STOR text", b"new").code, 504);
    assert_eq!(fs::read(setup.files().join("text")).unwrap(), b"one\ntwo\n");
    assert_eq!(client.try_store("APPE text", b"three\r\n").code, 226);
    assert_eq!(fs::read(setup.files().join("text")).unwrap(), b"one\ntwo\nthree\n");
}

#[test]
fn size_of_text_is_not_known() {
    let setup = Setup::local();
    fs::write(setup.files().join("text"), "one\ntwo\n").unwrap();
    let server = setup.start();
    let mut client = login_in_ascii(&server);
    client.expect("SIZE text", 550);
    client.expect("TYPE I", 200);
    assert_eq!(client.expect("SIZE text", 213).text(), "213 8");
}

/// For clients that ask for it and can't do without.
#[test]
fn size_of_text_may_be_that_of_the_file() {
    let setup = Setup::local().server("ascii_size: stored");
    fs::write(setup.files().join("text"), "one\ntwo\n").unwrap();
    let server = setup.start();
    let mut client = login_in_ascii(&server);
    assert_eq!(client.expect("SIZE text", 213).text(), "213 8");
    client.expect("SIZE missing", 550);
}

#[test]
fn it_goes_over_tls_and_in_active_mode_too() {
    let setup = Setup::memory().tls("required");
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    client.expect("TYPE A", 200);
    let text = text(500_000);
    client.store("text", &on_the_wire(&text));
    assert_bytes(&client.retrieve("text"), &on_the_wire(&text));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(client.port(&listener).code, 200);
    client.expect("RETR text", 150);
    let mut data = client.protect(listener.accept().unwrap().0);
    let mut found = Vec::new();
    data.read_to_end(&mut found).unwrap();
    client.expect_reply(226);
    assert_bytes(&found, &on_the_wire(&text));
}
