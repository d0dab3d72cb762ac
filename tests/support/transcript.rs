//! Sessions written down as text, and carried out line by line.
//!
//! ```text
//! [nobody]                        a new connection; also [demo], logged in; [tls] and [demo over tls], encrypted; in the
//!                                 place of tls also its older names, after which data is encrypted at once: ssl, tls-p
//! PWD => 530                      a command, and the code of its reply
//! PWD => 257 "/" is               ... and what the reply contains
//! STOR a <- one\r\n => 226        a transfer in passive mode: what is sent, and the last code
//! RETR a -> one\n => 226          ... what comes, as a whole
//! LIST ~> file => 226             ... what is a part of what comes
//! (end)                           the server closes the connection
//! # a reason
//! ```
//!
//! In commands and data `\s` is a blank, `\0`, `\r` and `\n` are what they are in Rust, `\x41` is a byte, and `{9*ab}`
//! stands for `ab` nine times.

use std::io::{Read, Write};

use super::{Client, Running};

/// Carries out a transcript.
#[track_caller]
pub fn perform(server: &Running<'_>, transcript: &str) {
    let mut session = None;
    let lines = transcript.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        if let Some(who) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            session = Some(open(server, who));
            continue;
        }
        let client = session.as_mut().expect("a transcript begins with who it is: [demo]");
        if line == "(end)" {
            client.expect_end();
            continue;
        }
        let Some((said, wanted)) = line.rsplit_once(" => ") else { panic!("no reply in the line {line:?}") };
        let (code, text) = wanted.split_once(' ').unwrap_or((wanted, ""));
        let code: u16 = code.parse().unwrap_or_else(|_| panic!("no code in the line {line:?}"));
        let reply = exchange(client, said);
        let text = String::from_utf8(bytes(text)).unwrap();
        let fits = reply.code == code && reply.text().contains(&text);
        assert!(fits, "wanted {line}\n{}", client.transcript());
    }
}

fn open(server: &Running<'_>, who: &str) -> Client {
    let (user, protocol) = match who {
        "nobody" => (None, None),
        "tls" => (None, Some("tls")),
        other => match other.split_once(" over ") {
            Some((user, protocol)) => (Some(user), Some(protocol)),
            None => (Some(other), None),
        },
    };
    let mut client = server.connect();
    if let Some(protocol) = protocol {
        let config = server.certificates().client_config();
        client.expect(&format!("AUTH {protocol}"), 234);
        client.encrypt(&config).unwrap();
        if matches!(protocol, "ssl" | "tls-p") {
            client.encrypt_data();
        }
    }
    if let Some(user) = user {
        client.expect(&format!("USER {user}"), 331);
        client.expect(&format!("PASS {user}"), 230);
    }
    client
}

/// Does one line; the last reply to it.
fn exchange(client: &mut Client, said: &str) -> super::Reply {
    // The data may be empty.
    let said = &format!("{said} ");
    let bytes = |data: &str| bytes(data.trim_end());
    if let Some((command, data)) = said.split_once(" <- ") {
        let mut stream = transfer(client, command);
        stream.write_all(&bytes(data)).unwrap();
        stream.finish().unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        return client.reply();
    }
    for (arrow, whole) in [(" -> ", true), (" ~> ", false)] {
        let Some((command, data)) = said.split_once(arrow) else { continue };
        let (mut found, wanted) = (Vec::new(), bytes(data));
        transfer(client, command).read_to_end(&mut found).unwrap();
        let reply = client.reply();
        let (found, wanted) = (String::from_utf8_lossy(&found), String::from_utf8_lossy(&wanted));
        let fits = if whole { found == wanted } else { found.contains(&*wanted) };
        assert!(fits, "wanted {said}, came {found:?}\n{}", client.transcript());
        return reply;
    }
    client.send_raw(&[&bytes(said), &b"\r\n"[..]].concat());
    client.reply()
}

fn transfer(client: &mut Client, command: &str) -> super::Stream {
    let command = String::from_utf8(bytes(command)).expect("a transfer of a name in UTF-8");
    client.start_transfer(&command)
}

/// The bytes that a text stands for.
pub fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '\\' => {
                let (letter, after) = rest.split_at(1);
                rest = after;
                bytes.push(match letter {
                    "s" => b' ',
                    "0" => 0,
                    "r" => b'\r',
                    "n" => b'\n',
                    "\\" => b'\\',
                    "x" => {
                        let (digits, after) = rest.split_at(2);
                        rest = after;
                        u8::from_str_radix(digits, 16).unwrap()
                    }
                    other => panic!("\\{other} in {text:?}"),
                });
            }
            '{' => {
                let (repeated, after) = rest.split_once('}').unwrap();
                let (count, what) = repeated.split_once('*').unwrap();
                bytes.extend(what.repeat(count.parse().unwrap()).into_bytes());
                rest = after;
            }
            other => bytes.extend(other.to_string().into_bytes()),
        }
    }
    bytes
}
