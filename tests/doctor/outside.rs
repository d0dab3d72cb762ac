//! From outside, servers of this repository.

use std::fs;

use super::Examined;
use crate::support::{Running, Seen, Setup, at_a_terminal};

fn url(server: &Running<'_>) -> String {
    format!("ftp://demo@{}", server.address)
}

fn authorities(server: &Running<'_>) -> String {
    server.certificates().ca_file.display().to_string()
}

#[test]
fn a_server_in_plain_text_is_examined_to_the_end() {
    let setup = Setup::local();
    let server = setup.start();
    let examined = Examined::new(Some("demo"), &[&url(&server), "--write", "/"]);
    examined.expect("ok", "reachable", &[&server.address.to_string()]);
    examined.expect("ok", "greeting", &["220"]);
    examined.expect("note", "tls", &["offers no TLS"]);
    examined.expect("ok", "login", &["demo may log in"]);
    examined.expect("ok", "pasv", &["127.0.0.1"]);
    examined.expect("ok", "epsv", &["port"]);
    examined.expect("ok", "listing", &["in plain text"]);
    examined.expect("ok", "passive-ports", &["each took a connection"]);
    for check in ["write", "read", "resume", "delete"] {
        examined.expect("ok", check, &[]);
    }
    examined.expect("note", "active", &["--active"]);
    examined.expect("note", "idle", &["--idle"]);
    examined.expect_none("problem", "");
    assert_eq!(examined.status, Some(0));
    assert_eq!(
        fs::read_dir(setup.files())
            .unwrap()
            .filter(|entry| !entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'))
            .count(),
        0
    );
}

#[test]
fn the_password_may_stand_in_a_file_or_the_url_and_is_not_shown() {
    let setup = Setup::new(
        "
backends:
  scratch: { kind: memory, capacity: 1MiB }
users:
  - { name: demo, password: 'hunter2: long', plain: true, backend: scratch }
",
    );
    let server = setup.start();
    let file = setup.folder().join("password");
    fs::write(&file, "hunter2: long\nanother line\n").unwrap();
    let examined = Examined::new(None, &[&url(&server), "--password-file", file.to_str().unwrap()]);
    examined.expect("ok", "login", &[]);
    let examined = Examined::new(None, &[&format!("ftp://demo:hunter2%3a%20long@{}/", server.address)]);
    examined.expect("ok", "login", &[]);
    examined.expect("note", "password", &["list of processes"]);
    assert!(!examined.stdout.contains("hunter2"), "{}", examined.stdout);
}

#[test]
fn a_wrong_password_is_a_problem() {
    let setup = Setup::memory();
    let server = setup.start();
    let examined = Examined::new(Some("not this one"), &[&url(&server)]);
    examined.expect("problem", "login", &["530", "the server's log says"]);
    assert_eq!(examined.status, Some(1));
}

#[test]
fn a_port_without_a_server_is_a_problem() {
    let (_kept, closed) = crate::support::closed_port();
    let examined = Examined::new(Some("demo"), &[&format!("ftp://demo@{closed}")]);
    examined.expect("problem", "reachable", &["refused", "server.listen"]);
}

/// For people, each finding is a line, and a cure another.
#[test]
fn findings_are_lines_for_people() {
    let setup = Setup::memory();
    let server = setup.start();
    let mut command = crate::support::wharf(["doctor", &url(&server)]);
    let output = command.env(super::VARIABLE, "wrong").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\nproblem  login "), "{text}");
    assert!(text.contains("\n                        -> "), "{text}");
    assert!(text.ends_with(&format!("ftp://demo@{}: 1 problem, no warnings\n", server.address)), "{text}");
}

mod native_only {
    use super::*;

    #[test]
    fn an_encrypted_server_is_examined_to_the_end() {
        let setup = Setup::local().tls("required").server("implicit_tls_listen: [\"127.0.0.1:0\"]");
        let server = setup.start();
        let implicit = format!("ftps://demo@{}", server.implicit_address());
        for url in [url(&server), implicit] {
            let arguments = [&*url, "--authorities", &authorities(&server), "--write", "/"];
            let examined = Examined::new(Some("demo"), &arguments);
            examined.expect("ok", "tls", &["TLS 1.3"]);
            examined.expect("ok", "certificate", &["localhost", "days left"]);
            examined.expect("ok", "tls-versions", &["speaks TLS 1.3, 1.2, and refuses 1.1, 1.0"]);
            examined.expect("ok", "listing", &["resumed the session of the control connection"]);
            examined.expect("ok", "session-reuse", &["need not resume"]);
            examined.expect("ok", "features", &["MLST"]);
            examined.expect("ok", "delete", &[]);
            examined.expect_none("problem", "");
            examined.expect_none("warning", "");
            if url.starts_with("ftp:") {
                examined.expect("ok", "plain-login", &["is refused"]);
            }
        }
    }

    #[test]
    fn what_tls_is_not_as_it_should_be_is_said() {
        let setup = Setup::local().tls_with("optional", "require_session_reuse: true, min_version: \"1.3\"");
        let server = setup.start();
        let examined = Examined::new(Some("demo"), &[&url(&server), "--authorities", &authorities(&server)]);
        examined.expect("warning", "plain-login", &["not refused", "tls.mode: required"]);
        examined.expect("note", "session-reuse", &["have to resume", "522"]);
        examined.expect("ok", "tls-versions", &["speaks TLS 1.3, and refuses 1.2, 1.1, 1.0"]);
        examined.expect_none("problem", "");
    }

    /// Whoever answers in the server's place gets no password.
    #[test]
    fn nobody_logs_in_where_the_certificate_is_not_trusted() {
        let setup = Setup::local().tls("required");
        let server = setup.start();
        let examined = Examined::new(Some("demo"), &[&url(&server)]);
        examined.expect("problem", "certificate", &["is not known here", "tls.certificate"]);
        examined.expect("note", "login", &["not tried", "--insecure"]);
        examined.expect_none("ok", "login");
        // Whatever the user is called: only the password that everybody sends is no secret.
        let named = format!("ftp://ftp@{}", server.address);
        let examined = Examined::new(Some("hunter2hunter2"), &[&named]);
        examined.expect("note", "login", &["not tried", "--insecure"]);
        let examined = Examined::new(Some("demo"), &[&url(&server), "--insecure"]);
        examined.expect("problem", "certificate", &[]);
        examined.expect("ok", "listing", &[]);
        assert_eq!(examined.status, Some(1));
        // Another name than the certificate has.
        server.certificates().serve("server", &["ftp.example.com"]);
        drop(server);
        let server = setup.start();
        let examined = Examined::new(Some("demo"), &[&url(&server), "--authorities", &authorities(&server)]);
        examined.expect("problem", "certificate", &["ftp.example.com", "it is not one of"]);
    }

    #[test]
    fn a_port_for_another_kind_of_tls_is_told() {
        let setup = Setup::local().tls("required").server("implicit_tls_listen: [\"127.0.0.1:0\"]");
        let server = setup.start();
        let crossed = format!("ftps://demo@{}", server.address);
        let examined = Examined::new(Some("demo"), &[&crossed]);
        examined.expect("problem", "tls", &["ftp:// instead of ftps://"]);
        let crossed = format!("ftp://demo@{}", server.implicit_address());
        let examined = Examined::new(Some("demo"), &[&crossed, "--timeout", "2s"]);
        examined.expect("problem", "greeting", &["ftps:// instead of ftp://"]);
    }

    #[test]
    fn active_mode_and_silence_are_tried_on_request() {
        let setup = Setup::local().server("active: true\n  active_on_this_machine: true");
        let server = setup.start();
        let examined = Examined::new(Some("demo"), &[&url(&server), "--active", "--idle", "50ms"]);
        examined.expect("ok", "active", &["came from 127.0.0.1"]);
        examined.expect("ok", "idle", &["after 50ms"]);
        let setup = Setup::local().server("active_on_this_machine: false");
        let server = setup.start();
        let examined = Examined::new(Some("demo"), &[&url(&server), "--active"]);
        let words = ["not to this address", "504", "another machine", "server.active_on_this_machine"];
        examined.expect("note", "active", &words);
        let setup = Setup::local().server("idle_timeout: 10s\n  active: false");
        let server = setup.start();
        let examined = Examined::new(Some("demo"), &[&url(&server), "--active", "--idle", "12s"]);
        examined.expect("note", "active", &["502"]);
        examined.expect("note", "idle", &["421", "idle_timeout"]);
    }

    #[test]
    fn a_user_who_only_uploads_is_no_problem() {
        let setup = Setup::new(
            "
backends:
  scratch: { kind: memory, capacity: 1MiB }
users:
  - { name: demo, password: demo, plain: true, backend: scratch, permissions: upload-only }
",
        );
        let server = setup.start();
        let examined = Examined::new(Some("demo"), &[&url(&server), "--write", "/"]);
        examined.expect("ok", "write", &[]);
        examined.expect("note", "read", &["550"]);
        examined.expect("warning", "delete", &["550", "by hand"]);
    }

    #[test]
    fn an_address_for_clients_elsewhere_is_told() {
        let setup = Setup::local().passive("ports: 20000-31999, address: 10.9.8.7");
        let server = setup.start();
        let examined = Examined::new(Some("demo"), &[&url(&server)]);
        examined.expect("problem", "pasv", &["10.9.8.7, a private address", "server.passive.address"]);
        // The doctor goes where the control connection went.
        examined.expect("ok", "listing", &[]);
    }
}

#[test]
fn a_person_is_asked_for_the_password() {
    let setup = Setup::local();
    let server = setup.start();
    let (folder, url) = (setup.folder(), url(&server));
    let arguments = ["doctor", &url];
    let question = "Password of demo:";
    let Seen { status, text, is_right } = at_a_terminal(folder, &arguments, &[(question, "demo\n")]);
    assert!(status == 0 && is_right && text.contains("demo may log in"), "{status} {text}");
    for (signal, expected) in [("SIGTERM", 143), ("SIGHUP", 129), ("de\u{3}", 130)] {
        let Seen { status, text, is_right } = at_a_terminal(folder, &arguments, &[(question, signal)]);
        assert_eq!((status, is_right), (expected, true), "{signal}: {text}");
        assert!(text.contains("interrupted"), "{signal}: {text}");
    }
}
