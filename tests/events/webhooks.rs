//! What receivers of webhooks get, and what they may answer.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::receiver::{Answer, Got, Receiver};
use crate::support::{Program, Setup, metric, wait_until, wharf};

/// A server whose events go there.
pub fn setup(receiver: &Receiver, target: &str) -> Setup {
    setup_with(receiver, target, "")
}

pub fn setup_with(receiver: &Receiver, target: &str, more: &str) -> Setup {
    setup_at(&receiver.url(), target, more)
}

pub fn setup_at(url: &str, target: &str, more: &str) -> Setup {
    let setup = Setup::new(format!(
        "
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
users:
  - {{ name: demo, password: demo, plain: true, backend: disk, permissions: full }}
  - {{ name: other, password: other, plain: true, backend: disk, permissions: full }}
events:
  spool: '{{folder}}/events'
  node: here
{more}  to:
  - {{ name: hook, url: '{url}', pause: 20ms{target} }}
"
    ));
    std::fs::create_dir(setup.folder().join("events")).unwrap();
    setup.http().server("failed_login_delay: 0s").server("control: '{folder}/control.sock'")
}

pub fn summaries(got: &[Got]) -> Vec<String> {
    got.iter().map(Got::summary).collect()
}

#[test]
fn a_receiver_is_told_of_all_that_changes() {
    let receiver = Receiver::new();
    let setup = setup(&receiver, ", at_once: 1");
    let server = setup.start();
    let mut client = server.login();
    client.store("a", b"hello");
    client.expect("MKD d", 257);
    client.expect("RNFR a", 350);
    client.expect("RNTO d/b", 250);
    client.expect("RNFR d", 350);
    client.expect("RNTO e", 250);
    client.expect("DELE e/b", 250);
    client.expect("RMD e", 250);
    client.expect("DELE nothing", 550);
    client.expect("RMD nothing", 550);
    client.store("last", b"");
    let got = receiver.expect(7);
    let told: BTreeSet<_> = summaries(&got).into_iter().collect();
    let expected = [
        "file.stored /a",
        "directory.created /d",
        "file.renamed /d/b",
        "directory.renamed /e",
        "file.removed /e/b",
        "directory.removed /e",
        "file.stored /last",
    ];
    for event in expected {
        assert!(told.contains(event), "{event} in {told:?}");
    }
    let stored = got.iter().find(|got| got.path() == "/a").unwrap();
    let data = stored.data();
    assert_eq!((&data["size"], &data["user"]), (&5.into(), &"demo".into()));
    assert_eq!((&data["backend"], &data["key"], &data["mount"]), (&"disk".into(), &"/a".into(), &"/".into()));
    assert_eq!(data["peer"], "127.0.0.1");
    assert_eq!(data["by"]["node"], "here");
    assert!(data["modified"].as_str().unwrap().ends_with('Z'));
    let renamed = got.iter().find(|got| got.kind() == "file.renamed").unwrap().data();
    assert_eq!((&renamed["from"]["path"], &renamed["size"]), (&"/a".into(), &5.into()));
    assert_eq!(stored.header("content-type"), "application/cloudevents+json; charset=utf-8");
}

#[test]
fn attributes_stand_in_headers_if_that_is_asked_for() {
    let receiver = Receiver::new();
    let setup = setup(&receiver, ", mode: binary");
    let server = setup.start();
    server.login().store("ü%", b"hello");
    let got = &receiver.expect(1)[0];
    assert_eq!(got.header("ce-specversion"), "1.0");
    assert_eq!(got.header("ce-type"), "wharf.file.stored");
    assert_eq!(got.header("ce-source"), "/wharf/here");
    assert_eq!(got.header("ce-subject"), "/%C3%BC%25");
    assert_eq!(got.header("ce-id"), got.id());
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.path(), "/ü%");
}

