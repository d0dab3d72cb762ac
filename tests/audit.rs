//! The audit: who did what, written where the configuration says.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};
use wharf_testing::json_schema::misfits;

use crate::support::{Engine, SOON, Setup, metric, request, wait_until};

/// The records, each of which fits the schema that ships.
#[track_caller]
fn records(text: &str) -> Vec<Value> {
    let schema: Value = serde_json::from_str(include_str!("../config/audit.schema.json")).unwrap();
    let record = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert_eq!(misfits(&schema, &schema, &record, ""), Vec::<String>::new(), "{line}");
        record
    };
    text.lines().map(record).collect()
}

#[track_caller]
fn records_of(path: &Path) -> Vec<Value> {
    records(&fs::read_to_string(path).unwrap())
}

/// A user `demo` on a disk, and an audit with these places.
fn setup(audit: &str) -> Setup {
    Setup::new(format!(
        "
audit: {audit}
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
users:
  - {{ name: demo, password: demo, plain: true, backend: disk, permissions: full }}
"
    ))
}

fn with<'r>(records: &'r [Value], event: &str) -> Vec<&'r Value> {
    records.iter().filter(|record| record["event"] == event).collect()
}

#[test]
fn a_session_can_be_read_from_its_beginning_to_its_end() {
    let setup = setup("[{ to: { file: '{folder}/audit' }, sha256: true }, { to: { file: '{folder}/xferlog' }, format: xferlog }]").tls("optional");
    let server = setup.start();
    let mut stranger = server.connect();
    stranger.command("USER hunter2");
    stranger.command("PASS secretword");
    drop(stranger);
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    client.store("a b", b"12345");
    assert_eq!(client.retrieve("a b"), b"12345");
    assert_eq!(client.try_fetch("RETR missing").1.code, 550);
    client.expect("MKD d", 257);
    client.expect("RNFR a b", 350);
    client.expect("RNTO c", 250);
    client.expect("DELE c", 250);
    client.expect("DELE c", 550);
    client.expect("QUIT", 221);
    client.expect_end();
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    let path = setup.folder().join("audit");
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("secretword"), "{text}");
    let records = records(&text);
    let events: Vec<_> = records.iter().map(|record| record["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "act",
            "login.failed",
            "login",
            "transfer",
            "transfer",
            if Engine::current() == Engine::Native { "command.refused" } else { "transfer" },
            "change",
            "change",
            "change",
            "command.refused",
            "session.end",
            "act"
        ],
        "{text}"
    );
    assert_eq!((&records[0]["action"], &records[11]["action"]), (&json!("start"), &json!("stop")));
    assert_eq!((&records[1]["user"], &records[1]["cause"]), (&json!("hunter2"), &json!("unknown user")));
    assert_eq!((&records[2]["proof"], &records[2]["encrypted"]), (&json!("password"), &json!(true)));
    // sha256sum of 12345.
    let sha256 = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5";
    for (record, operation) in [(&records[3], "upload"), (&records[4], "download")] {
        let said =
            [&record["operation"], &record["path"], &record["bytes"], &record["sha256"], &record["result"]];
        assert_eq!(said, [&json!(operation), &json!("/a b"), &json!(5), &json!(sha256), &json!("complete")]);
        if Engine::current() == Engine::Native {
            let said = [&record["tls"], &record["type"], &record["mode"], &record["active"]];
            assert_eq!(said, [&json!("1.3"), &json!("I"), &json!("S"), &json!(false)], "{record}");
            assert!(record["data_peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{record}");
        }
    }
    let operations: Vec<_> =
        with(&records, "change").iter().map(|record| record["operation"].clone()).collect();
    assert_eq!(operations, ["MKD", "RNTO", "DELE"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    let xferlog = fs::read_to_string(setup.folder().join("xferlog")).unwrap();
    // libunftp begins a transfer before it knows whether there is a file.
    let ends: Vec<_> = xferlog
        .lines()
        .map(|line| line.split_once(" 127.0.0.1 ").unwrap().1)
        .filter(|end| Engine::current() == Engine::Native || !end.contains("/missing"))
        .collect();
    assert_eq!(
        ends,
        ["5 /a_b b _ i r demo ftp 0 * c", "5 /a_b b _ o r demo ftp 0 * c", "0 /c b _ d r demo ftp 0 * c"]
    );
}

#[test]
fn standard_output_has_whole_lines_and_nothing_else() {
    let setup = setup("[{ to: stdout }]").wrapped_in(&["sh", "-c", "exec \"$@\" > {folder}/stdout", "-"]);
    let server = setup.start();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.login();
                for file in 0..25 {
                    client.store(&format!("f{number}-{file}"), b"12345");
                }
            });
        }
    });
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    let records = records_of(&setup.folder().join("stdout"));
    let paths: std::collections::BTreeSet<_> =
        with(&records, "transfer").iter().map(|record| record["path"].to_string()).collect();
    assert_eq!(paths.len(), 100);
}

