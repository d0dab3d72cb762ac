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
