//! Whoever means ill.

use std::io::Read;
use std::net::TcpStream;

use super::*;
use crate::support::{SOON, request};

fn lines(method: &str, path: &str, more: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ADMIN}{more}")
}

#[test]
fn requests_that_are_none_are_refused_and_change_nothing() {
    let setup = Setup::memory().admin();
    let server = setup.start();
    let (api, address) = (Api::of(&server), server.http_address());
    let status = |lines: &str| request(address, lines).0;
    let long = "a".repeat(20_000);
    for (method, path, more, expected) in [
        ("GET", "/api", "", 404),
        ("GET", "/api/v1", "", 404),
        ("GET", "/api/v2/server", "", 404),
        ("GET", "/api/v1/", "", 404),
        ("GET", "/api/v1/nothing", "", 404),
        ("GET", "/api/v1/../server", "", 404),
        ("GET", "/api/v1/users/%ff", "", 404),
        ("GET", "/api/v1/sessions/x", "", 400),
        ("GET", "/api/v1/sessions/-1", "", 400),
        ("GET", "/api/v1/sessions?limit=0", "", 400),
        ("GET", "/api/v1/sessions?x=1", "", 400),
        ("GET", "/api/v1/server?x=1", "", 400),
        ("GET", "/api/v1/users?limit=1&limit=2", "", 400),
        ("PATCH", "/api/v1/server", "", 405),
        ("OPTIONS", "/api/v1/server", "", 405),
        ("DELETE", "/api/v1/sessions", "", 405),
        ("POST", "/api/v1/reload?x=1", "", 400),
        ("GET", "/api/v1/server", "\r\nOrigin: https://evil.example", 403),
        ("POST", "/api/v1/drain", "\r\nOrigin: https://evil.example", 403),
        ("POST", "/api/v1/drain", "\r\nOrigin: null", 403),
        ("GET", "/api/v1/server", "\r\nOrigin: http://localhost", 200),
        ("GET", "/apiary", "", 404),
        ("POST", "/metrics", "", 405),
    ] {
        assert_eq!(status(&lines(method, path, more)), expected, "{method} {path}{more}");
    }
    assert_eq!(status(&lines("GET", &format!("/api/v1/{long}"), "")), 431);
    // A name that was pointed at this machine for a page of somebody else.
    let rebound = lines("GET", "/api/v1/server", "").replace("Host: localhost", "Host: evil.example");
    assert_eq!(status(&rebound), 421);
    let form = "\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n{\"exit\":true}";
    let text = |more: &str| {
        let mut stream = TcpStream::connect_timeout(&address, SOON).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(lines("POST", "/api/v1/drain", more).as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.split(' ').nth(1).map(str::to_owned)
    };
    assert_eq!(text(form).as_deref(), Some("415"));
    let large =
        format!("\r\nContent-Type: application/json\r\nContent-Length: 70000\r\n\r\n{}", " ".repeat(70_000));
    assert_eq!(text(&large).as_deref(), Some("413"));
    let (_, answer) = request(address, &lines("DELETE", "/api/v1/sessions", ""));
    assert!(
        answer.contains("allow: GET, HEAD\r\n") && answer.contains("application/problem+json"),
        "{answer}"
    );
    let (code, answer) = request(address, &lines("HEAD", "/api/v1/server", ""));
    assert!(code == 200 && answer.ends_with("\r\n\r\n"), "{answer}");
    let without = "GET /api/v1/server HTTP/1.1\r\nHost: localhost";
    let (code, answer) = request(address, without);
    assert!(code == 401 && answer.contains("www-authenticate: Bearer"), "{answer}");
    assert_eq!(api.get("/server")["is_draining"], false);
}

#[test]
fn many_and_slow_connections_keep_nobody_out() {
    let setup = Setup::memory().admin();
    let server = setup.start();
    let address = server.http_address();
    let slow: Vec<_> = (0..400)
        .map(|number| {
            let mut stream = TcpStream::connect_timeout(&address, SOON).unwrap();
            let head =
                lines("POST", "/api/v1/drain", "\r\nContent-Length: 1000\r\nContent-Type: application/json");
            // Half of them send half a head, and half of them half a body.
            let text = if number % 2 == 0 { &head[..40] } else { &*head };
            let end = if number % 2 == 0 { "" } else { "\r\n\r\n{" };
            let _ = stream.write_all(format!("{text}{end}").as_bytes());
            stream
        })
        .collect();
    let api = Api::of(&server);
    assert_eq!(api.get("/server")["is_draining"], false);
    drop(slow);
}

#[test]
fn without_the_key_there_is_no_interface() {
    let setup = Setup::memory().http();
    let server = setup.start();
    assert_eq!(request(server.http_address(), &lines("GET", "/api/v1/server", "")).0, 404);
    assert_eq!(request(server.http_address(), &lines("POST", "/api/v1/drain", "")).0, 405);
}

#[test]
fn sessions_begin_anew_with_the_server() {
    let setup = Setup::memory().admin();
    for _ in 0..2 {
        let server = setup.start();
        let api = Api::of(&server);
        let _client = server.login();
        assert_eq!(session_of(api, "demo")["session"], 1);
        assert_eq!(api.get("/throughput")["backends"], json!([]));
    }
}
