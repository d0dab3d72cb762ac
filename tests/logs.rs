//! The log: what an operator, or a program, reads there.

use serde_json::Value;

use crate::support::{Client, Engine, Line, Log, Setup, metric, request};

/// A session with a transfer, from its beginning to the end of the server; the whole log.
fn log_of_a_session(setup: &Setup) -> Log {
    let server = setup.start();
    let mut client = server.login();
    client.store("file", b"12345");
    client.retrieve("file");
    assert_eq!(client.try_fetch("RETR missing").1.code, 550);
    client.expect("QUIT", 221);
    client.expect_end();
    server.terminate();
    let log = server.log.clone();
    assert_eq!(server.wait().code(), Some(0));
    log.raw_at_the_end();
    log
}

mod filter {
    use super::*;

    #[track_caller]
    fn assert_only_ours(log: &Log) {
        let theirs = log.find(|line| line.target().starts_with("libunftp"));
        assert!(theirs.is_none(), "{theirs:?}");
        // And a line is about one thing, not about all that led to it.
        let spans =
            log.find(|line| line.value.get("spans").is_some_and(|spans| *spans != Value::Array(vec![])));
        assert!(spans.is_none(), "{spans:?}");
        log.expect("transfer complete", &[("path", "/file")]);
    }

    #[test]
    fn that_is_set_but_empty_is_none() {
        assert_only_ours(&log_of_a_session(&Setup::local().environment("RUST_LOG", "")));
    }

    #[test]
    fn of_the_file_silences_the_library() {
        let setup = Setup::new(
            "
log: { filter: info }
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk }
",
        );
        assert_only_ours(&log_of_a_session(&setup));
    }

    #[test]
    fn of_the_environment_silences_the_library() {
        assert_only_ours(&log_of_a_session(&Setup::local().environment("RUST_LOG", "debug")));
    }

    #[test]
    fn that_names_the_library_is_obeyed() {
        let log = log_of_a_session(&Setup::local().environment("RUST_LOG", "info,libunftp=info"));
        let theirs = log.find(|line| line.target().starts_with("libunftp"));
        assert_eq!(theirs.is_some(), Engine::current() == Engine::Libunftp);
    }
}

mod hostile_names {
    use super::*;

    /// They clear screens, ring bells, and begin lines that look like others.
    const NAMES: [&str; 5] =
        ["a\u{1b}[2Jb", "a\u{1b}]0;title\u{7}b", "a\u{1}\u{8}\u{b}\u{c}b", "a\u{7f}b", "a\u{9b}2Jb\u{85}"];

    /// Everything that puts what a client says into the log.
    fn raw_log(setup: &Setup) -> String {
        let server = setup.start();
        let mut client = server.login();
        for name in NAMES {
            // Whether such a name is taken is not the question here.
            client.try_store(&format!("STOR {name}"), b"12345");
            client.try_fetch(&format!("RETR {name}"));
            client.try_fetch(&format!("RETR missing{name}"));
            client.try_fetch(&format!("MLSD missing{name}"));
            for command in ["CWD", "DELE", "RMD", "SIZE", "SITE MD5", "MKD missing/", "RNFR"] {
                client.command(&format!("{command} missing{name}"));
            }
            client.try_store(&format!("STOR missing/{name}"), b"12345");
            let mut stranger = server.connect();
            stranger.command(&format!("USER {name}"));
            stranger.command(&format!("PASS {name}"));
        }
        drop(client);
        server.terminate();
        let log = server.log.clone();
        assert_eq!(server.wait().code(), Some(0));
        let raw = log.raw_at_the_end();
        for said in ["transfer complete", "login failed", "missing"] {
            assert!(raw.contains(said), "nothing of {said:?} in\n{raw:?}");
        }
        raw
    }

    #[test]
    fn are_escaped_in_text() {
        let raw = raw_log(&Setup::local().text_log().environment("RUST_LOG", "debug"));
        for line in raw.split('\n') {
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }

    #[test]
    fn are_escaped_in_json() {
        let raw = raw_log(&Setup::local().environment("RUST_LOG", "debug"));
        for line in raw.split_terminator('\n') {
            assert!(!line.chars().any(|c| c < ' '), "{line:?}");
            assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()), "{line:?}");
        }
    }
}

/// Programs that read the log hang, and strangers write in it.
mod floods {
    use super::*;

