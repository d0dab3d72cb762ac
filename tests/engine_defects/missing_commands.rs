//! Commands of later RFCs, and of old ones.

use std::fs;

use super::libunftp_fails;
use crate::support::{Client, Setup};

fn is_known(name: &str, command: &str, code: u16) {
    let setup = Setup::local();
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.login();
    let reply = client.command(command);
    libunftp_fails(name, || assert_eq!(reply.code, code, "{reply:?}"));
}

#[test]
fn mfmt() {
    is_known("no-mfmt", "MFMT 20200203040506 file", 213);
}

#[test]
fn hash() {
    is_known("no-hash", "HASH file", 213);
}

#[test]
fn rein() {
    is_known("no-rein", "REIN", 220);
}

#[test]
fn lang() {
    is_known("no-lang", "LANG en", 200);
}

/// RFC 959, section 4.1.1: the codes are those of CWD.
#[test]
fn xcup() {
    is_known("no-xcup-xrmd", "XCUP", 250);
}

/// RFC 7151: before the login.
#[test]
fn host() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.connect();
    let reply = client.command("HOST ftp.example.com");
    libunftp_fails("no-host", || assert_eq!(reply.code, 220, "{reply:?}"));
}

#[test]
fn implicit_tls() {
    let setup = Setup::local().tls("optional").server("implicit_tls_listen: [\"127.0.0.1:0\"]");
    libunftp_fails("no-implicit-tls", || {
        let server = setup.try_start().unwrap_or_else(|log| panic!("{log}"));
        let mut client =
            Client::connect_implicit(server.implicit_address(), &server.certificates().client_config())
                .unwrap();
        client.expect_reply(220);
        client.login("demo", "demo");
    });
}
