//! What is sent to stores more than once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use super::assert_metric;
use crate::support::Setup;

/// A store that speaks as much S3 as one upload needs. It has too much to do when the first one comes.
fn busy_store() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut uploads = 0;
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let answer = match method(&mut stream).as_str() {
                "PUT" if uploads == 0 => "503 Slow Down\r\n",
                "PUT" => "200 OK\r\nETag: \"1\"\r\n",
                // Whether there are unfinished uploads is none of the server's business.
                _ => "403 Forbidden\r\n",
            };
            uploads += usize::from(!answer.starts_with("403"));
            write!(stream.get_mut(), "HTTP/1.1 {answer}Content-Length: 0\r\nConnection: close\r\n\r\n")
                .unwrap();
        }
    });
    address
}

/// Reads a request: its method.
fn method(stream: &mut BufReader<TcpStream>) -> String {
    let (mut head, mut line) = (String::new(), String::new());
    while stream.read_line(&mut line).unwrap() > 2 {
        head.push_str(&line.to_lowercase());
        line.clear();
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    head.split(' ').next().unwrap_or_default().to_uppercase()
}

#[test]
fn uploads_that_are_sent_again_are_counted() {
    let setup = Setup::new(format!(
        "
backends:
  lake: {{ kind: s3, bucket: b, region: us-east-1, endpoint: 'http://{}', access_key_id: a, secret_access_key: b }}
users:
  - {{ name: demo, password: demo, plain: true, backend: lake, permissions: full }}
",
        busy_store()
    ))
    .http();
    let server = setup.start();
    server.login().store("f", b"content");
    let requests = |result: &str| {
        format!("wharf_backend_requests_total{{backend=\"lake\",request=\"put\",result=\"{result}\"}}")
    };
    assert_metric(&server, &requests("throttled"), 1.0);
    assert_metric(&server, &requests("done"), 1.0);
    assert_metric(&server, "wharf_backend_retries_total{backend=\"lake\",request=\"put\"}", 1.0);
    // The same name again is another upload.
    server.login().store("f", b"content");
    assert_metric(&server, &requests("done"), 2.0);
    assert_metric(&server, "wharf_backend_retries_total{backend=\"lake\",request=\"put\"}", 1.0);
}
