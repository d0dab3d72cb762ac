//! The admin interface, and the commands on the same functions: who is here, what moves, and what an operator does about it.

mod commands;
mod description;
mod events;
mod hostile;
mod stream;
mod tls;

use std::fs;
use std::io::Write;

use serde_json::{Value, json};

use crate::support::{
    ADMIN, Api, Client, Engine, READ_ONLY, Running, Setup, more_than_is_buffered, noise, wait_until,
};

/// The only session of a user.
#[track_caller]
fn session_of(api: Api, user: &str) -> Value {
    let sessions = api.get(&format!("/sessions?user={user}"));
    assert_eq!(sessions["count"], 1, "{sessions}");
    sessions["sessions"][0].clone()
}

/// An upload in the middle, and the rest of it.
fn upload_in_the_middle(server: &Running<'_>) -> (Client, crate::support::Stream, Vec<u8>) {
    let content = more_than_is_buffered();
    let mut client = server.login();
    let mut data = client.start_transfer("STOR big.bin");
    data.write_all(&content[..1_000_000]).unwrap();
    (client, data, content)
}

/// Demands that a session was ended by an operator, and has left nothing.
#[track_caller]
fn assert_ended(server: &Running<'_>, client: &mut Client, data: &mut crate::support::Stream) {
    // The server takes no more of it.
    let _ = data.write_all(&noise(48 << 20, 7));
    match Engine::current() {
        Engine::Native => {
            let reply = client.expect_reply(421);
            assert!(reply.text().contains("operator"), "{reply:?}");
            client.expect_end();
        }
        // It says what it likes.
        Engine::Libunftp => while client.try_reply().is_ok() {},
    }
    let mut other = server.login();
    assert_eq!(other.names(""), [""; 0]);
}

#[test]
fn a_transfer_is_seen_while_it_moves() {
    let setup = Setup::local().admin();
    let server = setup.start();
    let api = Api::of(&server);
    let (mut client, mut data, content) = upload_in_the_middle(&server);
    let bytes = || session_of(api, "demo")["transfer"]["bytes"].as_u64().unwrap_or(0);
    wait_until("a part of it has come", || bytes() >= 1_000_000);
    let session = session_of(api, "demo");
    let transfer = &session["transfer"];
    assert_eq!(
        (&transfer["direction"], &transfer["backend"]),
        (&json!("upload"), &json!("disk")),
        "{session}"
    );
    assert!(transfer["path"].as_str().unwrap().ends_with("/big.bin"), "{session}");
    assert_eq!(session["idle_seconds"], 0.0, "{session}");
    let before = bytes();
    data.write_all(&content[1_000_000..9_000_000]).unwrap();
    wait_until("more of it has come", || bytes() > before + 1_000_000);
    assert_eq!(api.get("/transfers")["transfers"][0]["user"], "demo");
    assert_eq!(api.get("/server")["transfers"], 1);
    data.write_all(&content[9_000_000..]).unwrap();
    data.finish().unwrap();
    client.expect_reply(226);
    wait_until("it is over", || session_of(api, "demo")["transfer"].is_null());
    let whole = json!(content.len());
    assert_eq!(session_of(api, "demo")["received_bytes"], whole);
    let throughput = api.get("/throughput");
    let received = throughput["backends"][0]["received_bytes"].as_array().unwrap();
    assert_eq!(received.len(), 360);
    assert_eq!(json!(received.iter().filter_map(Value::as_u64).sum::<u64>()), whole, "{throughput}");
    assert_eq!(
        api.get("/transfers?user=demo"),
        json!({ "transfers": [], "count": 0, "next": null, "away": [] })
    );
}

#[test]
fn a_session_that_is_ended_leaves_nothing_of_its_upload() {
    let setup = Setup::local().admin();
    let server = setup.start();
    let api = Api::of(&server);
    let (mut client, mut data, _) = upload_in_the_middle(&server);
    let number = session_of(api, "demo")["session"].as_u64().unwrap();
    let ended = api.change("DELETE", &format!("/sessions/{number}"), "");
    assert_eq!((&ended["ended_sessions"], &ended["session"]["user"]), (&json!(1), &json!("demo")));
    assert_ended(&server, &mut client, &mut data);
    wait_until("it is gone", || api.ask("GET", &format!("/sessions/{number}"), "").0 == 404);
    assert_eq!(api.ask("DELETE", &format!("/sessions/{number}"), "").0, 404);
    let line = server.log.expect("an operator acted", &[("action", "kick")]);
    assert!(line.field("detail").unwrap().contains("\"demo\""), "{line:?}");
    assert!(line.field("by").unwrap().contains("127.0.0.1"), "{line:?}");
    server.log.expect_warning("transfer failed", &[("cause", "an operator has ended the session")]);
}

