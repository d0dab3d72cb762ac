//! What holds for every command, whatever it is: nobody gets past the login, and no argument brings a session down.

use std::io::Read;

use super::{names, prepared};

/// What needs no login. The table's own test has the same list.
const OPEN: &[&str] = &[
    "USER", "PASS", "ACCT", "REIN", "QUIT", "HOST", "AUTH", "PBSZ", "PROT", "SYST", "HELP", "NOOP", "FEAT",
    "OPTS", "LANG", "CLNT", "CSID",
];
const REFUSED: &[&str] = &["SMNT", "ADAT", "CONF", "ENC", "MIC"];

#[test]
fn nothing_else_works_before_the_login() {
    let setup = prepared();
    let server = setup.start();
    let mut client = server.connect();
    for name in names(&mut client) {
        if !OPEN.contains(&&*name) && !REFUSED.contains(&&*name) {
            client.expect(&format!("{name} file"), 530);
        }
    }
}

/// Each reply is one, so that client and server never talk past each other.
#[test]
fn hostile_arguments_get_one_refusal_or_answer_each() {
    let setup = prepared();
    let server = setup.start();
    let mut client = server.login();
    let arguments: &[&[u8]] = &[
        b"",
        b" ",
        b"\0",
        b"a\0b",
        b"\xff\xfe\xfd",
        b"\xff\xff",
        b"\xff\xf4\xff\xf2",
        b"a\rNOOP",
        b"\xc3",
        b"..",
        b"../../../../../../etc/passwd",
        b"\"",
        b"\"\"\"",
        b"'; --",
        b"%s%n%x",
        b"$(id)",
        b"-1",
        b"-99999999999999999999",
        b"18446744073709551616",
        b"99999999999999999999999999999999999999 file",
        b"0x10",
        b"1e9",
        b"*",
        b"[",
        b"{a,b}",
        b"~root",
        b"\xe2\x80\xae",
        &[b'a'; 300],
        &[b'/'; 8000],
        &[b'1'; 8100],
        &[b'x'; 20_000],
    ];
    for name in names(&mut client) {
        // The one ends the session, the others' transcripts show what they do to it.
        if ["QUIT", "REIN", "EPSV"].contains(&&*name) {
            continue;
        }
        for argument in arguments {
            // Where a transfer begins it needs a connection.
            client.expect("EPSV", 229);
            client.send_raw(&[name.as_bytes(), b" ", argument, b"\r\n"].concat());
            let reply = client.reply();
            if reply.code == 150 {
                client.expect("ABOR", 426);
                client.expect_reply(226);
            } else {
                assert!((200..560).contains(&reply.code), "{name} {argument:?}: {reply:?}");
            }
            client.expect("SYST", 215);
        }
    }
    client.expect("MLST file", 250);
    assert_eq!(std::fs::read(setup.files().join("file")).unwrap(), b"12345");
}

/// RFC 959, section 5.3.1, has names in any case; RFC 1123, section 4.1.2.12, Telnet's commands anywhere.
#[test]
fn lines_are_read_as_they_come() {
    let setup = prepared();
    let server = setup.start();
    let mut client = server.login();
    // In pieces, several at once, with a bare line feed at the end.
    for piece in [&b"NO"[..], b"OP", b"\r", b"\n"] {
        client.send_raw(piece);
    }
    client.expect_reply(200);
    client.send_raw(b"noop\nPwD\r\n\xff\xf4NOOP\r\n");
    client.expect_reply(200);
    client.expect_reply(257);
    client.expect_reply(200);
    // An option is refused by silence, and a doubled 255 is a letter, which is not UTF-8.
    client.send_raw(b"\xff\xfd\x06NOOP\r\nSIZE \xff\xff\r\n");
    client.expect_reply(200);
    client.expect_reply(553);
    client.send_raw(b"\r\n");
    client.expect_reply(500);
}

/// A long line is thrown away up to its end; one without an end is the end of the session.
#[test]
fn lines_have_a_limit() {
    let setup = prepared();
    let server = setup.start();
    let mut client = server.connect();
    client.expect(&format!("NOOP {}", "x".repeat(8 * 1024 - 7)), 200);
    client.expect(&format!("NOOP {}", "x".repeat(8 * 1024 - 6)), 500);
    client.expect(&format!("NOOP {}", "x".repeat(60 * 1024)), 500);
    client.expect("NOOP", 200);
    client.send_raw(&vec![b'x'; 80 * 1024]);
    client.expect_reply(500);
    client.expect_end();
}

/// A name on the disk that holds a line end can't pass for a reply or for another entry.
#[test]
fn names_with_line_ends_forge_nothing() {
    let setup = prepared();
    let name = "empty/x\r\n213 End.\r\n230 Logged in";
    std::fs::write(setup.files().join(name), b"").unwrap();
    let server = setup.start();
    let mut client = server.login();
    let reply = client.expect("STAT empty", 213);
    assert!(!reply.text().contains("230"), "{reply:?}");
    client.expect("NOOP", 200);
    for command in ["LIST empty", "NLST empty", "MLSD empty"] {
        let mut listing = String::new();
        client.start_transfer(command).read_to_string(&mut listing).unwrap();
        client.expect_reply(226);
        assert_eq!(listing, "", "{command}");
    }
}
