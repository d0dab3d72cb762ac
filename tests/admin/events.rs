//! Events that wait and dead letters, over HTTP and by commands: one is as good as the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::events::receiver::{Answer, Receiver};
use crate::support::{metric, wharf};

/// Wants nothing of what comes to `gone` until `takes` says so; whoever is `deaf` is always in trouble.
pub(super) fn receiver(takes: &Arc<AtomicBool>) -> Receiver {
    let takes = Arc::clone(takes);
    Receiver::answering(move |got, _| {
        match (got.headers.contains_key("ce-type"), takes.load(Ordering::Relaxed)) {
            (true, _) => Answer::Status(500, ""),
            (false, false) => Answer::Status(410, ""),
            (false, true) => Answer::Status(204, ""),
        }
    })
}

/// Two receivers: what comes to `gone` is dead at once, and what is for `deaf` waits.
pub(super) fn setup(receiver: &Receiver) -> Setup {
    let url = receiver.url();
    let setup = Setup::new(format!(
        "
audit: [{{ to: {{ file: '{{folder}}/audit' }} }}]
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
users:
  - {{ name: demo, password: demo, plain: true, backend: disk, permissions: full }}
events:
  spool: '{{folder}}/events'
  to:
  - {{ name: gone, url: '{url}', on: [file.*] }}
  - {{ name: deaf, url: '{url}', on: [file.*], mode: binary, pause: 5m }}
"
    ));
    fs::create_dir(setup.folder().join("events")).unwrap();
    setup.admin().server("control: '{folder}/control.sock'")
}

/// Stores so many files, and waits until they are dead letters.
pub(super) fn store(server: &Running<'_>, files: usize) {
    let mut client = server.login();
    for number in 0..files {
        client.store(&format!("f{number}"), b"x");
    }
    #[expect(clippy::cast_precision_loss, reason = "there are few")]
    let all = Some(files as f64);
    wait_until("all are dead letters", || metric(server, "wharf_events_dead{receiver=\"gone\"}") == all);
}

