//! Where events wait: full, failing, used by another server, and what operators do with dead letters.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::receiver::{Answer, Receiver};
use super::webhooks::{setup, setup_with, summaries};
use crate::support::{Setup, metric, request, wait_until, wharf};

/// `wharf events` with these arguments: its exit status, and what it says.
pub fn ask(setup: &Setup, arguments: &[&str]) -> (i32, String) {
    let mut command = wharf(["events"]);
    command.args(arguments).arg("--socket").arg(setup.folder().join("control.sock"));
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// A receiver that answers with this status until it is well.
fn ill(status: u16) -> (Receiver, Arc<AtomicBool>) {
    let is_well = Arc::new(AtomicBool::new(false));
    let of_receiver = Arc::clone(&is_well);
    let receiver = Receiver::answering(move |_, _| match of_receiver.load(Ordering::Relaxed) {
        true => Answer::Status(204, ""),
        false => Answer::Status(status, ""),
    });
    (receiver, is_well)
}

/// While its disk fails, nothing is changed; then all goes on.
#[test]
fn changes_are_refused_while_the_disk_of_the_spool_fails() {
    // What it took would make room.
    let (receiver, is_well) = ill(503);
    let setup = setup(&receiver, "");
    let events = setup.folder().join("events");
    let mount = "mount -t tmpfs -o size=1m tmpfs '{folder}/events'";
    let Some(setup) = setup.mounted(mount) else { return };
    let server = setup.start();
    let mut client = server.login();
    client.store("before", b"x");
    let inside = format!("/proc/{}/root{}/filler", server.pid(), events.display());
    let filler = Path::new(&inside);
    // As much as there is room for.
    fs::write(filler, vec![0; 1 << 20]).unwrap_err();
    // What is left of the last page is used up.
    let refused =
        (0..20).map(|n| client.try_store(&format!("STOR s{n}"), b"x")).find(|reply| reply.code != 226);
    assert_eq!(refused.map(|reply| reply.code), Some(451));
    assert_eq!(client.command("DELE before").code, 451);
    assert_eq!(client.command("MKD d").code, 451);
    assert!(setup.files().join("before").exists() && !setup.files().join("d").exists());
    server.log.find(|line| line.says("the spool of events can't be written: changes are refused")).unwrap();
    server.log.expect_warning("", &[("path", "…"), ("cause", "…the spool of events can't be written…")]);
    assert!(metric(&server, "wharf_events_refusals_total").unwrap() >= 3.0);
    fs::remove_file(filler).unwrap();
    client.store("after", b"x");
    server.log.expect("the spool of events can be written again", &[]);
    client.expect("DELE before", 250);
    is_well.store(true, Ordering::Relaxed);
    wait_until("all are told", || metric(&server, "wharf_events_waiting{receiver=\"hook\"}") == Some(0.0));
    let told: BTreeSet<_> = summaries(&receiver.taken()).into_iter().collect();
    let mut expected: BTreeSet<_> =
        client.names("").iter().map(|name| format!("file.stored /{name}")).collect();
    expected.extend(["file.stored /before", "file.removed /before"].map(str::to_owned));
    assert_eq!(told, expected);
    let segments = fs::read_dir(Path::new(&inside).parent().unwrap()).unwrap().count();
    assert!(segments < 5, "{segments} files are left of the failures");
}

/// Logins are told as long as there is room for what matters.
#[test]
fn logins_are_dropped_while_the_spool_is_half_full() {
    let (receiver, is_well) = ill(503);
    let setup =
        setup_with(&receiver, ", on: ['login.failed', 'directory.*'], at_once: 16", "  spool_size: 1MiB\n");
    let server = setup.start();
    let mut client = server.login();
    let long = "l".repeat(250);
    client.expect(&format!("MKD {long}"), 257);
    client.expect(&format!("MKD {long}/{long}"), 257);
    for number in 0..2000 {
        if metric(&server, "wharf_events_spool_bytes").unwrap() > 600_000.0 {
            break;
        }
        client.expect(&format!("MKD {long}/{long}/{number}"), 257);
    }
    let mut other = server.connect();
    other.command("USER demo");
    other.expect("PASS wrong", 530);
    wait_until("it is dropped", || metric(&server, "wharf_events_dropped_total") == Some(1.0));
    client.expect("MKD last", 257);
    is_well.store(true, Ordering::Relaxed);
    wait_until("all are told", || metric(&server, "wharf_events_waiting{receiver=\"hook\"}") == Some(0.0));
    assert!(receiver.taken().iter().all(|got| got.kind() == "directory.created"));
    client.expect("RMD last", 250);
    wait_until("there is room again", || metric(&server, "wharf_events_spool_bytes").unwrap() < 500_000.0);
}

/// A device that never renames what it sends must not keep everybody else from storing anything.
#[test]
fn files_that_get_no_names_leave_room() {
    let receiver = Receiver::new();
    let setup = setup_with(&receiver, ", on: ['file.stored'], at_once: 16", "  spool_size: 1MiB\n");
    let server = setup.start();
    let mut client = server.login();
    let long = "l".repeat(240);
    client.expect(&format!("MKD {long}"), 257);
    // The server looks every few seconds; what it tells of makes room, so nobody knows how many fit.
    let told =
        |receiver| metric(&server, &format!("wharf_events_delivered_total{{receiver=\"{receiver}\"}}"));
    let stored = (0..20_000)
        .take_while(|number| {
            client.store(&format!("{long}/{number}.part"), b"x");
            told("hook").is_none_or(|told| told < 1.0)
        })
        .count();
    assert!(stored < 20_000);
    server.log.expect_warning("the spool of events is half full: the files that have waited longest", &[]);
    wait_until("none waits", || metric(&server, "wharf_events_waiting{receiver=\"hook\"}") == Some(0.0));
    // The oldest are told of, by the names that they have, and the others wait.
    assert!(summaries(&receiver.taken()).contains(&format!("file.stored /{long}/0.part")));
    assert!(metric(&server, "wharf_events_parked").unwrap() > 0.0);
}

/// Whoever asks whether the server is well hears of it.
#[test]
fn a_full_spool_is_told_of() {
    let (receiver, _) = ill(503);
    let setup = setup_with(&receiver, ", on: ['directory.*']", "  spool_size: 1MiB\n");
    let server = setup.start();
    let mut client = server.login();
    let long = "l".repeat(250);
    client.expect(&format!("MKD {long}"), 257);
    let made = (0..4000).take_while(|number| client.command(&format!("MKD {long}/{number}")).code == 257);
    assert!(made.count() < 4000);
    wait_until("it is full", || metric(&server, "wharf_events_spool_usable") == Some(0.0));
    let (status, said) = request(server.http_address(), "GET /readyz HTTP/1.1\r\nHost: test");
    assert_eq!((status, said.contains("because of the spool: it is full")), (200, true), "{said}");
}

/// Another server with the spool of the first.
fn second(first: &Setup, receiver: &str) -> Setup {
    Setup::new(format!(
        "
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
users:
  - {{ name: demo, password: demo, plain: true, backend: disk, permissions: full }}
events: {{ spool: '{}/events', to: [{{ name: {receiver}, url: 'http://127.0.0.1:9/' }}] }}
",
        first.folder().display()
    ))
    .http()
}

#[test]
fn a_spool_has_one_server() {
    let receiver = Receiver::new();
    let setup = setup(&receiver, "");
    let _server = setup.start();
    let log = second(&setup, "hook").try_start().err().unwrap();
    assert!(log.contains("is used by another server"), "{log}");
}

/// A receiver of another name is another one: what waited for the first is dropped, and the log says so.
#[test]
fn what_waits_for_a_receiver_that_is_gone_is_dropped() {
    let (receiver, _) = ill(503);
    let setup = setup(&receiver, "");
    let server = setup.start();
    server.login().store("a", b"x");
    receiver.expect_requests(1);
    server.terminate();
    assert!(server.wait().success());
    let setup = second(&setup, "billing");
    let server = setup.start();
    server.log.expect_warning("events are dropped", &[("to", "hook"), ("events", "1")]);
    assert_eq!(metric(&server, "wharf_events_waiting{receiver=\"billing\"}"), Some(0.0));
}

#[test]
fn operators_see_what_waits_and_drop_what_is_dead() {
    let (receiver, is_well) = ill(410);
    let setup = setup(&receiver, ", at_once: 1");
    let server = setup.start();
    assert_eq!(ask(&setup, &["list", "--waiting"]), (0, "no event waits\n".to_owned()));
    assert_eq!(ask(&setup, &["retry", "all"]).0, 1);
    let mut client = server.login();
    client.store("a", b"x");
    client.store("a", b"x");
    client.store("part.tmp", b"x");
    let dead = |count: f64| {
        wait_until("they are dead", || {
            metric(&server, "wharf_events_dead{receiver=\"hook\"}") == Some(count)
        });
    };
    dead(2.0);
    let (status, waiting) = ask(&setup, &["list", "--waiting"]);
    assert_eq!((status, waiting.lines().count()), (0, 1), "{waiting}");
    assert!(waiting.contains("file.stored /part.tmp by demo to hook: not over yet"), "{waiting}");
    let id = ask(&setup, &["list"]).1.split(' ').next().unwrap().to_owned();
    is_well.store(true, Ordering::Relaxed);
    let (status, said) = ask(&setup, &["retry", &id]);
    assert_eq!((status, &*said), (0, "1 dead letters are sent again\n"));
    assert_eq!(receiver.expect(1)[0].id(), id);
    let detail = format!("1 dead letters of {id:?}");
    server.log.expect("an operator acted", &[("action", "retry_events"), ("detail", &detail)]);
    assert_eq!(ask(&setup, &["drop", "nobody"]).0, 1);
    assert_eq!(ask(&setup, &["drop", "all"]), (0, "1 dead letters are dropped\n".to_owned()));
    server
        .log
        .expect("an operator acted", &[("action", "drop_events"), ("detail", "1 dead letters of \"all\"")]);
    dead(0.0);
    assert_eq!(receiver.taken().len(), 1);
}

#[test]
fn a_server_without_events_says_so() {
    let setup = Setup::local().server("control: '{folder}/control.sock'");
    let _server = setup.start();
    let (status, said) = ask(&setup, &["list"]);
    assert!(status == 1 && said.contains("this server tells nobody of events"), "{said}");
}
