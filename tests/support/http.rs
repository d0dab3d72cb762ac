//! HTTP spoken by hand, so that a test can also speak it badly.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::{Running, SOON};

/// Sends these lines and an empty one: the status, and all of the answer.
#[track_caller]
pub fn request(address: SocketAddr, lines: &str) -> (u16, String) {
    let mut stream = TcpStream::connect_timeout(&address, SOON).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(format!("{lines}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap_or_else(|error| panic!("{lines}: {error}"));
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer to {lines}: {answer:?}")), answer)
}

/// All metrics of a server.
#[track_caller]
pub fn metrics(server: &Running<'_>) -> String {
    let (status, answer) = request(server.http_address(), "GET /metrics HTTP/1.1\r\nHost: test");
    assert_eq!(status, 200, "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// One of them, with its labels as they are written; `None` if it isn't there.
pub fn metric(server: &Running<'_>, name: &str) -> Option<f64> {
    let text = metrics(server);
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(line.parse().unwrap_or_else(|_| panic!("{name}: {line}")))
}

/// The tokens of [`Setup::admin`](super::Setup::admin).
pub const ADMIN: &str = "the-token-of-whoever-may-do-all";
pub const READ_ONLY: &str = "the-token-of-whoever-may-look";

/// The admin interface of a server, as whoever has this token sees it.
#[derive(Debug, Clone, Copy)]
pub struct Api {
    pub address: SocketAddr,
    pub token: &'static str,
}

impl Api {
    pub fn of(server: &Running<'_>) -> Self {
        Self { address: server.http_address(), token: ADMIN }
    }

    /// A request with these further lines and this body: the status, and the JSON of the answer.
    #[track_caller]
    pub fn ask(self, method: &str, path: &str, body: &str) -> (u16, serde_json::Value) {
        let token = self.token;
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let lines = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect_timeout(&self.address, SOON).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(lines.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no answer to {method} {path}: {answer:?}"));
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let value =
            serde_json::from_str(body).unwrap_or_else(|error| panic!("{method} {path}: {error}: {answer}"));
        (status, value)
    }

    /// What is there.
    #[track_caller]
    pub fn get(self, path: &str) -> serde_json::Value {
        let (status, value) = self.ask("GET", path, "");
        assert_eq!(status, 200, "GET {path}: {value}");
        value
    }

    /// Has something done.
    #[track_caller]
    pub fn change(self, method: &str, path: &str, body: &str) -> serde_json::Value {
        let (status, value) = self.ask(method, path, body);
        assert_eq!(status, 200, "{method} {path}: {value}");
        value
    }
}
