//! The configuration is read again.

use serde_json::json;

use super::service::{Asked, Play, Service, json};
use super::{login, not_now, setup};
use crate::reload::{change, expect_dismissal, reload_well};

fn known_for_an_hour(asked: &Asked) -> Play {
    json(&json!({ "user": { "backend": "scratch", "path": asked.text("name") }, "cache": "1h" }))
}

#[test]
fn sessions_go_on_and_what_is_known_stays_known() {
    let service = Service::new(known_for_an_hour);
    let setup = setup(&service, ", cache: 1h");
    let server = setup.start();
    let mut anna = server.login_as("anna", "apple");
    change(&setup, "name: local", "name: other");
    let said = reload_well(&setup);
    assert!(said.contains("0 sessions ended"), "{said}");
    anna.store("file", b"she goes on");
    assert_eq!((login(&server, "anna", "apple"), login(&server, "other", "sesame")), (230, 230));
    assert_eq!(service.asked().len(), 1, "nothing has changed for this question");
    // Another section knows nothing yet; sessions are let in by the service, which is the same.
    change(&setup, "cache: 1h", "cache: 2h");
    change(&setup, "token: a-secret-token", "token: another-token");
    let said = reload_well(&setup);
    assert!(said.contains("0 sessions ended"), "{said}");
    anna.expect("NOOP", 200);
    assert_eq!(login(&server, "anna", "apple"), 230);
    let asked = service.asked();
    assert_eq!((asked.len(), asked[1].header("authorization")), (2, Some("Bearer another-token")));
    // Once nobody asks this service any more, nobody stands by whom it has let in.
    change(&setup, "/ftp\"", "/other\"");
    let said = reload_well(&setup);
    assert!(said.contains("1 sessions ended"), "{said}");
    expect_dismissal(&mut anna);
}

#[test]
fn what_is_known_is_read_by_the_new_configuration() {
    let service = Service::new(known_for_an_hour);
    let setup = setup(&service, ", cache: 1h");
    let server = setup.start();
    let mut anna = server.login_as("anna", "apple");
    anna.store("file", b"1");
    change(&setup, "backends:\n  scratch:", "backends:\n  renamed:");
    change(&setup, "plain: true, backend: scratch", "plain: true, backend: renamed");
    reload_well(&setup);
    assert_eq!(login(&server, "anna", "apple"), not_now());
    assert_eq!(service.asked().len(), 2, "the answer may be another one by now");
    let said = "what a service says of a user can't be used: backend \"scratch\" is not defined";
    server.log.expect_warning(said, &[("user", "anna")]);
    anna.expect("NOOP", 200);
    change(&setup, "backends:\n  renamed:", "backends:\n  scratch:");
    change(&setup, "plain: true, backend: renamed", "plain: true, backend: scratch");
    reload_well(&setup);
    assert_eq!(login(&server, "anna", "apple"), 230);
    assert_eq!(service.asked().len(), 2);
}

#[test]
fn a_reload_can_add_a_service() {
    let (first, second) =
        (Service::new(|_| json(&json!({ "unknown": true }))), Service::new(known_for_an_hour));
    let setup = setup(&first, "");
    let server = setup.start();
    assert_eq!(login(&server, "anna", "apple"), 530);
    let added = format!("users_from:\n  - {{ http: \"http://{}/\" }}\n", second.address);
    change(&setup, "users_from:\n", &added);
    reload_well(&setup);
    assert_eq!(login(&server, "anna", "apple"), 230);
    assert_eq!((first.asked().len(), second.asked().len()), (1, 1));
}
