//! `wharf ps`, `top`, `kick`, `lockouts`, `drain` and `completions`.

use std::process::Output;

use super::*;
use crate::support::{Seen, at_a_terminal, wharf};

fn setup() -> Setup {
    Setup::local().server("control: '{folder}/control.sock'").http()
}

fn ask(setup: &Setup, arguments: &[&str]) -> (i32, String, String) {
    let socket = setup.folder().join("control.sock");
    let mut command = wharf([arguments[0], "--socket", socket.to_str().unwrap()]);
    let Output { status, stdout, stderr } = command.args(&arguments[1..]).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn show_who_is_here_and_end_sessions_in_the_middle_of_an_upload() {
    let setup = setup();
    let server = setup.start();
    let (mut client, mut data, _) = upload_in_the_middle(&server);
    let _stranger = server.connect();
    wait_until("it moves", || ask(&setup, &["ps"]).1.contains("upload"));
    let (status, table, _) = ask(&setup, &["ps"]);
    assert_eq!((status, table.lines().count()), (0, 3), "{table}");
    assert!(table.lines().next().unwrap().starts_with("SESSION  USER"), "{table}");
    let (_, mine, _) = ask(&setup, &["ps", "--user", "demo", "--transfers", "--json"]);
    let mine: Value = serde_json::from_str(&mine).unwrap();
    assert_eq!((&mine["count"], &mine["sessions"][0]["user"]), (&json!(1), &json!("demo")), "{mine}");
    // It is no terminal.
    let (status, top, _) = ask(&setup, &["top"]);
    assert!(status == 0 && top.starts_with("2 sessions, 1 transfers, in "), "{top}");
    assert!(top.lines().next().unwrap().ends_with(", out 0 B/s"), "{top}");
    let number = mine["sessions"][0]["session"].to_string();
    let (status, said, complaint) = ask(&setup, &["kick", &number, "999999"]);
    assert_eq!((status, said.as_str()), (1, ""), "{complaint}");
    assert!(complaint.contains(&format!("ended session {number} of demo")), "{complaint}");
    assert!(complaint.contains("there is no session 999999"), "{complaint}");
    assert_ended(&server, &mut client, &mut data);
    wait_until("it is gone", || !ask(&setup, &["ps"]).1.contains("upload"));
    let _again = server.login();
    let (status, said, complaint) = ask(&setup, &["kick", "--user", "demo"]);
    assert!(status == 0 && said.contains("sessions of \"demo\""), "{said}{complaint}");
    assert_eq!(ask(&setup, &["kick", "--user", "nobody"]).0, 1);
    assert_eq!(ask(&setup, &["kick"]).0, 2);
    assert_eq!(ask(&setup, &["ps", "--peer", "nowhere"]).0, 2);
}

#[test]
fn lock_drain_and_complete() {
    let setup = setup();
    let server = setup.start();
    let (status, said, _) = ask(&setup, &["lockouts", "--lock", "127.0.0.2", "--for", "30m"]);
    assert_eq!((status, said.trim_end()), (0, "address 127.0.0.2 is locked for 30m"));
    Client::connect_from("127.0.0.2", server.address).expect_reply(421);
    let (_, said, _) = ask(&setup, &["lockouts"]);
    assert!(said.contains("address 127.0.0.2 is locked for") && said.contains("by an operator"), "{said}");
    assert_eq!(ask(&setup, &["lockouts", "--lift", "127.0.0.2"]).0, 0);
    Client::connect_from("127.0.0.2", server.address).expect_reply(220);
    assert_eq!(ask(&setup, &["lockouts", "--lock", "127.0.0.2"]).0, 2);
    assert_eq!(ask(&setup, &["lockouts", "--lock", "127.0.0.2", "--for", "soon"]).0, 2);

    let (status, said, _) = ask(&setup, &["drain"]);
    assert!(status == 0 && said.contains("no new sessions and logins"), "{said}");
    Client::connect(server.address).expect_reply(421);
    assert_eq!(ask(&setup, &["drain", "--resume"]).0, 0);
    server.login();
    assert_eq!(ask(&setup, &["drain", "--exit"]).0, 0);
    assert_eq!(server.wait().code(), Some(0));
    let (status, _, complaint) = ask(&setup, &["ps"]);
    assert_eq!(status, 1, "nobody is there");
    assert!(complaint.contains("--socket") && complaint.contains("`server.control`"), "{complaint}");
    for shell in ["bash", "zsh", "fish"] {
        let Output { status, stdout, .. } = wharf(["completions", shell]).output().unwrap();
        let script = String::from_utf8(stdout).unwrap();
        assert!(status.success() && script.contains("lockouts") && script.contains("completions"), "{shell}");
    }
}

#[test]
fn top_leaves_the_terminal_as_it_was() {
    let setup = setup();
    let server = setup.start();
    let _client = server.login();
    let socket = setup.folder().join("control.sock");
    let arguments = ["top", "--socket", socket.to_str().unwrap()];
    let ends = [("q", 0), ("\u{3}", 0), ("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)];
    for (typed, expected) in ends {
        let Seen { status, text, is_right } =
            at_a_terminal(setup.folder(), &arguments, &[("1 sessions, 0 transfers", typed)]);
        assert_eq!((status, is_right), (expected, true), "{typed:?}: {text}");
        let (_, after) = text.rsplit_once("\u{1b}[J").unwrap();
        assert_eq!(after, "\u{1b}[?25h\u{1b}[?1049l", "{typed:?}: {text}");
    }
}