#[test]
fn what_waits_and_what_is_dead_is_listed_by_pages() {
    let receiver = receiver(&Arc::default());
    let setup = setup(&receiver);
    let server = setup.start();
    let api = Api::of(&server);
    assert_eq!(api.get("/events"), json!({ "events": [], "count": 0, "next": null }));
    store(&server, 5);
    let all = api.get("/events");
    assert_eq!((all["events"].as_array().unwrap().len(), &all["count"]), (10, &json!(10)), "{all}");
    let dead = api.get("/events?state=dead");
    assert_eq!((&dead["count"], &dead["next"]), (&json!(5), &Value::Null));
    let first = &dead["events"][0];
    assert_eq!(
        (&first["kind"], &first["path"], &first["user"]),
        (&json!("file.stored"), &json!("/f0"), &json!("demo"))
    );
    assert_eq!(
        (&first["receiver"], &first["state"], &first["is_open"]),
        (&json!("gone"), &json!("dead"), &json!(false))
    );
    assert!(first["cause"].as_str().unwrap().contains("410"), "{first}");
    let waiting = api.get("/events?state=waiting&receiver=deaf");
    assert!(waiting["events"].as_array().unwrap().iter().all(|event| event["cause"].is_null()), "{waiting}");
    assert_eq!(waiting["count"], 5);
    assert_eq!(api.get("/events?state=waiting&receiver=gone")["count"], 0);

    // By pages it is the same.
    let (mut after, mut pages, mut paths) = (String::new(), 0, Vec::new());
    loop {
        let page = api.get(&format!("/events?state=dead&limit=2{after}"));
        pages += 1;
        let events = page["events"].as_array().unwrap();
        paths.extend(events.iter().map(|event| event["path"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(
        (pages, paths),
        (3, vec!["/f0".into(), "/f1".into(), "/f2".into(), "/f3".into(), "/f4".into()])
    );

    for wrong in ["state=gone", "after=7", "limit=0", "limit=1001", "user=demo", "state=dead&state=dead"] {
        assert_eq!(api.ask("GET", &format!("/events?{wrong}"), "").0, 400, "{wrong}");
    }
    assert_eq!(api.ask("GET", "/events?receiver=nobody", "").0, 404);
    let events = &api.get("/server")["events"];
    assert_eq!((&events["waiting"], &events["dead"], &events["refusals"]), (&json!(5), &json!(5), &json!(0)));
    assert!(events["oldest_seconds"].as_f64().unwrap() > 0.0, "{events}");
    assert!(events["spool_bytes"].as_u64().unwrap() > 0, "{events}");
}

/// Each is told to the log, to the audit and to the metrics, whoever has asked, and so is what is refused.
#[test]
fn dead_letters_are_sent_again_or_given_up() {
    let takes = Arc::default();
    let receiver = receiver(&takes);
    let setup = setup(&receiver);
    let server = setup.start();
    let api = Api::of(&server);
    store(&server, 3);
    let looks = Api { token: READ_ONLY, ..api };
    assert_eq!(looks.ask("POST", "/events/retry", r#"{"which":"all"}"#).0, 403);
    assert_eq!(looks.get("/events?state=dead")["count"], 3);
    for wrong in ["", "{}", r#"{"which":""}"#, r#"{"which":1}"#, r#"{"which":"all","more":1}"#] {
        assert_eq!(api.ask("POST", "/events/drop", wrong).0, 400, "{wrong}");
    }
    let id = api.get("/events?state=dead")["events"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        api.change("POST", "/events/drop", &json!({ "which": id }).to_string()),
        json!({ "dropped": 1 })
    );
    assert_eq!(api.ask("POST", "/events/drop", &json!({ "which": id }).to_string()).0, 404);
    takes.store(true, Ordering::Relaxed);
    assert_eq!(api.change("POST", "/events/retry", r#"{"which":"gone"}"#), json!({ "retried": 2 }));
    assert_eq!(receiver.expect(2)[0].kind(), "file.stored");
    wait_until("they are delivered", || api.get("/events?receiver=gone")["count"] == 0);
    takes.store(false, Ordering::Relaxed);
    server.login().store("more", b"x");
    wait_until("it is a dead letter", || api.get("/events?state=dead")["count"] == 1);
    let socket = setup.folder().join("control.sock");
    let status = wharf(["events", "drop", "all", "--socket"]).arg(&socket).status().unwrap();
    assert!(status.success(), "{status}");
    let status = wharf(["events", "retry", "all", "--socket"]).arg(&socket).status().unwrap();
    assert_eq!(status.code(), Some(1), "there is none");

    let line = server.log.expect("an operator acted", &[("action", "retry_events")]);
    assert_eq!(line.field("detail").unwrap(), "2 dead letters of \"gone\"", "{line:?}");
    server.log.expect("an operator acted", &[("action", "drop_events"), ("by", "wharf events")]);
    server
        .log
        .expect("an operator's wish was refused", &[("action", "retry_events"), ("by", "wharf events")]);
    for (action, result, times) in
        [("drop_events", "done", 2.0), ("drop_events", "refused", 1.0), ("retry_events", "refused", 1.0)]
    {
        let name = format!("wharf_operator_actions_total{{action=\"{action}\",result=\"{result}\"}}");
        assert_eq!(metric(&server, &name), Some(times), "{name}");
    }
    let acts = || {
        let audit = fs::read_to_string(setup.folder().join("audit")).unwrap();
        audit.lines().filter(|line| line.contains("_events\"")).count()
    };
    wait_until("the audit has all of them", || acts() == 5);
}

#[test]
fn a_server_that_tells_nobody_of_events_says_so() {
    let setup = Setup::memory().admin();
    let server = setup.start();
    let api = Api::of(&server);
    assert_eq!(api.get("/server")["events"], Value::Null);
    for (method, path, body) in [("GET", "/events", ""), ("POST", "/events/retry", r#"{"which":"all"}"#)] {
        let (status, problem) = api.ask(method, path, body);
        assert_eq!(status, 404, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("tells nobody of events"), "{problem}");
    }
}
