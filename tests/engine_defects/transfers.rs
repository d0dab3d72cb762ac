//! Transfers, and commands while they run.

use std::fs;
use std::io::Write;
use std::time::Duration;

use super::libunftp_fails;
use crate::support::{Setup, more_than_is_buffered, unless_defective};

/// RFC 959: the transfer comes right behind REST. RFC 3659 lets a server keep the point when it doesn't, or fails, but
/// whoever asks for a file without REST wants all of it.
#[test]
fn restart_point_is_gone_after_a_failed_download() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    client.store("file", b"0123456789");
    client.expect("REST 4", 350);
    assert_eq!(client.try_fetch("RETR missing").1.code, 550);
    libunftp_fails("restart-point-outlives-failure", || assert_eq!(client.retrieve("file"), b"0123456789"));
}

/// RFC 959: ABOR is answered, with 426 and 226 if it cut a transfer.
#[test]
fn abort_during_a_transfer_is_answered() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    let mut data = client.start_transfer("STOR file");
    data.write_all(&more_than_is_buffered()).unwrap();
    client.send("ABOR");
    libunftp_fails("abort-unanswered", || {
        let first = client.reply_within(unless_defective()).expect("a reply");
        assert!(matches!(first.code, 426 | 225 | 226), "{first:?}");
    });
}

#[test]
fn command_during_a_transfer_is_answered() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    let mut data = client.start_transfer("STOR file");
    data.write_all(&more_than_is_buffered()).unwrap();
    client.send("STAT");
    libunftp_fails("commands-wait-for-transfer", || {
        let reply = client.reply_within(unless_defective()).expect("a reply");
        assert!(matches!(reply.code, 211..=213), "{reply:?}");
    });
}

/// RFC 959, section 3.1.1.1: lines end in CRLF in ASCII type.
#[test]
fn ascii_type_converts_line_ends() {
    let setup = Setup::local();
    fs::write(setup.files().join("text"), b"one\ntwo\n").unwrap();
    let server = setup.start();
    let mut client = server.login();
    client.expect("TYPE A", 200);
    libunftp_fails("no-ascii-conversion", || assert_eq!(client.retrieve("text"), b"one\r\ntwo\r\n"));
}

/// A listing in between is as good as a transfer.
#[test]
fn restart_point_is_gone_after_a_listing() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    client.store("file", b"0123456789");
    client.expect("REST 5", 350);
    client.fetch("LIST");
    libunftp_fails("restart-point-survives-other-commands", || {
        assert_eq!(client.retrieve("file"), b"0123456789")
    });
}

/// RFC 959: QUIT during a transfer takes effect when that is over, and both get their replies.
#[test]
fn quit_during_a_transfer_waits_for_its_end() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    let mut data = client.start_transfer("STOR file");
    data.write_all(&more_than_is_buffered()).unwrap();
    client.send("QUIT");
    let early = client.reply_within(Duration::from_secs(1));
    let finished = data.finish();
    libunftp_fails("quit-cuts-transfer", || {
        finished.unwrap();
        assert!(early.is_none(), "{early:?}");
        assert_eq!(client.reply_within(unless_defective()).expect("a reply").code, 226);
        assert_eq!(client.reply_within(unless_defective()).expect("a reply").code, 221);
    });
}