    #[test]
    fn a_log_that_nobody_reads_stops_nobody() {
        let setup = Setup::new(
            "
backends:
  scratch: { kind: memory }
users:
  - { name: demo, password: demo, plain: true, backend: scratch, permissions: full }
",
        )
        .http();
        let server = setup.start();
        // Asked for while there is somebody who reads where it is.
        let http = server.http_address();
        server.log.pause();
        let mut client = server.login();
        // Each change is a line of more than two kilobytes, and 4 MiB of lines may wait.
        let name = "n".repeat(250);
        for _ in 0..9 {
            client.expect(&format!("MKD {name}"), 257);
            client.expect(&format!("CWD {name}"), 250);
        }
        for _ in 0..1200 {
            client.expect("MKD d", 257);
            client.expect("RMD d", 250);
        }
        assert_eq!(request(http, "GET /livez HTTP/1.1").0, 200);
        server.login();
        assert!(metric(&server, "wharf_log_lines_lost_total").unwrap() > 0.0);
        server.log.resume();
        server.log.expect_warning("log lines were lost", &[("lines", "…")]);
    }

    /// The end of the process waits for no such program either.
    #[test]
    fn a_log_that_nobody_reads_does_not_hold_up_the_end() {
        let setup = Setup::local();
        let server = setup.start();
        server.log.pause();
        let mut client = server.login();
        for number in 0..500 {
            client.expect(&format!("MKD {number}-{}", "n".repeat(200)), 257);
        }
        server.terminate();
        let log = server.log.clone();
        assert_eq!(server.wait().code(), Some(0));
        log.resume();
    }

    #[test]
    fn lines_that_strangers_cause_are_few_and_the_rest_is_counted() {
        let setup = Setup::local().server("limits: { sessions_per_ip: 1 }");
        let server = setup.start();
        let _first = server.login();
        for _ in 0..300 {
            let mut refused = Client::connect(server.address);
            assert_eq!(refused.reply().code, 421);
        }
        server.log.expect_warning("left out log lines", &[("of", "refused a session")]);
        let lines = server.log.count("refused a session");
        assert!((20..60).contains(&lines), "{lines} lines of 300");
        // Others are heard of.
        let mut other = Client::connect_from("127.0.0.2", server.address);
        other.expect_reply(220);
        other.command("USER demo");
        other.expect("PASS wrong", 530);
        server.log.expect("login failed", &[("peer", "127.0.0.2:…")]);
    }

    #[test]
    fn names_of_strangers_are_cut() {
        let setup = Setup::local();
        let server = setup.start();
        let mut stranger = server.connect();
        stranger.command(&format!("USER {}", "x".repeat(400)));
        stranger.expect("PASS x", 530);
        let line = server.log.expect("login failed", &[]);
        let user = line.field("user").unwrap();
        assert!(user.starts_with(&"x".repeat(128)) && !user.contains(&"x".repeat(129)), "{line:?}");
    }
}

/// Who did what.
mod of_what_users_do {
    use super::*;

    #[track_caller]
    fn assert_line(log: &Log, message: &str, fields: &[(&str, Value)]) {
        let fits = |line: &Line| {
            let told = &line.value["fields"];
            line.message() == message && fields.iter().all(|(name, value)| told[*name] == *value)
        };
        assert!(log.find(fits).is_some(), "no line {message} with {fields:?} in\n{}", log.text());
    }

