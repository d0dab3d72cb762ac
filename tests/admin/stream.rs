//! What happens, as it happens.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;

use super::*;
use crate::support::SOON;

/// Begins to read along; the status.
fn read_along(address: std::net::SocketAddr) -> (String, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect_timeout(&address, SOON).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let head = format!(
        "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {READ_ONLY}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    (first.split(' ').nth(1).unwrap().to_owned(), reader)
}

/// The data of the next event of this name that is wanted.
#[track_caller]
fn event(reader: &mut BufReader<TcpStream>, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut is_it = false;
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the stream ended before {name}");
        if let Some(found) = line.strip_prefix("event: ") {
            is_it = found.trim_end() == name;
        }
        if let Some(data) = line.strip_prefix("data: ").filter(|_| is_it) {
            let data: Value = serde_json::from_str(data).unwrap();
            if wanted(&data) {
                return data;
            }
        }
    }
}

/// Whoever reads along with a token that is no more sees nothing of what comes after it.
#[test]
fn a_stream_ends_with_its_token() {
    let setup = Setup::memory().admin();
    let server = setup.start();
    let (_, mut reader) = read_along(server.http_address());
    event(&mut reader, "snapshot", |_| true);
    crate::reload::change(&setup, READ_ONLY, "a-token-that-came-later");
    Api::of(&server).change("POST", "/reload", "");
    let mut lines = 0;
    while reader.read_line(&mut String::new()).unwrap() > 0 {
        lines += 1;
        assert!(lines < 100, "it goes on");
    }
    assert_eq!(read_along(server.http_address()).0, "401");
}

#[test]
fn snapshots_and_facts_come_and_readers_are_bounded() {
    let setup = Setup::local().admin();
    let server = setup.start();
    let address = server.http_address();
    let (status, mut reader) = read_along(address);
    assert_eq!(status, "200");
    let first = event(&mut reader, "snapshot", |_| true);
    assert_eq!((&first["sessions_count"], &first["is_draining"]), (&json!(0), &json!(false)), "{first}");
    let (mut client, mut data, content) = upload_in_the_middle(&server);
    let fact = event(&mut reader, "fact", |fact| fact["what"] == "logged_in");
    assert_eq!(fact["user"], "demo", "{fact}");
    let fact = event(&mut reader, "fact", |fact| fact["what"] == "transfer_began");
    assert_eq!((&fact["direction"], &fact["backend"]), (&json!("upload"), &json!("disk")), "{fact}");
    let moving = event(&mut reader, "snapshot", |snapshot| snapshot["transfers_count"] == 1);
    assert_eq!(moving["sessions"][0]["user"], "demo", "{moving}");
    data.write_all(&content[1_000_000..]).unwrap();
    data.finish().unwrap();
    client.expect_reply(226);
    let fact = event(&mut reader, "fact", |fact| fact["what"] == "transfer_ended");
    assert_eq!((&fact["bytes"], &fact["failure"]), (&json!(content.len()), &Value::Null), "{fact}");
    // These never read, which costs nobody else anything.
    let silent: Vec<_> = (0..15).map(|_| read_along(address)).collect();
    assert!(silent.iter().all(|(status, _)| status == "200"));
    assert_eq!(read_along(address).0, "503");
    client.store("small", b"a");
    assert_eq!(Api::of(&server).get("/server")["sessions"], 1);
    drop(silent);
    wait_until("there is room again", || read_along(address).0 == "200");
}