#[test]
fn all_sessions_of_a_user_are_ended_at_once() {
    let setup = Setup::memory().admin();
    let server = setup.start();
    let api = Api::of(&server);
    let mut clients: Vec<_> = (0..3).map(|_| server.login()).collect();
    let _stranger = server.connect();
    assert_eq!(api.change("DELETE", "/users/demo/sessions", "")["ended_sessions"], 3);
    for client in &mut clients {
        while client.try_reply().is_ok() {}
    }
    wait_until("they are gone", || api.get("/sessions")["count"] == 1);
    assert_eq!(api.ask("DELETE", "/users/demo/sessions", "").0, 404);
}

#[test]
fn two_hundred_sessions_are_listed_and_paged_through() {
    let setup = Setup::memory().server("limits: { sessions_per_ip: 300 }").admin();
    let server = setup.start();
    let api = Api::of(&server);
    let clients: Vec<_> = (0..200).map(|_| server.connect()).collect();
    wait_until("all are here", || api.get("/sessions")["count"] == 200);
    let (mut after, mut seen) = (json!(0), Vec::new());
    while !after.is_null() {
        let page = api.get(&format!("/sessions?limit=37&after={after}"));
        seen.extend(page["sessions"].as_array().unwrap().iter().map(|one| one["session"].as_u64().unwrap()));
        after = page["next"].clone();
    }
    assert_eq!(seen.len(), 200);
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!(api.get("/sessions?peer=127.0.0.0/8")["count"], 200);
    assert_eq!(api.get("/sessions?peer=192.0.2.1")["count"], 0);
    assert_eq!(api.get("/sessions?transfer=true")["count"], 0);
    drop(clients);
    wait_until("all are gone", || api.get("/sessions")["count"] == 0);
}

#[test]
fn what_a_token_may_do() {
    let setup = Setup::memory().admin();
    let server = setup.start();
    let full = Api::of(&server);
    let look = Api { token: READ_ONLY, ..full };
    assert_eq!(
        (full.get("/access"), look.get("/access")),
        (json!({ "may_change": true }), json!({ "may_change": false }))
    );
    assert_eq!(look.get("/sessions")["count"], 0);
    for (method, path) in [
        ("DELETE", "/sessions/1"),
        ("DELETE", "/users/demo/sessions"),
        ("PUT", "/lockouts/192.0.2.7"),
        ("DELETE", "/lockouts/192.0.2.7"),
        ("POST", "/reload"),
        ("POST", "/drain"),
        ("DELETE", "/drain"),
    ] {
        let (status, problem) = look.ask(method, path, "");
        assert_eq!((status, &problem["status"]), (403, &json!(403)), "{method} {path}: {problem}");
    }
    for token in ["", "wrong", "the-token-of-whoever-may-do-al", "the-token-of-whoever-may-do-all "] {
        let (status, problem) = Api { token, ..full }.ask("GET", "/sessions", "");
        let expected = if token.ends_with(' ') { 200 } else { 401 };
        assert_eq!(status, expected, "{token:?}: {problem}");
    }
    let line = server.log.expect("a wrong token for the admin interface", &[]);
    assert!(line.field("peer").is_some());
    for secret in [ADMIN, READ_ONLY] {
        assert!(!server.log.text().contains(secret), "a token is in the log");
    }
}

