use super::*;

fn read(bytes: &[u8]) -> Result<Reply, NoReply> {
    Lines::default().reply(&mut &*bytes)
}

fn reply(text: &str) -> Reply {
    read(text.as_bytes()).unwrap()
}

#[test]
fn replies_are_read() {
    assert_eq!(reply("220 hello\r\n").lines, ["hello"]);
    assert_eq!(reply("220-a\n220-b\r\n 220 c\r\n220 d\r\n").lines, ["a", "220-b", " 220 c", "d"]);
    assert_eq!(reply("200\r\n").lines, [""]);
    assert!(matches!(read(b""), Err(NoReply::Closed)));
    for other in
        [&b"SSH-2.0-x\r\n"[..], b"HTTP/1.1 400\r\n", b"\x15\x03\x01\0\x02\x02\x28", b"22 x\n", b"2200 x\n"]
    {
        assert!(matches!(read(other), Err(NoReply::NotFtp(_))), "{other:?}");
    }
}

#[test]
fn endless_replies_end() {
    assert!(matches!(read(&[b'2'; 1 << 20]), Err(NoReply::TooLong)));
    let endless = std::iter::once("220-x\r\n").chain(std::iter::repeat_n("and on\r\n", 10_000));
    let endless: String = endless.collect();
    assert!(matches!(read(endless.as_bytes()), Err(NoReply::TooLong)));
}

#[test]
fn nothing_of_a_reply_reaches_a_terminal() {
    let said = reply("530 \x1b[2J\u{202e}no\x07\r\n").said();
    assert_eq!(said, "530 \"\u{fffd}[2J\u{fffd}no\u{fffd}\"");
    let long = reply(&format!("530 {}\r\n", "x".repeat(5000))).said();
    assert!(long.chars().count() < 300, "{long}");
}

#[test]
fn addresses_and_ports_are_read() {
    for (text, expected) in [
        ("227 Entering Passive Mode (127,0,0,1,200,1).\r\n", Some("127.0.0.1:51201")),
        ("227 Entering Passive Mode 10,0,0,1,0,21\r\n", Some("10.0.0.1:21")),
        ("227 (1,2,3,4,5)\r\n", None),
        ("227 (1,2,3,4,5,256)\r\n", None),
        ("227 nothing\r\n", None),
        ("227 \u{2460}(\r\n", None),
    ] {
        assert_eq!(reply(text).address().map(|address| address.to_string()).as_deref(), expected, "{text}");
    }
    for (text, expected) in [
        ("229 Extended (|||51201|)\r\n", Some(51201)),
        ("229 (!!!5!)\r\n", Some(5)),
        ("229 (|||0|)\r\n", None),
        ("229 (|||70000|)\r\n", None),
        ("229 ()\r\n", None),
        ("229 x\r\n", None),
    ] {
        assert_eq!(reply(text).port(), expected, "{text}");
    }
}
