//! Traces of commands: a collector is played, the store is real.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;

use crate::support::{S3, SOON, Setup, closed_port, metric, wait_until};

/// A collector that takes whatever comes.
struct Collector {
    address: SocketAddr,
    bodies: mpsc::Receiver<(String, Vec<u8>)>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, bodies) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that has gone away has said nothing.
                let Some(request) = stream.ok().and_then(take) else { continue };
                if sender.send(request).is_err() {
                    return;
                }
            }
        });
        Self { address, bodies }
    }

    /// The spans of the next request, which must hold none of these texts.
    fn spans(&self, secrets: &[&str]) -> Vec<Span> {
        let (head, body) = self.bodies.recv_timeout(SOON).expect("spans");
        assert!(head.to_ascii_lowercase().contains("x-key: of-the-collector"), "{head}");
        for secret in secrets {
            let is_there = body.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!is_there, "{secret} is told");
        }
        let request = ExportTraceServiceRequest::decode(&*body).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// Spans until this many commands are there.
    fn commands(&self, many: usize, secrets: &[&str]) -> Vec<Span> {
        let mut spans = Vec::new();
        while spans.iter().filter(|span: &&Span| span.parent_span_id.is_empty()).count() < many {
            spans.extend(self.spans(secrets));
        }
        spans
    }
}

/// A request, which gets the answer that all is well.
fn take(mut stream: TcpStream) -> Option<(String, Vec<u8>)> {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(read[..end].to_vec()).ok()?;
            let lower = head.to_ascii_lowercase();
            let length: usize = lower.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
            if read.len() >= end + 4 + length {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                    .ok()?;
                return Some((head, read[end + 4..].to_vec()));
            }
        }
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            count => read.extend_from_slice(&buffer[..count]),
        }
    }
}

fn facts(span: &Span) -> BTreeMap<&str, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let facts = span.attributes.iter();
    facts.map(|fact| (&*fact.key, text(fact.value.as_ref().unwrap().value.as_ref().unwrap()))).collect()
}

fn below<'a>(spans: &'a [Span], parent: &Span) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.parent_span_id == parent.span_id).collect()
}

#[test]
fn a_command_is_followed_to_the_requests_of_the_store() {
    let collector = Collector::start();
    let setup = Setup::new(format!(
        "
backends:
  lake: {}
users:
  - {{ name: demo, password: open-sesame, plain: true, backend: lake }}
traces:
  otlp: 'http://{}'
  headers: [ {{ name: x-key, value: of-the-collector }} ]
",
        S3::SeaweedFs.backend(),
        collector.address
    ))
    .http();
    let server = setup.start();
    let mut client = server.connect();
    client.login("demo", "open-sesame");
    client.store("report.csv", b"1,2,3\n");
    client.expect("SIZE nowhere", 550);
    client.expect("QUIT", 221);
    // USER, PASS, PASV, STOR, SIZE, QUIT, and TYPE, as most clients say it.
    let spans = collector.commands(6, &["open-sesame", "of-the-collector"]);
    let command = |name: &str| {
        let found = spans.iter().find(|span| span.name == name && span.parent_span_id.is_empty());
        found.unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
    };
    let pass = facts(command("PASS"));
    assert_eq!((pass.get("ftp.argument"), pass["ftp.reply_code"].as_str()), (None, "230"));
    assert_eq!((pass["user.name"].as_str(), pass["client.address"].as_str()), ("demo", "127.0.0.1"));
    let stor = command("STOR");
    let told = facts(stor);
    assert_eq!(stor.kind(), SpanKind::Server);
    assert_eq!(told["session.id"], pass["session.id"]);
    assert_eq!((&*told["file.path"], &*told["ftp.argument"]), ("/report.csv", "report.csv"));
    assert_eq!((&*told["ftp.reply_code"], &*told["ftp.transfer_bytes"]), ("226", "6"));
    assert_eq!(stor.status, None);
    let pieces = below(&spans, stor);
    let finish = pieces.iter().find(|span| span.name == "finish").unwrap_or_else(|| panic!("{pieces:#?}"));
    assert!(pieces.iter().any(|span| span.name == "begin"), "{pieces:#?}");
    assert_eq!(facts(finish)["wharf.backend"], "lake");
    let requests = below(&spans, finish);
    let put = requests.iter().find(|span| span.name == "put").unwrap_or_else(|| panic!("{requests:#?}"));
    let told = facts(put);
    assert_eq!((put.kind(), &*told["http.request.method"]), (SpanKind::Client, "PUT"));
    assert_eq!((&*told["http.response.status_code"], &*told["server.address"]), ("200", "127.0.0.1"));
    assert!(told["url.path"].ends_with("/report.csv"), "{told:?}");
    assert!(!told.contains_key("http.request.resend_count"), "{told:?}");
    // A client's mistake is no failure of the server.
    let size = command("SIZE");
    assert_eq!((facts(size)["ftp.reply_code"].as_str(), &size.status), ("550", &None));
    assert!(below(&spans, size).iter().any(|span| facts(span)["error.type"] == "not_found"), "{spans:#?}");
}

#[test]
fn the_last_spans_are_sent_at_the_end() {
    let collector = Collector::start();
    let setup = Setup::new(format!(
        "
backends:
  scratch: {{ kind: memory }}
users:
  - {{ name: demo, password: demo, plain: true, backend: scratch }}
traces: {{ otlp: 'http://{}', headers: [ {{ name: x-key, value: of-the-collector }} ] }}
",
        collector.address
    ));
    let server = setup.start();
    let mut client = server.connect();
    client.expect("NOOP", 200);
    client.expect("QUIT", 221);
    server.terminate();
    assert_eq!(collector.commands(2, &[]).len(), 2);
}

/// Also inside of the sandbox.
#[test]
fn a_collector_that_is_gone_harms_nobody() {
    let (_held, nobody) = closed_port();
    let setup = Setup::new(format!(
        "
backends:
  scratch: {{ kind: memory }}
users:
  - {{ name: demo, password: demo, plain: true, backend: scratch }}
traces: {{ otlp: 'http://{nobody}', timeout: 1s }}
"
    ))
    .http();
    let server = setup.start();
    let mut client = server.login();
    client.store("a", b"bytes");
    let dropped = "wharf_trace_spans_total{result=\"dropped\"}";
    wait_until("spans are dropped", || metric(&server, dropped).unwrap() > 0.0);
    server.log.expect_warning("traces can't be sent: their spans are dropped", &[]);
    assert_eq!(client.retrieve("a"), b"bytes");
    assert_eq!(metric(&server, "wharf_trace_spans_total{result=\"sent\"}"), Some(0.0));
}
