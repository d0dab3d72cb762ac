//! A service that gives no answer, or something else.

use serde_json::json;

use super::service::{Asked, Play, Service, json, page};
use super::{anna, login, login_from, not_now, questions, setup, setup_with};
use crate::support::{Engine, metric};

/// The answers that are none, by the name of the user, with what the log says.
const WRONG: [(&str, &str); 16] = [
    ("html", "the answer is of the type \"text/html\", and not application/json"),
    ("disguised", "the answer is not as it has to be: expected value"),
    ("redirect", "status 302, and not 200"),
    ("created", "status 201, and not 200"),
    ("forbidden", "status 403, and not 200"),
    ("broken", "status 500, and not 200"),
    ("busy", "status 503"),
    ("huge", "the answer is longer than 64 KiB"),
    ("endless", "the answer is longer than 64 KiB"),
    ("half", "the answer breaks off"),
    ("silent", "error sending request"),
    ("no-http", "error sending request"),
    ("empty", "the answer is not as it has to be: EOF"),
    ("both", "the answer has to be one of"),
    ("neither", "the answer has to be one of"),
    ("cache", "`cache` of the answer"),
];

fn wrong(asked: &Asked) -> Play {
    let user = json!({ "user": { "backend": "scratch" } }).to_string();
    let length = user.len();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    match asked.text("name") {
        "html" => page(200, "text/html", &user),
        "disguised" => page(200, "application/json", "<html>Log in to this network</html>"),
        "redirect" => {
            Play::Send(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".to_vec())
        }
        "created" => page(201, "application/json", &user),
        "forbidden" => page(403, "application/json", "{ \"refused\": \"no\" }"),
        "broken" => page(500, "application/json", &user),
        "busy" => page(503, "application/json", &user),
        "huge" => page(200, "application/json", &format!("{user}{}", " ".repeat(64 * 1024))),
        "endless" => Play::Send(format!("{head}\r\n{}", " ".repeat(200 * 1024)).into_bytes()),
        "half" => {
            Play::Send(format!("{head}Content-Length: {length}\r\n\r\n{}", &user[..length / 2]).into_bytes())
        }
        "silent" => Play::Send(Vec::new()),
        "no-http" => Play::Send(b"220 FTP server ready\r\n".to_vec()),
        "empty" => page(200, "application/json", ""),
        "both" => json(&json!({ "user": { "backend": "scratch" }, "refused": "no" })),
        "neither" => json(&json!({})),
        "cache" => json(&json!({ "user": { "backend": "scratch" }, "cache": "for ever" })),
        _ => anna(asked),
    }
}

#[test]
fn what_is_no_answer_refuses_for_the_moment() {
    let service = Service::new(wrong);
    // One guess would lock the address.
    let setup = setup_with(&service, "", "lockout: { failures: 1, within: 1h, for: 1h }\n");
    let server = setup.start();
    for (name, cause) in WRONG {
        assert_eq!(login(&server, name, "x"), not_now(), "{name}");
        let cause = format!("the service with the users gave no answer: {cause}…");
        server.log.expect_warning("login failed", &[("user", name), ("cause", &cause)]);
        // It is one service: another user may have an answer.
        assert_eq!(login(&server, "anna", "apple"), 230, "{name}");
    }
    let asked = service.asked();
    assert!(asked.iter().all(|asked| asked.head[0] == "POST /ftp HTTP/1.1"), "no redirect is followed");
    let count = |name: &str| asked.iter().filter(|asked| asked.text("name") == name).count();
    assert_eq!((count("busy"), count("broken"), count("half")), (2, 1, 1));
    let failed = ["wrong", "unreachable"].map(|outcome| questions(&server, outcome).unwrap());
    assert_eq!(failed, [13.0, 3.0]);
    let unavailable = metric(&server, "wharf_logins_total{result=\"unavailable\"}");
    assert_eq!(unavailable, Some(16.0));
}

#[test]
fn an_entry_that_cannot_be_used_is_for_the_operator() {
    let service = Service::new(|asked| {
        json(&match asked.text("name") {
            "key" => json!({ "user": { "backend": "scratch", "permisions": "full" } }),
            "backend" => json!({ "user": { "backend": "nowhere" } }),
            "password" => json!({ "user": { "backend": "scratch", "password": { "file": "/etc/passwd" } } }),
            "name" => json!({ "user": { "backend": "scratch", "name": "root" } }),
            _ => json!({ "user": { "backend": "scratch", "mounts": [{ "at": "/", "backend": "scratch" }] } }),
        })
    });
    let setup = setup(&service, "");
    let server = setup.start();
    for (name, problem, text) in [
        ("key", "unknown key \"permisions\"; did you mean \"permissions\"?", "\"permisions\": \"full\""),
        ("backend", "backend \"nowhere\" is not defined; defined are: scratch", "\"backend\": \"nowhere\""),
        ("password", "`password` has no use here", "\"password\": {"),
        ("name", "`name` has no use here", "\"name\": \"root\""),
        ("mount", "a mount can't stand at `/`", "\"at\": \"/\","),
    ] {
        assert_eq!(login(&server, name, "x"), not_now(), "{name}");
        let said = format!("what a service says of a user can't be used: {problem}");
        let url = format!("http://{}/ftp", service.address);
        let fields = [("user", name), ("text", text), ("url", &url), ("line", "…"), ("level", "ERROR")];
        server.log.expect_warning(&said, &fields);
    }
    assert_eq!(questions(&server, "wrong"), Some(5.0));
}

#[test]
fn a_service_that_is_too_slow_is_not_waited_for() {
    let service = Service::new(|_| Play::Hold);
    let setup = setup(&service, ", timeout: 200ms");
    let server = setup.start();
    assert_eq!(login(&server, "anna", "apple"), not_now());
    let cause = "the service with the users gave no answer: there is no answer in time";
    server.log.expect_warning("login failed", &[("cause", cause)]);
    assert_eq!(questions(&server, "timeout"), Some(1.0));
    assert_eq!(login(&server, "local", "sesame"), 230);
}

#[test]
fn known_users_come_in_while_it_is_down_and_others_once_it_is_back() {
    let play = |asked: &Asked| match asked.text("name") {
        "anna" => json(&json!({ "user": { "backend": "scratch" }, "cache": "1h" })),
        _ => json(&json!({ "user": { "backend": "scratch" } })),
    };
    let service = Service::new(play);
    let setup = setup(&service, ", cache: 1h");
    let server = setup.start();
    let mut session = server.login_as("bert", "berry");
    for _ in 0..3 {
        assert_eq!(login(&server, "anna", "apple"), 230);
    }
    assert_eq!(service.asked().len(), 2);
    assert_eq!(questions(&server, "cached"), Some(2.0));
    // Whatever differs is another question.
    assert_eq!(login(&server, "anna", "pear"), 230);
    assert_eq!(login_from(&server, "127.0.0.2", "anna", "apple"), 230);
    assert_eq!(service.asked().len(), 4);
    let address = service.address;
    drop(service);
    assert_eq!((login(&server, "anna", "apple"), login(&server, "anna", "pear")), (230, 230));
    for (name, password) in [("bert", "berry"), ("anna", "plum"), ("bert", "berry")] {
        assert_eq!(login(&server, name, password), not_now(), "{name}");
    }
    server.log.expect_warning("the service with the users gives no answer", &[("cause", "…refused…")]);
    assert_eq!(server.log.count("the service with the users gives no answer"), 1);
    assert_eq!(questions(&server, "unreachable"), Some(3.0));
    session.expect("NOOP", 200);
    session.store("file", b"a known session goes on");
    let _back = Service::at(address, None, play);
    assert_eq!((login(&server, "bert", "berry"), login(&server, "anna", "plum")), (230, 230));
    server.log.expect("the service with the users answers again", &[]);
}

/// A password that may be right is no reason to send a client away.
#[test]
fn a_session_may_try_again() {
    let service = Service::new(wrong);
    let setup = setup(&service, "");
    let server = setup.start();
    let mut client = server.connect();
    for _ in 0..5 {
        client.expect("USER broken", 331);
        client.expect("PASS x", not_now());
    }
    client.login("anna", "apple");
    if Engine::current() == Engine::Native {
        assert_eq!(client.names("/"), [""; 0]);
    }
}
