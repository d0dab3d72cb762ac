//! Commands and replies.

use std::io::Write;

use super::libunftp_fails;
use crate::support::{Engine, SOON, Setup, unless_defective};

/// Nobody who has not logged in may make the server hold much.
#[test]
fn endless_line_is_not_held() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.connect();
    let before = server.peak_memory();
    let chunk = vec![b'a'; 1 << 20];
    let mut socket = client.tcp();
    for _ in 0..64 {
        // A server that closes the connection does the right thing.
        if socket.write_all(&chunk).is_err() {
            break;
        }
    }
    let _closed = client.try_end_line();
    libunftp_fails("endless-line-held-in-memory", || {
        let grown = server.peak_memory() - before;
        assert!(grown < 8 << 20, "{} MiB for one line", grown >> 20);
    });
}

/// An argument that is wrong or missing, or unknown to an engine, gets a reply, and the session goes on.
fn goes_on_after(name: &str, command: &str) {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    let reply = client.command(command);
    assert!((500..600).contains(&reply.code) || matches!(reply.code, 200 | 250), "{reply:?}");
    client.send("NOOP");
    libunftp_fails(name, || assert_eq!(client.reply_within(unless_defective()).expect("a reply").code, 200));
}

/// What stands behind AUTH in the same packet was sent by nobody who knew the key.
#[test]
fn nothing_is_carried_over_into_tls() {
    let setup = Setup::local().tls("optional");
    let server = setup.start();
    let config = server.certificates().client_config();
    let mut client = server.connect();
    client.send_raw(b"AUTH TLS\r\nUSER demo\r\n");
    client.expect_reply(234);
    libunftp_fails("commands-behind-auth-are-carried-out", || {
        client.encrypt(&config).unwrap();
        client.expect("NOOP", 200);
        client.expect_any("PASS demo", &[503, 530]);
    });
}

/// RFC 4217, section 4.2: after the 234 comes the handshake, and nothing else is read.
#[test]
fn handshake_is_no_command() {
    let setup = Setup::local().tls("optional");
    let server = setup.start();
    let config = server.certificates().client_config();
    // About one in thirty on a machine with two cores, fewer where the way is longer.
    let attempts = if Engine::current() == Engine::Libunftp { 20_000 } else { 300 };
    libunftp_fails("tls-handshake-taken-for-a-command", || {
        for _ in 0..attempts {
            let mut client = server.connect();
            client.expect("AUTH TLS", 234);
            client.encrypt(&config).unwrap();
        }
    });
}

/// RFC 959: 503, bad sequence of commands; 450 would ask the client to try again.
#[test]
fn rename_without_a_source_is_out_of_order() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    let reply = client.command("RNTO other");
    libunftp_fails("rnto-without-rnfr-is-450", || assert_eq!(reply.code, 503, "{reply:?}"));
}

#[test]
fn survives_an_unknown_mode() {
    goes_on_after("bad-argument-ends-session-mode", "MODE Z");
}

#[test]
fn survives_opts_utf8_without_a_value() {
    goes_on_after("bad-argument-ends-session-opts-utf8", "OPTS UTF8");
}

#[test]
fn survives_opts_mlst() {
    goes_on_after("bad-argument-ends-session-opts-mlst", "OPTS MLST type;size;");
}

#[test]
fn survives_a_restart_point_that_is_no_number() {
    goes_on_after("bad-argument-ends-session-rest", "REST abc");
}

#[test]
fn survives_a_missing_argument() {
    goes_on_after("bad-argument-ends-session-cwd", "CWD");
}

/// RFC 959, section 5.4: 421 may come at any time, when the server knows that it has to shut down.
#[test]
fn stop_is_announced() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    server.terminate();
    let reply = client.reply_within(SOON);
    libunftp_fails("stop-is-not-announced", || assert_eq!(reply.expect("a word").code, 421));
}
