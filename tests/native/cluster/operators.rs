//! What operators see and do at one replica, for all of them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Output;

use serde_json::{Value, json};

use super::counted::know_each_other;
use super::spreader::What;
use super::{Replicas, Wanted, session};
use crate::support::{ADMIN, Api, Running, SOON, Setup, noise, wait_until, wharf};

fn ask(setup: &Setup, arguments: &[&str]) -> (i32, String, String) {
    let socket = setup.folder().join("control.sock");
    let mut command = wharf([arguments[0], "--socket", socket.to_str().unwrap()]);
    let Output { status, stdout, stderr } = command.args(&arguments[1..]).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The replicas of all sessions that one replica shows.
fn shown(replica: &Running<'_>, filter: &str) -> Vec<Value> {
    let sessions = Api::of(replica).get(&format!("/sessions{filter}"));
    sessions["sessions"].as_array().unwrap().iter().map(|session| session["replica"].clone()).collect()
}

#[test]
fn any_replica_shows_all_sessions_and_ends_any() {
    let replicas = Replicas::new(Wanted::default());
    let mut running = replicas.start();
    know_each_other(&running);
    let spreader = replicas.spread(&running, What::Kept);
    let mut clients: Vec<_> = (0..3).map(|number| session(&spreader, number)).collect();
    let mut data = clients[2].start_transfer("STOR big");
    data.write_all(&noise(100_000, 1)).unwrap();
    for replica in &running {
        assert_eq!(shown(replica, ""), [json!(0), json!(1), json!(2)]);
        assert_eq!(shown(replica, "?replica=1"), [json!(1)]);
        assert_eq!(shown(replica, "?limit=2&user=demo"), [json!(0), json!(1)]);
        wait_until("it moves", || Api::of(replica).get("/transfers")["transfers"][0]["replica"] == json!(2));
        assert_eq!(Api::of(replica).get("/users/demo")["sessions"], json!(3));
    }
    let api = Api::of(&running[0]);
    let all = api.get("/sessions");
    let number = |at: usize| all["sessions"][at]["session"].as_u64().unwrap();
    assert_eq!((number(1) % 1000, number(2) % 1000), (1, 2), "{all}");
    let page = api.get("/sessions?limit=2");
    assert_eq!(
        api.get(&format!("/sessions?after={}", page["next"]))["sessions"][0]["session"],
        json!(number(2))
    );
    let one = api.get(&format!("/sessions/{}", number(1)));
    assert!(one["dialogue"].to_string().contains("PASS"), "{one}");
    // As commands have it.
    let (status, table, _) = ask(&replicas.setups[0], &["ps"]);
    assert!(status == 0 && table.starts_with("SESSION  REPLICA  USER"), "{table}");
    assert_eq!(table.lines().count(), 4, "{table}");
    let (_, table, _) = ask(&replicas.setups[0], &["ps", "--replica", "2"]);
    assert!(table.lines().count() == 2 && table.contains("upload"), "{table}");
    let (status, said, complaint) = ask(&replicas.setups[0], &["kick", &number(2).to_string()]);
    assert!(status == 0 && said.contains("of demo"), "{said}{complaint}");
    clients[2].expect_reply(421);
    assert!(!replicas.file("big").exists());
    running[2].log.expect("an operator acted", &[("by", "wharf kick, at replica 0"), ("action", "kick")]);
    api.change("DELETE", &format!("/sessions/{}", number(1)), "");
    clients[1].expect_reply(421);
    let (status, ended) = api.ask("DELETE", &format!("/sessions/{}", number(1)), "");
    assert_eq!(status, 404, "{ended}");
    assert_eq!(api.ask("GET", "/sessions/999999", "").0, 404);
    // All of a user, and those of a lock.
    clients[1] = session(&spreader, 1);
    assert_eq!(
        Api::of(&running[2]).change("DELETE", "/users/demo/sessions", ""),
        json!({ "ended_sessions": 2 })
    );
    clients[1].expect_reply(421);
    clients[0].expect_reply(421);
    clients[0] = session(&spreader, 0);
    let lock = Api::of(&running[1]).change("PUT", "/lockouts/demo", "{\"for\":\"1h\",\"end_sessions\":true}");
    assert_eq!((&lock["ended_sessions"], &lock["away"]), (&json!(1), &json!([])), "{lock}");
    clients[0].expect_reply(421);
    Api::of(&running[0]).change("DELETE", "/lockouts/demo", "");
    // Drained is the one that was asked.
    Api::of(&running[0]).change("POST", "/drain", "");
    let draining =
        |number: usize| Api::of(&running[1]).get("/replicas")["replicas"][number]["is_draining"].clone();
    assert_eq!((draining(0), draining(1), draining(2)), (json!(true), json!(false), json!(false)));
    // Who is gone is named.
    running[2].kill();
    let (status, _, complaint) = ask(&replicas.setups[0], &["ps"]);
    assert!(status == 0 && complaint.contains("replica 2 does not answer"), "{complaint}");
    let lock = api.change("PUT", "/lockouts/203.0.113.9", "{\"for\":\"1h\"}");
    assert_eq!(lock["away"], json!([2]), "{lock}");
    let (status, refused) = api.ask("DELETE", "/sessions/7002", "");
    assert_eq!(status, 503, "{refused}");
    assert_eq!(refused["detail"], "replica 2 does not answer");
}

#[test]
fn who_reads_along_sees_all_replicas() {
    let replicas = Replicas::new(Wanted::default());
    let running = replicas.start();
    know_each_other(&running);
    let spreader = replicas.spread(&running, What::Kept);
    let stream = TcpStream::connect_timeout(&running[0].http_address(), SOON).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let head =
        format!("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ADMIN}\r\n\r\n");
    (&stream).write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut event = |wanted: &dyn Fn(&Value) -> bool| loop {
        let line = lines.next().unwrap();
        let data = line.strip_prefix("data: ").map(|data| serde_json::from_str::<Value>(data).unwrap());
        if let Some(data) = data.filter(wanted) {
            return data;
        }
    };
    // The second snapshot: from the first one on, the others remember what happens.
    event(&|event| event["sessions_count"] == 0);
    event(&|event| event["sessions_count"] == 0);
    let _client = session(&spreader, 1);
    let fact = event(&|event| event["what"] == "logged_in");
    assert_eq!((&fact["replica"], &fact["user"]), (&json!(1), &json!("demo")), "{fact}");
    let snapshot = event(&|event| event["sessions_count"] == 1);
    assert_eq!(
        (&snapshot["sessions"][0]["replica"], &snapshot["replica"]),
        (&json!(1), &json!(0)),
        "{snapshot}"
    );
}
