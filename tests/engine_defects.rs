//! What the engine on libunftp gets wrong, each as a test of the right behaviour that has to fail there.
//! `docs/engines.md` explains each by its name here; the last test holds the two lists together.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use crate::support::{Client, Engine, SILENCE, Setup, known_defect, port_command};

/// On libunftp the body has to fail, on any other engine to pass.
#[track_caller]
fn libunftp_fails(name: &str, right_behaviour: impl FnOnce()) {
    known_defect(Engine::Libunftp, name, right_behaviour);
}

mod transfers {
    use super::*;

    /// When it is written, the transfer is under way.
    fn more_than_is_buffered() -> Vec<u8> {
        vec![b'x'; 16 << 20]
    }

    /// Where TLS is required, data in plain text is refused however the connection is to be opened.
    #[test]
    fn required_tls_holds_for_data_in_every_mode() {
        let setup = Setup::local().tls("required");
        let server = setup.start();
        let mut client = server.connect_tls();
        client.login("demo", "demo");
        client.clear_data();
        let (_, reply) = client.try_fetch("MLSD");
        libunftp_fails("required-tls-not-enforced-for-epsv-and-port", || {
            assert!((500..600).contains(&reply.code), "{reply:?}");
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

    /// RFC 3659, section 5: the restart point is for the next command alone, whatever becomes of it.
    #[test]
    fn restart_point_outlives_a_failed_download() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        client.store("file", b"0123456789");
        client.expect("REST 4", 350);
        assert_eq!(client.try_fetch("RETR missing").1.code, 550);
        libunftp_fails("restart-point-outlives-failure", || {
            assert_eq!(client.retrieve("file"), b"0123456789")
        });
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
            let first = client.reply_within(SILENCE).expect("a reply");
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
            let reply = client.reply_within(SILENCE).expect("a reply");
            assert!(matches!(reply.code, 211..=213), "{reply:?}");
        });
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
            let reply = client.reply_within(SILENCE).expect("a reply");
            assert!(reply.code >= 400, "{reply:?}");
            client.expect("NOOP", 200);
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
}

mod control_connection {
    use super::*;

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

    /// An argument that makes no sense gets a 5xx, and the session goes on.
    fn goes_on_after(name: &str, command: &str) {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        let reply = client.command(command);
        assert!((500..600).contains(&reply.code), "{reply:?}");
        client.send("NOOP");
        libunftp_fails(name, || assert_eq!(client.reply_within(SILENCE).expect("a reply").code, 200));
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
}

mod directories {
    use super::*;

    fn with_directories() -> Setup {
        let setup = Setup::local();
        fs::create_dir_all(setup.files().join("one/two")).unwrap();
        setup
    }

    #[test]
    fn working_directory_is_shown_without_dots() {
        let setup = with_directories();
        let server = setup.start();
        let mut client = server.login();
        client.expect("CWD one/..", 250);
        let reply = client.expect("PWD", 257);
        libunftp_fails("pwd-shows-dots", || assert!(reply.text().contains("\"/\""), "{reply:?}"));
    }

    #[test]
    fn cdup_leads_to_the_parent() {
        let setup = with_directories();
        let server = setup.start();
        let mut client = server.login();
        client.expect("CWD one/two/..", 250);
        client.expect_any("CDUP", &[200, 250]);
        libunftp_fails("cdup-goes-down-after-dots", || assert_eq!(client.names(""), ["one"]));
    }

    /// RFC 959, appendix II.
    #[test]
    fn quote_is_doubled() {
        let setup = with_directories();
        let server = setup.start();
        let mut client = server.login();
        client.expect("MKD a\"b", 257);
        client.expect("CWD a\"b", 250);
        let reply = client.expect("PWD", 257);
        libunftp_fails("pwd-does-not-double-quotes", || {
            assert!(reply.text().contains("\"/a\"\"b\""), "{reply:?}");
        });
    }

    #[test]
    fn have_no_size() {
        let setup = with_directories();
        let server = setup.start();
        let mut client = server.login();
        let reply = client.command("SIZE one");
        libunftp_fails("size-of-what-is-no-file", || assert_eq!(reply.code, 550, "{reply:?}"));
    }

    #[test]
    fn link_out_of_the_root_has_no_size() {
        let setup = Setup::local();
        fs::write(setup.folder().join("outside"), b"12345").unwrap();
        std::os::unix::fs::symlink("../outside", setup.files().join("link")).unwrap();
        let server = setup.start();
        let mut client = server.login();
        let reply = client.command("SIZE link");
        assert!(!reply.text().ends_with(" 5"), "the size of a file outside: {reply:?}");
        libunftp_fails("size-of-what-is-no-file", || assert_eq!(reply.code, 550, "{reply:?}"));
    }
}

mod active_mode {
    use super::*;

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
}

mod missing_commands {
    use super::*;

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

    #[test]
    fn xcup() {
        is_known("no-xcup-xrmd", "XCUP", 200);
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
            let plain = server.address.to_string();
            let line = server
                .log
                .find(|line| line.to_string().contains("listening") && !line.to_string().contains(&plain))
                .expect("a second listener");
            let address = server.address_of(&line);
            let mut client =
                Client::connect_implicit(address, &server.certificates().client_config()).unwrap();
            client.expect_reply(220);
            client.login("demo", "demo");
        });
    }
}

mod listings {
    use super::*;

    /// The contract's law 7.
    #[test]
    fn are_not_held_in_memory() {
        let setup = Setup::local();
        let padding = "n".repeat(200);
        for number in 0..50_000 {
            fs::write(setup.files().join(format!("{padding}{number}")), b"").unwrap();
        }
        let server = setup.start();
        let mut client = server.login();
        assert_eq!(client.names("/missing-is-another-matter/..").len(), 50_000);
        let grown = server.peak_memory();
        libunftp_fails("listing-held-in-memory", || {
            let one = Setup::memory();
            let one = one.start();
            one.login().names("");
            let usual = one.peak_memory();
            assert!(grown < usual + (10 << 20), "{} MiB more for 50,000 names", (grown - usual) >> 20);
        });
    }
}

/// The names in this file and those that the documentation explains are the same.
#[test]
fn documentation_names_every_defect() {
    let code = include_str!("engine_defects.rs");
    let (_, docs) = include_str!("../docs/engines.md").split_once("\n## Known defects").unwrap();
    let calls = ["libunftp_fails(\"", "goes_on_after(\"", "is_known(\""];
    let tested: BTreeSet<&str> = calls
        .iter()
        .flat_map(|call| code.split(call).skip(1))
        .filter_map(|rest| rest.split_once('"'))
        .map(|(name, _)| name)
        .filter(|name| {
            name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
        })
        .collect();
    let explained: BTreeSet<&str> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    assert!(tested.len() > 15, "{tested:?}");
    assert_eq!(
        tested, explained,
        "left: tested in tests/engine_defects.rs; right: explained in docs/engines.md"
    );
}