#[test]
fn an_operator_locks_and_lifts() {
    let setup = Setup::memory().admin();
    let server = setup.start();
    let api = Api::of(&server);
    let mut here = server.login();
    // However `lockout` is configured: it is not.
    assert_eq!(api.change("PUT", "/lockouts/demo", r#"{"for":"30m"}"#)["remaining_seconds"], 1800);
    assert_eq!(api.change("PUT", "/lockouts/127.0.0.0%2F30", r#"{"for":"1h"}"#)["ended_sessions"], 0);
    let locks = api.get("/lockouts");
    assert_eq!(locks["count"], 2, "{locks}");
    assert_eq!(
        (&locks["lockouts"][0]["subject"], &locks["lockouts"][0]["kind"]),
        (&json!("127.0.0.0/30"), &json!("address"))
    );
    assert_eq!(
        (&locks["lockouts"][1]["subject"], &locks["lockouts"][1]["by_operator"]),
        (&json!("demo"), &json!(true))
    );
    Client::connect(server.address).expect_reply(421);
    here.expect("NOOP", 200);
    let mut elsewhere = Client::connect_from("127.0.0.9", server.address);
    elsewhere.expect_reply(220);
    elsewhere.expect("USER demo", 331);
    elsewhere.expect("PASS demo", 530);
    assert_eq!(api.change("DELETE", "/lockouts/demo", "")["lifted"], 1);
    assert_eq!(api.change("DELETE", "/lockouts/127.0.0.0%2F30", "")["lifted"], 1);
    assert_eq!(api.ask("DELETE", "/lockouts/demo", "").0, 404);
    server.login();
    assert_eq!(
        api.change("PUT", "/lockouts/demo", r#"{"for":"1m","end_sessions":true}"#)["ended_sessions"]
            .as_u64()
            .unwrap()
            .min(1),
        1
    );
    while here.try_reply().is_ok() {}
    for wrong in [
        "",
        "{}",
        r#"{"for":""}"#,
        r#"{"for":5}"#,
        r#"{"for":"1h","x":1}"#,
        r#"{"for":"1h","end_sessions":"yes"}"#,
        "[",
        "[]",
        r#"{"for":"0s"}"#,
        r#"{"for":"9999days"}"#,
    ] {
        let (status, problem) = api.ask("PUT", "/lockouts/demo", wrong);
        assert_eq!(status, 400, "{wrong}: {problem}");
    }
}

#[test]
fn the_server_drains_and_takes_new_sessions_again() {
    let setup = Setup::memory().admin();
    let server = setup.start();
    let api = Api::of(&server);
    let mut here = server.login();
    let mut connected = server.connect();
    let drained = api.change("POST", "/drain", "");
    assert_eq!((&drained["is_draining"], &drained["sessions"]), (&json!(true), &json!(2)));
    Client::connect(server.address).expect_reply(421);
    connected.send("USER demo");
    if connected.try_reply().is_ok_and(|reply| reply.code == 331) {
        connected.expect_any("PASS demo", &[421, 530]);
    }
    // Nobody failed.
    assert!(!server.log.text().contains("login failed"), "{}", server.log.text());
    here.store("a", b"it goes on");
    assert_eq!(api.get("/server")["is_ready"], false);
    let (status, _) = crate::support::request(server.http_address(), "GET /readyz HTTP/1.1\r\nHost: test");
    assert_eq!(status, 503);
    assert_eq!(api.change("DELETE", "/drain", "")["is_draining"], false);
    server.login();
    assert_eq!(api.get("/server")["is_ready"], true);
    drop((here, connected));
    assert_eq!(api.change("POST", "/drain", r#"{"exit":true}"#)["is_exiting"], true);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_configuration_is_read_again_with_every_problem_and_the_next_token_counts() {
    let setup = Setup::memory().admin();
    let server = setup.start();
    let api = Api::of(&server);
    assert_eq!(api.get("/reload"), json!({ "at": null, "result": "none" }));
    crate::reload::change(&setup, "permissions: full", "permissions: fulll");
    let (status, problem) = api.ask("POST", "/reload", "");
    assert_eq!(status, 422, "{problem}");
    assert!(problem["problems"][0]["message"].as_str().unwrap().contains("fulll"), "{problem}");
    assert!(problem["problems"][0]["line"].as_u64().is_some(), "{problem}");
    assert_eq!(api.get("/reload")["result"], "failed");
    crate::reload::change(&setup, "permissions: fulll", "permissions: full");
    crate::reload::change(
        &setup,
        &format!("read_only_token: {READ_ONLY}"),
        "read_only_token: the-next-token-of-all",
    );
    let done = api.change("POST", "/reload", "");
    assert_eq!((&done["result"], &done["users"]), (&json!("done"), &json!(1)), "{done}");
    assert!(done["why"].as_str().unwrap().contains("127.0.0.1"), "{done}");
    assert_eq!(Api { token: READ_ONLY, ..api }.ask("GET", "/server", "").0, 401);
    assert_eq!(Api { token: "the-next-token-of-all", ..api }.ask("GET", "/server", "").0, 200);
}

#[test]
fn users_backends_and_failures_are_told() {
    let rest = "
backends:
  disk: { kind: local, root: '{folder}/files' }
  scratch: { kind: memory, capacity: 64MiB }
users:
  - { name: anna, password: apple, plain: true, backend: disk, quota: { bytes: 1MiB } }
  - { name: bert, password: berry, plain: true, backend: scratch, expires: 2099-01-01, limits: { sessions: 3 } }
";
    let setup = Setup::new(rest).admin();
    fs::write(setup.files().join("a"), [0; 1000]).unwrap();
    let server = setup.start();
    let api = Api::of(&server);
    let _here = server.login_as("bert", "berry");
    let users = api.get("/users");
    let names: Vec<_> = users["users"].as_array().unwrap().iter().map(|user| &user["name"]).collect();
    assert_eq!(names, ["anna", "bert"]);
    assert_eq!(users["users"][1]["sessions"], 1, "{users}");
    assert_eq!(users["users"][1]["limits"]["sessions"], 3, "{users}");
    assert!(users["users"][1]["expires_at"].as_str().unwrap().starts_with("2099-01-01"), "{users}");
    assert_eq!(api.get("/users?limit=1")["next"], "anna");
    assert_eq!(api.get("/users?after=anna")["users"][0]["name"], "bert");
    let anna = api.get("/users/anna");
    let quota = &anna["quotas"][0];
    assert_eq!((&quota["limit_bytes"], &quota["used_bytes"]), (&json!(1 << 20), &json!(1000)), "{anna}");
    let quotas = api.get("/quotas");
    assert_eq!(
        (&quotas["quotas"][0]["backend"], &quotas["quotas"][0]["used_files"]),
        (&json!("disk"), &json!(1))
    );
    assert_eq!(api.ask("GET", "/users/nobody", "").0, 404);
    let backends = api.get("/backends");
    let states: Vec<_> = backends["backends"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["name"], &one["kind"], &one["state"]))
        .collect();
    assert_eq!(
        states,
        [
            (&json!("disk"), &json!("local"), &json!("fine")),
            (&json!("scratch"), &json!("memory"), &json!("fine"))
        ]
    );
    let mut wrong = server.connect();
    wrong.expect("USER anna", 331);
    wrong.expect("PASS wrong", 530);
    let failures = api.get("/failures");
    assert_eq!(failures["logins"][0]["network"], "127.0.0.0/24", "{failures}");
    assert_eq!(failures["errors"][0]["of"], "login", "{failures}");
}

/// What the engine `libunftp` can't tell.
mod native_only {
    use super::*;

    #[test]
    fn the_last_words_of_a_session_are_told_without_secrets() {
        let setup = Setup::memory().admin();
        let server = setup.start();
        let api = Api::of(&server);
        let mut client = server.login();
        client.expect("SITE PSWD demo sesame", 504);
        client.expect("ACCT sesame", 202);
        client.expect("PWD", 257);
        let number = session_of(api, "demo")["session"].as_u64().unwrap();
        let session = api.get(&format!("/sessions/{number}"));
        let lines: Vec<_> = session["dialogue"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["line"].as_str().unwrap())
            .collect();
        assert_eq!(session["last_command"], "PWD");
        assert!(lines.contains(&"PASS ********") && lines.contains(&"SITE PSWD ********"), "{lines:?}");
        assert!(
            lines.contains(&"USER demo") && lines.iter().any(|line| line.starts_with("257 ")),
            "{lines:?}"
        );
        assert!(!lines.iter().any(|line| line.contains("sesame") || line.contains("PASS demo")), "{lines:?}");
        for _ in 0..50 {
            client.expect("NOOP", 200);
        }
        assert_eq!(api.get(&format!("/sessions/{number}"))["dialogue"].as_array().unwrap().len(), 20);
    }

    #[test]
    fn encryption_is_told_of_as_it_changes() {
        let setup = Setup::memory().tls("optional").admin();
        let server = setup.start();
        let api = Api::of(&server);
        let mut client = server.connect_tls();
        client.login("demo", "demo");
        assert_eq!(session_of(api, "demo")["is_encrypted"], true);
        client.expect("CCC", 200);
        client.decrypt().unwrap();
        client.expect("NOOP", 200);
        assert_eq!(session_of(api, "demo")["is_encrypted"], false);
    }

    #[test]
    fn a_download_tells_how_much_there_is_of_it() {
        let setup = Setup::local().admin();
        let content = more_than_is_buffered();
        fs::write(setup.files().join("big.bin"), &content).unwrap();
        let server = setup.start();
        let api = Api::of(&server);
        let mut client = server.login();
        client.expect("TYPE I", 200);
        client.expect("REST 1000", 350);
        let data = client.start_transfer("RETR big.bin");
        wait_until("it is seen", || !session_of(api, "demo")["transfer"].is_null());
        let transfer = session_of(api, "demo")["transfer"].clone();
        assert_eq!(
            (&transfer["size_bytes"], &transfer["offset_bytes"]),
            (&json!(content.len()), &json!(1000))
        );
        assert_eq!(transfer["direction"], "download");
        drop(data);
    }
}