#[test]
fn a_reload_is_written_down_and_makes_a_new_file() {
    let setup = setup("[{ to: { file: '{folder}/audit' } }]").server("control: off");
    let server = setup.start();
    let (path, old) = (setup.folder().join("audit"), setup.folder().join("audit.old"));
    wait_until("the start is written", || fs::read_to_string(&path).is_ok_and(|text| text.contains("start")));
    fs::rename(&path, &old).unwrap();
    server.signal(Signal::HUP);
    wait_until("there is a new file", || path.exists());
    fs::write(setup.folder().join("wharf.yaml"), "users: 5\n").unwrap();
    server.signal(Signal::HUP);
    let acts = |text: String| {
        records(&text).into_iter().filter(|record| record["event"] == "act").collect::<Vec<_>>()
    };
    wait_until("both are written", || {
        [&old, &path]
            .iter()
            .map(|path| acts(fs::read_to_string(path).unwrap_or_default()).len())
            .sum::<usize>()
            == 3
    });
    let acts: Vec<_> =
        [&old, &path].iter().flat_map(|path| acts(fs::read_to_string(path).unwrap())).collect();
    let said: Vec<_> =
        acts.iter().map(|act| (act["by"].clone(), act["action"].clone(), act["result"].clone())).collect();
    let word = |by: &str, action: &str, result: &str| (json!(by), json!(action), json!(result));
    assert_eq!(
        said,
        [
            word("wharf serve", "start", "done"),
            word("SIGHUP", "reload", "done"),
            word("SIGHUP", "reload", "failed")
        ]
    );
}

#[test]
fn a_collector_gets_messages_with_their_length_in_front() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    let setup = setup(&format!("[{{ to: {{ syslog: 'tcp://{place}' }} }}]"));
    let server = setup.start();
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut client = server.login();
    client.store("file", b"12345");
    let mut reader = BufReader::new(stream);
    let mut events = Vec::new();
    while events.len() < 3 {
        let mut length = Vec::new();
        reader.read_until(b' ', &mut length).unwrap();
        let length: usize = std::str::from_utf8(&length).unwrap().trim().parse().unwrap();
        let mut message = vec![0; length];
        reader.read_exact(&mut message).unwrap();
        let message = String::from_utf8(message).unwrap();
        let (header, record) = message.split_once(" - ").unwrap();
        assert!(header.starts_with("<86>1 20"), "{header}");
        events.push(records(record)[0]["event"].as_str().unwrap().to_owned());
    }
    assert_eq!(events, ["act", "login", "transfer"]);
}

/// Nothing else makes a disk full at a moment's notice that takes no rights.
#[test]
fn what_can_not_be_written_down_does_not_happen_if_it_has_to_be() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    let setup = setup(&format!("[{{ to: {{ syslog: 'tcp://{place}' }}, required: true }}]")).http();
    let server = setup.start();
    let mut client = server.login();
    client.store("before", b"12345");
    // The collector goes away, and what is sent next finds nobody.
    let (stream, _) = listener.accept().unwrap();
    drop((stream, listener));
    client.command("DELE before");
    let failing = format!("wharf_audit_failing{{sink=\"tcp://{place}\"}}");
    wait_until("writing fails", || metric(&server, &failing) == Some(1.0));
    assert_eq!(client.try_store("STOR after", b"12345").code, 451);
    client.expect("MKD d", 451);
    client.expect("SIZE after", 550);
    let mut stranger = server.connect();
    stranger.command("USER demo");
    let refused = stranger.command("PASS demo");
    assert!(matches!(refused.code, 430 | 530), "{refused:?}");
    server.log.expect("the audit can't be written", &[]);
    let ready = || request(server.http_address(), "GET /readyz HTTP/1.1\r\nHost: test");
    let (status, said) = ready();
    assert!(
        status == 503
            && said.contains(&format!("audit: logins and changes are refused because tcp://{place}")),
        "{said}"
    );
    // It is there again.
    let listener = TcpListener::bind(place).unwrap();
    let (_stream, _) = listener.accept().unwrap();
    wait_until("it is written again", || metric(&server, &failing) == Some(0.0));
    assert_eq!(ready().0, 200);
    client.store("after", b"12345");
}
