//! Users of a service that is asked at each login.

mod documents;
mod encrypted;
mod failing;
mod reloaded;
pub mod service;

use serde_json::{Value, json};

use self::service::{Asked, Play, Service, json};
use crate::support::{Running, Setup, login, login_from, metric, not_now};

/// A user in the configuration, and others of a service.
fn setup(service: &Service, more: &str) -> Setup {
    setup_with(service, more, "")
}

/// The same with further sections.
fn setup_with(service: &Service, more: &str, sections: &str) -> Setup {
    // Longer than a busy machine takes.
    let timeout = if more.contains("timeout") { "" } else { ", timeout: 50s" };
    Setup::new(format!(
        "
backends:
  scratch: {{ kind: memory, capacity: 64MiB }}
users:
  - {{ name: local, password: sesame, plain: true, backend: scratch }}
users_from:
  - {{ http: \"http://{}/ftp\", token: a-secret-token{timeout}{more} }}
{sections}",
        service.address
    ))
    .server("control: '{folder}/control.sock'")
    .server("failed_login_delay: 0s")
    .http()
}

/// Anna's password is `apple`, and nobody else is known.
fn anna(asked: &Asked) -> Play {
    json(&match (asked.text("name"), asked.text("password")) {
        ("anna", "apple") => json!({ "user": { "backend": "scratch", "path": "anna" } }),
        ("anna", _) => json!({ "refused": "this password is wrong" }),
        _ => json!({ "unknown": true }),
    })
}

fn questions(server: &Running<'_>, outcome: &str) -> Option<f64> {
    metric(server, &format!("wharf_users_from_questions_total{{outcome=\"{outcome}\"}}"))
}

/// The sources are asked in their order, and the first that knows a name decides.
#[test]
fn a_file_behind_the_service_keeps_nobody_out() {
    let service = Service::new(anna);
    let setup = setup_with(&service, "", "  - { directory: users.d }\n");
    let directory = setup.folder().join("users.d");
    std::fs::create_dir(&directory).unwrap();
    for (name, password) in [("anna", "pear"), ("bert", "berry")] {
        let user = format!("{{ name: {name}, password: {password}, plain: true, backend: scratch }}");
        std::fs::write(directory.join(format!("{name}.yaml")), user).unwrap();
    }
    let server = setup.start();
    assert_eq!(login(&server, "anna", "apple"), 230);
    assert_eq!(login(&server, "anna", "pear"), 530);
    assert_eq!(login(&server, "bert", "berry"), 230);
}

#[test]
fn whoever_the_service_knows_gets_in() {
    let service = Service::new(|asked| match asked.text("name") {
        "bert" => json(&json!({ "user": {
            "backend": "scratch", "path": "bert", "permissions": ["list", "upload"],
            "mounts": [{ "at": "/all", "backend": "scratch", "permissions": "read-only" }],
        } })),
        _ => anna(asked),
    });
    let setup = setup(&service, "");
    let server = setup.start();
    let mut anna = server.login_as("anna", "apple");
    anna.store("file", b"hers");
    assert_eq!(anna.retrieve("file"), b"hers");
    let mut bert = server.login_as("bert", "whatever he says");
    bert.store("new", b"his");
    bert.expect("DELE new", 550);
    let mut all = bert.names("/all");
    all.sort();
    assert_eq!(all, ["anna", "bert"]);
    assert_eq!(login(&server, "anna", "Apple"), 530);
    let cause = "refused by the service that was asked: this password is wrong";
    server.log.expect_warning("login failed", &[("user", "anna"), ("cause", cause)]);
    assert_eq!(login(&server, "nobody", "apple"), 530);
    server.log.expect_warning("login failed", &[("user", "nobody"), ("cause", "unknown user")]);
    // Those of the configuration are nobody else's business.
    assert_eq!((login(&server, "local", "sesame"), login(&server, "local", "wrong")), (230, 530));
    let asked = service.asked();
    assert_eq!(asked.len(), 4);
    assert_eq!(asked[0].head[0], "POST /ftp HTTP/1.1");
    assert_eq!(asked[0].header("authorization"), Some("Bearer a-secret-token"));
    assert_eq!(asked[0].header("content-type"), Some("application/json"));
    let question = json!({ "name": "anna", "password": "apple", "address": "127.0.0.1", "tls": false });
    assert_eq!(asked[0].body, question);
    for (outcome, count) in [("user", 2.0), ("refused", 1.0), ("unknown", 1.0), ("wrong", 0.0)] {
        assert_eq!(questions(&server, outcome), Some(count), "{outcome}");
    }
    assert_eq!(metric(&server, "wharf_users_from_question_duration_seconds_count"), Some(4.0));
    let log = server.log.text();
    for secret in ["a-secret-token", "apple", "Apple", "whatever he says"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn a_name_that_is_unknown_is_for_the_next_source() {
    let first = Service::new(anna);
    let second = Service::new(|asked| {
        json(&match asked.text("name") {
            "carl" => json!({ "user": { "backend": "scratch" } }),
            _ => json!({ "unknown": true }),
        })
    });
    let more = format!(" }}\n  - {{ http: \"http://{}/\"", second.address);
    let setup = setup(&first, &more);
    let server = setup.start();
    assert_eq!((login(&server, "carl", "x"), login(&server, "nobody", "x")), (230, 530));
    assert_eq!((login(&server, "anna", "apple"), login(&server, "anna", "x")), (230, 530));
    let names = |service: &Service| -> Vec<String> {
        service.asked().iter().map(|asked| asked.text("name").to_owned()).collect()
    };
    assert_eq!(names(&first), ["carl", "nobody", "anna", "anna"]);
    assert_eq!(names(&second), ["carl", "nobody"]);
    assert_eq!(second.asked()[0].header("authorization"), None);
}

/// What a client sends is text in the question, and nothing more.
#[test]
fn names_and_passwords_are_sent_as_they_are() {
    let service = Service::new(|_| json(&json!({ "user": { "backend": "scratch" } })));
    let setup = setup(&service, "");
    let server = setup.start();
    let odd = [
        (r#"anna","tls":true,"x":""#, r#"","name":"root"#),
        ("Änne{x}", r"\u0022 }"),
        ("*", "two  words"),
        ("&a", "§$%&/()=?"),
    ];
    for (name, password) in odd {
        assert_eq!(login(&server, name, password), 230, "{name}");
    }
    // Nobody can have these names.
    for name in ["a/b", "a\\b", "a b", &"a".repeat(65)] {
        assert_eq!(login(&server, name, "x"), 530, "{name}");
    }
    let asked = service.asked();
    assert_eq!(asked.len(), odd.len());
    for (asked, (name, password)) in asked.iter().zip(odd) {
        let question = json!({ "name": name, "password": password, "address": "127.0.0.1", "tls": false });
        assert_eq!(asked.body, question);
    }
}

#[test]
fn a_refusal_counts_as_a_guess_and_a_locked_name_is_asked_for_no_more() {
    let service = Service::new(anna);
    let setup = setup_with(&service, "", "lockout: { failures: 2, within: 1h, for: 1h }\n");
    let server = setup.start();
    assert_eq!(login_from(&server, "127.0.0.2", "anna", "wrong"), 530);
    assert_eq!(login_from(&server, "127.0.0.3", "anna", "wrong"), 530);
    server.log.expect_warning("a user is locked out", &[("user", "anna")]);
    assert_eq!(login_from(&server, "127.0.0.4", "anna", "apple"), 530);
    let fields = [("cause", "the name is locked after too many failed logins")];
    server.log.expect_warning("login failed", &fields);
    assert_eq!(service.asked().len(), 2);
}

#[test]
fn the_answer_says_from_where_and_until_when() {
    let service = Service::new(|asked| {
        let mut user = json!({ "backend": "scratch" });
        let (key, value): (&str, Value) = match asked.text("name") {
            "near" => ("networks", json!(["127.0.0.2"])),
            _ => ("expires", json!("2020-01-01")),
        };
        user[key] = value;
        json(&json!({ "user": user }))
    });
    let setup = setup(&service, "");
    let server = setup.start();
    assert_eq!(login_from(&server, "127.0.0.2", "near", "x"), 230);
    assert_eq!((login(&server, "near", "x"), login(&server, "late", "x")), (530, 530));
    server.log.expect_warning("login failed", &[("cause", "the user may not log in from this address")]);
    server.log.expect_warning("login failed", &[("cause", "the account has expired")]);
    assert_eq!(service.asked()[0].text("address"), "127.0.0.2");
}