/// The receiver is down, slow, in trouble and redirects: each event comes all the same, under one name, in the order of its path.
#[test]
fn an_event_comes_again_until_it_is_taken() {
    let receiver = Receiver::answering(|_, before| match before {
        0 => Answer::Close,
        1 => Answer::Status(500, ""),
        2 => Answer::Status(302, "location: /elsewhere\r\n"),
        3 => Answer::Status(429, "retry-after: 0\r\n"),
        4 => Answer::Status(404, ""),
        _ => Answer::Status(204, ""),
    });
    let setup = setup(&receiver, "");
    let server = setup.start();
    let mut client = server.login();
    for _ in 0..3 {
        client.store("a", b"x");
    }
    client.expect("DELE a", 250);
    let taken = receiver.expect(4);
    let all = receiver.all();
    assert_eq!(all.len(), 9);
    let names: BTreeSet<_> = all[..6].iter().map(Got::id).collect();
    assert_eq!(names.len(), 1, "what comes again has the same name");
    let kinds: Vec<_> = taken.iter().map(Got::kind).collect();
    assert_eq!(kinds, ["file.stored", "file.stored", "file.stored", "file.removed"]);
    let ids: Vec<_> = taken.iter().map(Got::id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    server.log.expect_warning("an event is not delivered: it is tried again", &[("receiver", "hook")]);
    server.log.expect("events are delivered again", &[("receiver", "hook")]);
    assert_eq!(
        server.log.count("an event is not delivered: it is tried again"),
        1,
        "the first failure alone"
    );
    wait_until("the metric tells of it", || {
        metric(&server, "wharf_events_delivered_total{receiver=\"hook\"}") == Some(4.0)
    });
    assert_eq!(metric(&server, "wharf_events_failed_attempts_total{receiver=\"hook\"}"), Some(5.0));
}

#[test]
fn receivers_hear_only_of_what_they_asked_for() {
    let receiver = Receiver::new();
    let setup = setup(
        &receiver,
        ", on: [file.stored, 'login.*'], paths: ['/in/**', '/*.csv'], users: [demo], at_once: 1",
    );
    let server = setup.start();
    let mut client = server.login();
    client.expect("MKD in", 257);
    client.expect("MKD in/deep", 257);
    client.store("a.txt", b"x");
    client.store("a.csv", b"x");
    client.store("in/deep/a.csv", b"x");
    let mut other = server.login_as("other", "other");
    other.store("other.csv", b"x");
    client.store("last.csv", b"x");
    let got = receiver.expect(3);
    assert_eq!(
        summaries(&got),
        ["file.stored /a.csv", "file.stored /in/deep/a.csv", "file.stored /last.csv"]
    );
}

#[test]
fn logins_and_failures_are_told() {
    let receiver = Receiver::new();
    let setup = setup(&receiver, ", on: ['login.*', upload.failed], at_once: 1");
    let server = setup.start();
    let mut client = server.connect();
    client.command("USER demo");
    client.expect("PASS sesame-7", 530);
    client.login("demo", "demo");
    let got = receiver.expect(2);
    assert_eq!(got.iter().map(Got::kind).collect::<Vec<_>>(), ["login.failed", "login.succeeded"]);
    assert!(!got[0].data()["cause"].as_str().unwrap().is_empty());
    assert!(!got[0].data().to_string().contains("sesame-7"), "{:?}", got[0].data());
}

/// A file that is not complete is told of once, by its final name.
#[test]
fn parts_are_told_of_by_their_final_name() {
    let receiver = Receiver::new();
    let setup = setup(&receiver, ", at_once: 1");
    let server = setup.start();
    let mut client = server.login();
    client.store("a.part", b"hello");
    client.store("b.filepart", b"x");
    client.expect("DELE b.filepart", 250);
    client.store("c.tmp", b"x");
    client.expect("RNFR c.tmp", 350);
    client.expect("RNTO c.part", 250);
    client.expect("RNFR c.part", 350);
    client.expect("RNTO c", 250);
    client.expect("RNFR a.part", 350);
    client.expect("RNTO a", 250);
    let got = receiver.expect(2);
    assert_eq!(summaries(&got), ["file.stored /c", "file.stored /a"]);
    assert_eq!(got[1].data()["size"], 5);
    // The receiver has answered before the server has read that.
    wait_until("nothing waits", || metric(&server, "wharf_events_waiting{receiver=\"hook\"}") == Some(0.0));
}

#[test]
fn a_part_that_gets_no_name_is_told_of_after_a_while_if_it_is_there() {
    let receiver = Receiver::new();
    let setup = setup_with(&receiver, "", "  partial_wait: 100ms\n");
    let server = setup.start();
    let mut client = server.login();
    client.store("a.part", b"x");
    assert_eq!(summaries(&receiver.expect(1)), ["file.stored /a.part"]);
}

/// What waits when the server stops is delivered by the next one.
#[test]
fn events_outlive_the_server() {
    let is_up = Arc::new(AtomicUsize::new(0));
    let receiver = {
        let is_up = Arc::clone(&is_up);
        Receiver::answering(move |_, _| match is_up.load(Ordering::Relaxed) {
            0 => Answer::Status(503, ""),
            _ => Answer::Status(204, ""),
        })
    };
    let setup = setup(&receiver, "");
    let server = setup.start();
    let mut client = server.login();
    client.store("a", b"x");
    client.store("b", b"x");
    receiver.expect_requests(1);
    server.terminate();
    drop(client);
    assert!(server.wait().success());
    is_up.store(1, Ordering::Relaxed);
    let server = setup.start();
    let told: BTreeSet<_> = summaries(&receiver.expect(2)).into_iter().collect();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), ["file.stored /a", "file.stored /b"]);
    wait_until("nothing waits", || metric(&server, "wharf_events_waiting{receiver=\"hook\"}") == Some(0.0));
}

