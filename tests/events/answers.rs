//! What receivers may answer, and that each event comes all the same, in its order and not faster than it may.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::receiver::{Answer, Got, Receiver};
use super::webhooks::{setup, setup_with, summaries};
use crate::support::{Running, Setup, closed_port, metric, wait_until};

fn failures(server: &Running<'_>) -> f64 {
    metric(server, "wharf_events_failed_attempts_total{receiver=\"hook\"}").unwrap()
}

#[test]
fn a_receiver_that_is_down_hears_of_it_when_it_is_up() {
    let (port, address) = closed_port();
    let setup = super::webhooks::setup_at(&format!("http://{address}/"), "", "");
    let server = setup.start();
    let mut client = server.login();
    client.store("a", b"x");
    client.store("b", b"x");
    wait_until("it was tried", || failures(&server) >= 2.0);
    let receiver = Receiver::opened(port);
    let told: BTreeSet<_> = summaries(&receiver.expect(2)).into_iter().collect();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), ["file.stored /a", "file.stored /b"]);
}

#[test]
fn a_receiver_that_answers_nothing_is_asked_again() {
    let receiver = Receiver::answering(|_, before| match before {
        0 => Answer::Nothing,
        _ => Answer::Status(200, ""),
    });
    let setup = setup(&receiver, ", timeout: 3s");
    let server = setup.start();
    let mut client = server.login();
    let began = Instant::now();
    client.store("a", b"x");
    receiver.expect(1);
    let all = receiver.all();
    assert_eq!((all.len(), all[0].id()), (2, all[1].id()));
    assert!(all[1].at - began >= Duration::from_secs(3), "it had its time");
    server.log.expect_warning("an event is not delivered: it is tried again", &[("cause", "…timed out…")]);
}

#[test]
fn a_receiver_says_when_it_is_asked_again() {
    let receiver = Receiver::answering(|_, before| match before {
        0 => Answer::Status(503, "retry-after: 1\r\n"),
        _ => Answer::Status(200, ""),
    });
    let setup = setup(&receiver, "");
    let server = setup.start();
    server.login().store("a", b"x");
    receiver.expect(1);
    let all = receiver.all();
    assert!(all[1].at - all[0].at >= Duration::from_millis(900), "{:?}", all[1].at - all[0].at);
}

/// Whoever could have a receiver redirect would get the events, and the token with them.
#[test]
fn nobody_is_told_by_a_redirect() {
    for status in [301, 302, 303, 307, 308] {
        let other = Receiver::new();
        let location: &'static str = Box::leak(format!("location: {}\r\n", other.url()).into_boxed_str());
        let receiver = Receiver::answering(move |_, before| match before {
            0 => Answer::Status(status, location),
            _ => Answer::Status(200, ""),
        });
        let setup = setup(&receiver, ", token: hunter2");
        let server = setup.start();
        server.login().store("a", b"x");
        let all = receiver.expect_requests(2);
        assert!(all.iter().all(|got| got.header("authorization") == "Bearer hunter2"));
        assert!(other.all().is_empty(), "{status}");
        server.log.expect_warning("", &[("cause", &format!("status {status}: redirects are not followed"))]);
        assert!(!server.log.text().contains("hunter2"));
    }
}

/// What failed waits, and so does all that has to do with its path; other paths go on.
#[test]
fn a_rename_waits_for_both_of_its_paths() {
    let is_well = Arc::new(AtomicBool::new(false));
    let receiver = {
        let is_well = Arc::clone(&is_well);
        Receiver::answering(move |got, _| match got.path() == "/a" && !is_well.load(Ordering::Relaxed) {
            true => Answer::Status(500, ""),
            false => Answer::Status(200, ""),
        })
    };
    let setup = setup(&receiver, "");
    let server = setup.start();
    let mut client = server.login();
    client.store("a", b"x");
    client.store("b", b"x");
    client.expect("DELE b", 250);
    client.expect("RNFR a", 350);
    client.expect("RNTO b", 250);
    client.expect("DELE b", 250);
    client.store("c", b"x");
    let before = summaries(&receiver.expect(3));
    assert_eq!(BTreeSet::from_iter(&before).len(), 3);
    assert!(before.iter().all(|event| !event.starts_with("file.renamed")), "{before:?}");
    let of_b = |all: &[String]| {
        all.iter().filter(|event| event.ends_with("/b")).map(String::clone).collect::<Vec<_>>()
    };
    assert_eq!(of_b(&before), ["file.stored /b", "file.removed /b"]);
    assert!(before.contains(&"file.stored /c".to_owned()));
    is_well.store(true, Ordering::Relaxed);
    let all = summaries(&receiver.expect(6));
    assert_eq!(of_b(&all), ["file.stored /b", "file.removed /b", "file.renamed /b", "file.removed /b"]);
    let place = |event: &str| all.iter().position(|other| other == event).unwrap();
    assert!(place("file.stored /a") < place("file.renamed /b"), "{all:?}");
}

