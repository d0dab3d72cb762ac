//! The log: what an operator, or a program, reads there.

use serde_json::Value;

use crate::support::{Engine, Log, Setup};

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
        let theirs =
            log.find(|line| line["target"].as_str().is_some_and(|name| name.starts_with("libunftp")));
        assert_eq!(theirs, None);
        // And a line is about one thing, not about all that led to it.
        let spans = log.find(|line| line.get("spans").is_some_and(|spans| *spans != Value::Array(vec![])));
        assert_eq!(spans, None);
        log.expect(&["transfer complete", "/file"]);
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
        let theirs =
            log.find(|line| line["target"].as_str().is_some_and(|name| name.starts_with("libunftp")));
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