/// Without room for its event, nothing is changed.
#[test]
fn changes_are_refused_while_the_spool_is_full() {
    let receiver = Receiver::answering(|_, _| Answer::Status(503, ""));
    let setup = setup_with(&receiver, "", "  spool_size: 1MiB\n");
    let long = "l".repeat(200);
    let server = setup.start();
    let mut client = server.login();
    client.expect(&format!("MKD {long}"), 257);
    let mut stored = 0;
    let refused = loop {
        let reply = client.try_store(&format!("STOR {long}/{stored}"), b"x");
        if reply.code != 226 {
            break reply;
        }
        stored += 1;
        assert!(stored < 5000, "it never gets full");
    };
    assert_eq!(refused.code, 452);
    assert!(!setup.files().join(&long).join(stored.to_string()).exists());
    client.expect(&format!("DELE {long}/0"), 452);
    assert!(setup.files().join(&long).join("0").exists());
    assert!(metric(&server, "wharf_events_refusals_total").unwrap() >= 2.0);
}

/// Events of one path come one after the other, those of several side by side.
#[test]
fn a_slow_receiver_has_its_share_at_once() {
    let most = Arc::new(Mutex::new((0, 0)));
    let receiver = {
        let most = Arc::clone(&most);
        let gate = Arc::new(std::sync::Barrier::new(3));
        Receiver::answering(move |got, _| {
            {
                let mut most = most.lock().unwrap();
                most.0 += 1;
                most.1 = most.1.max(most.0);
            }
            if got.path() != "/last" {
                gate.wait();
            }
            most.lock().unwrap().0 -= 1;
            Answer::Status(200, "")
        })
    };
    let setup = setup(&receiver, ", at_once: 3");
    let server = setup.start();
    let mut client = server.login();
    for name in ["a", "b", "c", "d", "e", "f", "last"] {
        client.store(name, b"x");
    }
    receiver.expect(7);
    assert_eq!(most.lock().unwrap().1, 3);
}

/// What can't be delivered is kept, listed, and sent again when somebody says so.
#[test]
fn dead_letters_are_listed_and_sent_again() {
    let is_back = Arc::new(AtomicUsize::new(0));
    let receiver = {
        let is_back = Arc::clone(&is_back);
        Receiver::answering(move |_, _| match is_back.load(Ordering::Relaxed) {
            0 => Answer::Status(410, ""),
            _ => Answer::Status(204, ""),
        })
    };
    let setup = setup(&receiver, "");
    let server = setup.start();
    let mut client = server.login();
    client.store("a", b"x");
    client.store("b", b"x");
    client.store("c", b"x");
    wait_until("all are dead letters", || {
        metric(&server, "wharf_events_dead{receiver=\"hook\"}") == Some(3.0)
    });
    let socket = setup.folder().join("control.sock");
    let ask = |arguments: &[&str]| {
        let mut command = wharf(["events"]);
        command.args(arguments).arg("--socket").arg(&socket);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    };
    let (status, listed) = ask(&["list"]);
    assert_eq!((status, listed.lines().count()), (0, 3), "{listed}");
    assert!(listed.contains("file.stored /a by demo to hook: status 410"), "{listed}");
    let id = listed.split(' ').next().unwrap();
    assert_eq!(ask(&["drop", id]).0, 0);
    assert_eq!(ask(&["drop", id]).0, 1, "it is gone");
    is_back.store(1, Ordering::Relaxed);
    assert_eq!(ask(&["retry", "hook"]).0, 0);
    let told: BTreeSet<_> = summaries(&receiver.expect(2)).into_iter().collect();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), ["file.stored /b", "file.stored /c"]);
    assert_eq!(ask(&["list"]), (0, "there are no dead letters\n".to_owned()));
}

