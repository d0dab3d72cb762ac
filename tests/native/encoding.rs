//! Names of clients that do not write UTF-8 (`users[].encoding`).

use std::fs;

use crate::support::{Client, Running, Setup};

/// `grüße €.txt` in windows-1252.
const NAME: &[u8] = b"gr\xfc\xdfe \x80.txt";

fn old_client() -> Setup {
    Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk, encoding: windows-1252 }
  - { name: modern, password: modern, plain: true, backend: disk }
",
    )
}

fn command(client: &mut Client, verb: &str, name: &[u8], code: u16) -> crate::support::Reply {
    client.send_raw(&[verb.as_bytes(), b" ", name, b"\r\n"].concat());
    client.expect_reply(code)
}

/// A transfer of a name that is no UTF-8.
fn transfer(client: &mut Client, verb: &str, name: &[u8]) -> std::net::TcpStream {
    let data = client.open_passive();
    command(client, verb, name, 150);
    data
}

fn listing(server: &Running<'_>, command: &str) -> Vec<u8> {
    server.login().fetch(command)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn names_are_stored_listed_and_fetched_in_the_clients_own() {
    use std::io::{Read, Write};
    let setup = old_client();
    let server = setup.start();
    let mut client = server.login();
    transfer(&mut client, "STOR", NAME).write_all(b"content").unwrap();
    client.expect_reply(226);
    assert_eq!(fs::read_to_string(setup.files().join("grüße €.txt")).unwrap(), "content");

    let mut content = String::new();
    transfer(&mut client, "RETR", NAME).read_to_string(&mut content).unwrap();
    client.expect_reply(226);
    assert_eq!(content, "content");
    assert_eq!(listing(&server, "NLST"), [NAME, b"\r\n"].concat());
    assert!(contains(&listing(&server, "LIST"), NAME));
    assert!(contains(&listing(&server, "MLSD"), NAME));

    command(&mut client, "SIZE", NAME, 213);
    command(&mut client, "RNFR", NAME, 350);
    command(&mut client, "RNTO", b"\xe9t\xe9", 250);
    assert!(setup.files().join("été").exists());
    command(&mut client, "MKD", b"\xc4", 257);
    command(&mut client, "CWD", b"\xc4", 250);
    assert_eq!(server.login_as("modern", "modern").names(""), ["Ä", "été"]);
}

/// Replies are in the same letters, for clients that take the directory from the reply to PWD.
#[test]
fn replies_are_in_the_clients_own() {
    use std::io::Read;
    let setup = old_client();
    let server = setup.start();
    let mut client = server.login();
    command(&mut client, "MKD", b"\xc4", 257);
    command(&mut client, "CWD", b"\xc4", 250);
    client.send("PWD");
    let wanted = b"257 \"/\xc4\" is";
    let mut found = vec![0; wanted.len()];
    let mut socket = client.tcp();
    socket.read_exact(&mut found).unwrap();
    assert_eq!(found, wanted, "{}", String::from_utf8_lossy(&found));
}

/// A name of which a letter is missing would be another name.
#[test]
fn names_that_can_not_be_written_are_left_out_and_logged() {
    let setup = old_client();
    fs::write(setup.files().join("日本語"), "x").unwrap();
    fs::write(setup.files().join("plain"), "x").unwrap();
    let server = setup.start();
    assert_eq!(listing(&server, "NLST"), b"plain\r\n");
    server.log.expect_warning("not listed", &[("left_out", "1")]);
    assert_eq!(server.login_as("modern", "modern").names(""), ["plain", "日本語"]);
}

/// Bytes that the character set has no letter for. In windows-1252 each has one, in Shift_JIS not.
#[test]
fn what_is_no_letter_is_refused() {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk, encoding: shift_jis }
",
    );
    let server = setup.start();
    let mut client = server.login();
    command(&mut client, "MKD", b"\x93\xfa", 257);
    assert!(setup.files().join("日").exists());
    command(&mut client, "MKD", b"\x81", 553);
    command(&mut client, "MKD", b"\xfd\xfd", 553);
}

/// A client that can asks for UTF-8, and may take it back.
#[test]
fn utf8_can_be_asked_for() {
    let setup = old_client();
    fs::write(setup.files().join("été"), "x").unwrap();
    let server = setup.start();
    let mut client = server.login();
    client.expect("SIZE été", 550);
    client.expect("OPTS UTF8 ON", 200);
    client.expect("SIZE été", 213);
    client.expect("OPTS UTF8 OFF", 200);
    command(&mut client, "SIZE", b"\xe9t\xe9", 213);
    // Who comes next has a character set of his own.
    client.expect("REIN", 220);
    client.login("modern", "modern");
    client.expect("SIZE été", 213);
}
