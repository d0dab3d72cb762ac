//! Uploads whose client goes away when all is sent, while the store takes long to complete them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::Setup;

/// A bucket for one upload in parts, which is completed when the test says so.
struct Store {
    url: String,
    /// The first lines of the requests that came.
    asked: Arc<Mutex<Vec<String>>>,
    /// The completion is asked for.
    completing: Receiver<()>,
    complete: Sender<()>,
}

impl Store {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (is_completing, completing) = channel();
        let (complete, may_complete) = channel();
        let (seen, may_complete) = (Arc::clone(&asked), Arc::new(Mutex::new(may_complete)));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, is_completing) = (Arc::clone(&seen), is_completing.clone());
                let may_complete = Arc::clone(&may_complete);
                thread::spawn(move || {
                    let mut stream = BufReader::new(stream.unwrap());
                    while let Some(first) = read_request(&mut stream) {
                        seen.lock().unwrap().push(first.clone());
                        if first.starts_with("POST ") && first.contains("uploadId=") {
                            is_completing.send(()).unwrap();
                            may_complete.lock().unwrap().recv().unwrap();
                        }
                        if stream.get_mut().write_all(answer(&first).as_bytes()).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { url, asked, completing, complete }
    }

    fn was_asked(&self, method: &str) -> bool {
        self.asked.lock().unwrap().iter().any(|first| first.starts_with(method))
    }
}

/// The first line of the next request, which is read whole.
fn read_request(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    stream.read_line(&mut first).ok().filter(|read| *read > 0)?;
    while stream.read_line(&mut line).ok()? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    stream.read_exact(&mut vec![0; length]).ok()?;
    Some(first)
}

fn answer(first: &str) -> String {
    let (status, headers, body) = match first.split(' ').next().unwrap() {
        "POST" if first.contains("uploadId=") => {
            let body = "<CompleteMultipartUploadResult><ETag>\"x-2\"</ETag></CompleteMultipartUploadResult>";
            ("200 OK", "", body)
        }
        "POST" => {
            let body =
                "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>";
            ("200 OK", "", body)
        }
        "PUT" => ("200 OK", "etag: \"0123456789abcdef0123456789abcdef\"\r\n", ""),
        "GET" => ("200 OK", "", "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"),
        "DELETE" => ("204 No Content", "", ""),
        _ => ("404 Not Found", "x-amz-request-id: 1\r\n", ""),
    };
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn the_end_of_the_session_gives_nothing_up() {
    let store = Store::start();
    let setup = Setup::new(format!(
        "
backends:
  lake: {{ kind: s3, bucket: b, region: us-east-1, endpoint: '{}', access_key_id: a, secret_access_key: b }}
users:
  - {{ name: demo, password: demo, plain: true, backend: lake, permissions: full }}
",
        store.url
    ));
    let server = setup.start();
    let mut client = server.login();
    client.expect("TYPE I", 200);
    let mut data = client.start_transfer("STOR f");
    data.write_all(&vec![7; 20 << 20]).unwrap();
    drop(data);
    store.completing.recv().unwrap();
    drop(client);
    // As long as anything else that was given up may take.
    server.log.expect_warning(&["a transfer of a session that ended is still busy"]);
    assert!(!store.was_asked("DELETE"));
    store.complete.send(()).unwrap();
    server.log.expect(&["transfer complete"]);
    assert!(!store.was_asked("DELETE"));
}