#[test]
fn no_more_are_sent_in_a_time_than_that() {
    let receiver = Receiver::new();
    let setup = setup(&receiver, ", rate: 4/s");
    let server = setup.start();
    let mut client = server.login();
    let began = Instant::now();
    for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i"] {
        client.store(name, b"x");
    }
    let got = receiver.expect(9);
    let took = got[8].at - began;
    assert!(took >= Duration::from_secs(2), "{took:?}");
}

/// The receiver of a certificate that nobody but the `ca_file` knows.
#[test]
fn a_receiver_is_known_by_its_certificate() {
    let script = "
import http.server, ssl, sys
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        print('got', self.headers['webhook-id'], self.rfile.read(int(self.headers['content-length'])).decode(), flush=True)
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Receiver)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('server.crt', 'server.key')
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
";
    let folder = tempfile::tempdir().unwrap();
    crate::support::Certificates::write_to(folder.path());
    std::fs::write(folder.path().join("receiver.py"), script).unwrap();
    let command = "exec python3 -u receiver.py > heard";
    let _running = crate::support::Program::new("sh", folder.path()).args(["-c", command]).start();
    let heard = || std::fs::read_to_string(folder.path().join("heard")).unwrap_or_default();
    wait_until("it listens", || heard().ends_with('\n'));
    let url = format!("https://127.0.0.1:{}/", heard().trim());
    let authority = folder.path().join("ca.crt");
    let known = super::webhooks::setup_at(&url, &format!(", ca_file: '{}'", authority.display()), "");
    let server = known.start();
    server.login().store("known", b"x");
    wait_until("it has heard", || heard().contains("\"/known\""));
    drop(server);
    let unknown = super::webhooks::setup_at(&url, "", "");
    let server = unknown.start();
    server.login().store("unknown", b"x");
    server.log.expect_warning("an event is not delivered", &[("cause", "…certificate…")]);
    assert!(!heard().contains("\"/unknown\""));
}

/// Names come from clients.
#[test]
fn a_name_can_not_add_to_a_request() {
    let receiver = Receiver::new();
    let setup = setup(&receiver, ", mode: binary, at_once: 1");
    let server = setup.start();
    let mut client = server.login();
    let names =
        ["a\tce-type: x", "\"b\" %0d%0a", "c\u{1b}[31m\u{7f}", "d é\u{2028}🦀", "-e $(touch f) `g`;&|"];
    for name in names {
        client.store(name, b"x");
    }
    let got = receiver.expect(names.len());
    let encoded = [
        "/a%09ce-type:%20x",
        "/%22b%22%20%250d%250a",
        "/c%1B[31m%7F",
        "/d%20%C3%A9%E2%80%A8%F0%9F%A6%80",
        "/-e%20$(touch%20f)%20`g`;&|",
    ];
    for ((got, name), encoded) in got.iter().zip(names).zip(encoded) {
        assert_eq!((got.path(), got.header("ce-subject")), (format!("/{name}"), encoded));
        assert_eq!(got.header("ce-type"), "wharf.file.stored");
    }
}

/// Two receivers hear of the same events, whatever the other one does.
#[test]
fn receivers_do_not_wait_for_each_other() {
    let (one, other) = (Receiver::answering(|_, _| Answer::Status(500, "")), Receiver::new());
    let setup: Setup = setup_with(&one, &format!(" }}\n  - {{ url: '{}', name: other", other.url()), "");
    let server = setup.start();
    server.login().store("a", b"x");
    let got: Vec<Got> = other.expect(1);
    let failed = one.expect_requests(2);
    assert_eq!(got[0].id(), failed[0].id());
    wait_until("one waits", || metric(&server, "wharf_events_waiting{receiver=\"hook\"}") == Some(1.0));
    wait_until("none waits", || metric(&server, "wharf_events_waiting{receiver=\"other\"}") == Some(0.0));
    assert!(metric(&server, "wharf_events_oldest_seconds{receiver=\"hook\"}").unwrap() > 0.0);
}