/// Dead letters outlive the server.
#[test]
fn what_is_too_old_is_a_dead_letter() {
    let receiver = Receiver::answering(|_, _| Answer::Status(500, ""));
    let setup = setup(&receiver, ", retry_for: 100ms");
    let mut server = setup.start();
    server.login().store("a", b"x");
    let is_dead = |server: &crate::support::Running<'_>| {
        metric(server, "wharf_events_dead{receiver=\"hook\"}") == Some(1.0)
    };
    wait_until("it is a dead letter", || is_dead(&server));
    server
        .log
        .expect_warning("an event can't be delivered: it is a dead letter now", &[("receiver", "hook")]);
    // It is written down some time later.
    wait_until("it is written down", || {
        let spool = setup.folder().join("events");
        let files =
            std::fs::read_dir(spool).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.flatten().collect::<Vec<_>>().windows(10).any(|bytes| bytes == b"\"r\":\"dead\"")
    });
    server.kill();
    drop(server);
    let server = setup.start();
    assert!(is_dead(&server));
}

/// The signature as a receiver computes it, with both keys while they change.
#[test]
fn requests_are_signed_by_every_key() {
    let keys = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"];
    let receiver = Receiver::new();
    let setup = setup(&receiver, &format!(", secret: {}, more_secrets: [{}]", keys[0], keys[1]));
    let server = setup.start();
    server.login().store("a", b"hello");
    let got = receiver.expect(1)[0].clone();
    let script = "
import base64, hashlib, hmac, json, sys
got = json.load(sys.stdin)
signed = f\"{got['id']}.{got['time']}.{got['body']}\".encode()
for key in got['keys']:
    key = base64.b64decode(key.removeprefix('whsec_'))
    print('v1,' + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode())
";
    let input = json!({
        "id": got.id(), "time": got.header("webhook-timestamp"), "keys": keys,
        "body": String::from_utf8(got.body.clone()).unwrap(),
    });
    let computed =
        Program::new("python3", setup.folder()).args(["-c", script]).input(&input.to_string()).run();
    let computed: Vec<_> = computed.lines().collect();
    assert_eq!(got.header("webhook-signature").split(' ').collect::<Vec<_>>(), computed);
    assert_eq!(computed.len(), 2);
    let age = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
        - got.header("webhook-timestamp").parse::<u64>().unwrap();
    assert!(age < 600);
}

/// The receiver of the guide: it checks the signature.
#[test]
fn the_receiver_of_the_guide_hears_of_a_file() {
    let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/receive_events.py");
    let command = format!("exec python3 -u {script} 0 {key} > heard");
    let _running = Program::new("sh", folder.path()).args(["-c", &command]).start();
    let heard = || std::fs::read_to_string(folder.path().join("heard")).unwrap_or_default();
    wait_until("it listens", || heard().ends_with('\n'));
    let port = heard().trim().rsplit(' ').next().unwrap().to_owned();
    let setup = Setup::new(format!(
        "
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
users:
  - {{ name: demo, password: demo, plain: true, backend: disk, permissions: full }}
events:
  spool: '{{folder}}/events'
  to: [{{ url: 'http://127.0.0.1:{port}/', secret: {key} }}]
"
    ));
    std::fs::create_dir(setup.folder().join("events")).unwrap();
    let server = setup.start();
    server.login().store("a", b"x");
    wait_until("it has heard", || heard().contains("wharf.file.stored /a\n"));
}