    #[test]
    fn each_change_is_a_line() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        client.store("file", b"12345");
        client.expect("MKD folder", 257);
        client.expect("CWD folder", 250);
        client.expect("RNFR /file", 350);
        client.expect("RNTO moved", 250);
        let mut expected = vec![("MKD", "/folder", None), ("RNTO", "/file", Some("/folder/moved"))];
        if Engine::current() == Engine::Native {
            client.expect("MFMT 20200203040506 moved", 213);
            client.expect("SITE CHMOD 600 moved", 200);
            let set = [("MFMT", "2020-02-03T04:05:06Z"), ("SITE CHMOD", "0600")];
            for (operation, value) in set.map(|(operation, value)| (operation, Value::from(value))) {
                let fields =
                    [("operation", operation.into()), ("path", "/folder/moved".into()), ("value", value)];
                assert_line(&server.log, "changed", &fields);
            }
        }
        client.expect("DELE moved", 250);
        client.expect("CDUP", 250);
        client.expect("RMD folder", 250);
        expected.extend([("DELE", "/folder/moved", None), ("RMD", "/folder", None)]);
        for (operation, path, to) in expected {
            let mut fields =
                vec![("user", "demo".into()), ("operation", operation.into()), ("path", path.into())];
            fields.extend(to.map(|to| ("to", Value::from(to))));
            assert_line(&server.log, "changed", &fields);
        }
        // What was refused is told as such.
        client.expect("RMD folder", 550);
        assert_line(&server.log, "command refused", &[("user", "demo".into()), ("path", "/folder".into())]);
        let lines = server.log.lines();
        assert_eq!(lines.iter().filter(|line| line.field("operation").as_deref() == Some("RMD")).count(), 2);
    }

    #[test]
    fn sessions_begin_and_end_with_what_they_moved() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        client.store("file", b"12345");
        client.store("file", b"1234567");
        client.retrieve("file");
        client.fetch("NLST");
        client.expect("QUIT", 221);
        client.expect_end();
        let fields = [("user", "demo".into()), ("received", 12.into()), ("sent", 7.into())];
        assert_line(&server.log, "session closed", &fields);
        // A filter by the user finds the login, too.
        assert_line(&server.log, "logged in", &[("user", "demo".into())]);
    }

    mod native_only {
        use super::*;

        /// What one user moved is not the next one's. (libunftp has no REIN.)
        #[test]
        fn a_session_can_be_that_of_one_after_the_other() {
            let setup = Setup::local();
            let server = setup.start();
            let mut client = server.login();
            client.store("file", b"12345");
            client.expect("REIN", 220);
            client.login("demo", "demo");
            client.store("other", b"123");
            client.expect("QUIT", 221);
            assert_line(&server.log, "logged out", &[("user", "demo".into()), ("received", 5.into())]);
            assert_line(&server.log, "session closed", &[("user", "demo".into()), ("received", 3.into())]);
        }
    }
}

/// The filter for fail2ban that ships, with its `<ADDR>` as fail2ban reads it.
mod fail2ban {
    use std::process::Command;

    use super::*;

    const SCRIPT: &str = r#"
import re, sys
text = open(sys.argv[1]).read().split("[Definition]")[1]
body = text.split("failregex = ")[1].split("\nignoreregex")[0]
address = r"(?P<addr>[0-9A-Fa-f:.]*[0-9A-Fa-f])"
wrong = text.split("_wrong = ")[1].split("\n")[0]
rules = [re.compile(rule.strip().replace("%(_wrong)s", wrong).replace("<ADDR>", address)) for rule in body.splitlines()]
for line in sys.stdin:
    for rule in rules:
        found = rule.search(line)
        if found:
            print(found.group("addr"))
            break
"#;

    #[track_caller]
    fn assert_finds(setup: &Setup) {
        let server = setup.start();
        let liar = r#"x" peer=192.0.2.1:5 cause="#;
        let liar_in_json = r#"x","peer":"192.0.2.1:5"#;
        for name in [
            "nobody",
            liar,
            liar_in_json,
            "WARN wharf::visit::facts::log: login failed session=1 user=\"a\" peer=192.0.2.1:5 cause=",
        ] {
            let mut client = server.connect();
            client.command(&format!("USER {name}"));
            client.command("PASS guess");
        }
        let mut client = server.login();
        client.command(&format!("CWD {liar}"));
        // The password is right.
        let mut second = server.connect();
        second.command("USER demo");
        assert_eq!(second.command("PASS demo").code, 530);
        drop((client, second));
        server.terminate();
        let log = server.log.clone();
        assert_eq!(server.wait().code(), Some(0));
        let folder = setup.folder();
        std::fs::write(folder.join("log"), log.raw_at_the_end()).unwrap();
        let output = Command::new("python3")
            .args(["-c", SCRIPT, concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/fail2ban/wharf.conf")])
            .stdin(std::fs::File::open(folder.join("log")).unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(
            said.lines().collect::<Vec<_>>(),
            ["127.0.0.1"; 4],
            "{output:?}\n{}",
            log.raw_at_the_end()
        );
    }

    #[test]
    fn finds_who_fails_to_log_in_and_nobody_else() {
        let setup = || Setup::local().server("limits: { sessions_per_user: 1 }");
        assert_finds(&setup());
        assert_finds(&setup().text_log());
    }
}
