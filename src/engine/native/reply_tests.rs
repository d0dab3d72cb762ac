use wharf_backends::StoragePath;

use super::*;

fn encoded(reply: &Reply, charset: Charset) -> Vec<u8> {
    let mut out = Vec::new();
    reply.encode(charset, &mut out);
    out
}

#[test]
fn lines_of_a_reply_can_be_told_apart() {
    let reply = Reply::lines(211, "Features:", vec!["211 is no end".to_owned()], "End.");
    assert_eq!(encoded(&reply, Charset::Utf8), b"211-Features:\r\n 211 is no end\r\n211 End.\r\n");
}

#[test]
fn nothing_in_a_text_begins_a_line() {
    let reply = Reply::new(257, "\"/a\r\n230 in\"");
    assert_eq!(encoded(&reply, Charset::Utf8), b"257 \"/a  230 in\"\r\n");
}

#[test]
fn what_telnet_takes_for_a_command_is_doubled() {
    let windows = Charset::named("windows-1252").unwrap();
    assert_eq!(encoded(&Reply::new(250, "ÿ"), windows), b"250 \xFF\xFF\r\n");
    assert_eq!(encoded(&Reply::new(250, "ÿ"), Charset::Utf8), "250 ÿ\r\n".as_bytes());
}

#[test]
fn a_failure_names_the_path_and_not_the_cause() {
    let path = StoragePath::parse("/lost").unwrap();
    let error = Error::with_source(ErrorKind::Unavailable, &path, "bucket acme at 10.0.0.1");
    assert_eq!(Reply::failure(&error), Reply::new(451, "lost: storage unavailable; try again later."));
}
