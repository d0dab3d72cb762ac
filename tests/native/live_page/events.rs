//! Events that wait, on the page.

use serde_json::json;

use super::{ANYWHERE, drive, user};
use crate::events::infected::scanner;
use crate::events::receiver::{Answer, Receiver};
use crate::support::{Api, Setup, metric, wait_until};

#[test]
fn what_waits_and_what_is_dead_is_shown() {
    // To one of two all is dead at once, and the other is always in trouble.
    let receiver = Receiver::answering(|got, _| match got.headers.contains_key("ce-type") {
        true => Answer::Status(500, ""),
        false => Answer::Status(410, ""),
    });
    let (url, scanner) = (receiver.url(), scanner());
    let setup = Setup::new(format!(
        "
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
users:
{}
scan: {{ clamd: 'tcp://{scanner}', paths: [/bad] }}
events:
  spool: '{{folder}}/events'
  to: [{{ name: gone, url: '{url}' }}, {{ name: deaf, url: '{url}', mode: binary, pause: 5m }}]
",
        user("demo")
    ))
    .admin_at(ANYWHERE);
    std::fs::create_dir(setup.folder().join("events")).unwrap();
    std::fs::create_dir_all(setup.files().join("bad")).unwrap();
    let server = setup.start();
    drive("events.cjs", server.http_address(), |words| {
        match words {
            ["store", path] => {
                let mut client = super::connect(&server, "demo");
                client.store(path, b"content");
                assert_eq!(client.try_store("STOR /bad/f", b"content").code, 550);
                let dead = "wharf_events_dead{receiver=\"gone\"}";
                wait_until("it is a dead letter", || metric(&server, dead) == Some(1.0));
            }
            ["drop"] => drop(Api::of(&server).change("POST", "/events/drop", r#"{"which":"all"}"#)),
            _ => panic!("{words:?}"),
        }
        json!({})
    });
}
