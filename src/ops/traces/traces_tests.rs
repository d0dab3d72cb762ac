use std::net::{Ipv4Addr, SocketAddr};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span as Sent;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind as Kind;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use wharf_backends::observe::SpanKind;

use super::*;
use crate::config::Secret;

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7);

/// What a request to the played collector had.
struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn spans(&self) -> Vec<Sent> {
        let request = ExportTraceServiceRequest::decode(&*self.body).unwrap();
        let [resource] = <[_; 1]>::try_from(request.resource_spans).ok().unwrap();
        let attributes = resource.resource.unwrap().attributes;
        assert!(attributes.iter().any(|fact| fact.key == "service.name"), "{attributes:?}");
        resource.scope_spans.into_iter().flat_map(|scope| scope.spans).collect()
    }
}

/// A collector that gives these answers, each to one request, and the last one for ever.
async fn collector(answers: Vec<Vec<u8>>) -> (String, mpsc::UnboundedReceiver<Request>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (sender, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut answers = answers.into_iter();
        let mut answer = answers.next().unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let request = serve(stream, &answer).await;
            answer = answers.next().unwrap_or(answer);
            if sender.send(request).is_err() {
                return;
            }
        }
    });
    (url, requests)
}

async fn serve(mut stream: TcpStream, answer: &[u8]) -> Request {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(read[..end].to_vec()).unwrap().to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
            let whole = end + 4 + length.parse::<usize>().unwrap();
            while read.len() < whole {
                assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
            }
            stream.write_all(answer).await.unwrap();
            return Request { head, body: read[end + 4..].to_vec() };
        }
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
    }
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn settings(url: &str) -> config::Traces {
    config::Traces {
        url: url.to_owned(),
        sample: 1.0,
        headers: vec![("x-key".to_owned(), Secret::new("hidden"))],
        timeout: Duration::from_secs(30),
        authorities: None,
        to_stores: true,
    }
}

fn count(metrics: &Metrics, result: &str) -> u64 {
    let name = format!("wharf_trace_spans_total{{result=\"{result}\"}} ");
    metrics.text().lines().find_map(|line| line.strip_prefix(&*name)?.parse().ok()).unwrap()
}

fn command(traces: &Traces) -> Arc<dyn Span> {
    traces.command("STOR", 7, PEER).unwrap()
}

#[tokio::test]
async fn a_command_arrives_with_its_pieces() {
    let (url, mut requests) = collector(vec![answer("200 OK", b"")]).await;
    let metrics = Metrics::new("native", 1);
    let (traces, sender) = Traces::start(Some(&settings(&url)), &metrics).unwrap();
    let stor = command(&traces);
    let finish = stor.begin("finish", SpanKind::Inside);
    let put = finish.begin("put", SpanKind::Request);
    put.note("http.response.status_code", Note::Number(503));
    put.note("http.response.status_code", Note::Number(200));
    let parent = put.traceparent().unwrap();
    put.end();
    finish.fail("no space left");
    drop(finish);
    stor.end();
    stor.end();
    sender.finish().await;
    let request = requests.recv().await.unwrap();
    assert!(request.head.starts_with("post /v1/traces http/1.1"), "{}", request.head);
    assert!(request.head.contains("\r\ncontent-type: application/x-protobuf"), "{}", request.head);
    assert!(request.head.contains("\r\nx-key: hidden"), "{}", request.head);
    let [put, finish, stor] = <[Sent; 3]>::try_from(request.spans()).unwrap();
    assert_eq!([&*put.name, &*finish.name, &*stor.name], ["put", "finish", "STOR"]);
    assert_eq!([put.kind(), finish.kind(), stor.kind()], [Kind::Client, Kind::Internal, Kind::Server]);
    assert_eq!((&put.parent_span_id, &finish.parent_span_id), (&finish.span_id, &stor.span_id));
    assert!(stor.parent_span_id.is_empty());
    assert_eq!(stor.trace_id.len(), 16);
    assert!([&put, &finish].iter().all(|span| span.trace_id == stor.trace_id));
    assert!(stor.start_time_unix_nano <= put.start_time_unix_nano);
    assert!(put.end_time_unix_nano <= stor.end_time_unix_nano);
    let expected = format!("00-{}-{}-01", hex::encode(&put.trace_id), hex::encode(&put.span_id));
    assert_eq!(parent, expected);
    assert_eq!(finish.status.unwrap().message, "no space left");
    assert_eq!((put.attributes.len(), put.status), (1, None));
    assert_eq!((count(&metrics, "sent"), count(&metrics, "dropped")), (3, 0));
}

#[tokio::test]
async fn a_share_is_traced_and_nothing_without_a_section() {
    let metrics = Metrics::new("native", 1);
    let (traces, sender) = Traces::start(None, &metrics).unwrap();
    assert!(traces.command("STOR", 1, PEER).is_none());
    sender.finish().await;
    let sampled = |sample: f64| {
        let (recorder, spans) = recorded::Recorder::new(
            &config::Traces { sample, ..settings("http://x/") },
            Arc::clone(&metrics),
        );
        // Whatever is dropped here goes into the queue.
        let begun = (0..10_000).filter(|_| recorder.begin("NOOP").is_some()).count();
        drop(spans);
        begun
    };
    assert_eq!(sampled(0.0), 0);
    assert_eq!(sampled(1.0), 10_000);
    // Eight standard deviations.
    assert!((2_650..=3_350).contains(&sampled(0.3)));
}

#[tokio::test]
async fn a_full_queue_drops_and_counts() {
    let metrics = Metrics::new("native", 1);
    let (recorder, spans) = recorded::Recorder::new(&settings("http://x/"), Arc::clone(&metrics));
    for _ in 0..recorded::QUEUE + 5 {
        drop(recorder.begin("NOOP"));
    }
    assert_eq!(count(&metrics, "dropped"), 5);
    drop(spans);
    drop(recorder.begin("NOOP"));
    assert_eq!(count(&metrics, "dropped"), 6);
}

#[tokio::test]
async fn what_the_collector_refuses_is_counted() {
    let partial = ExportTracePartialSuccess { rejected_spans: 1, error_message: "too old".to_owned() };
    let partial = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    let nonsense = answer("200 OK", b"<html>\xff</html>");
    for (answer, sent) in [
        (answer("200 OK", &partial), 1),
        (nonsense, 2),
        (answer("400 Bad Request", b"no"), 0),
        (answer("302 Found", b""), 0),
        (b"what?\r\n\r\n".to_vec(), 0),
    ] {
        let (url, mut requests) = collector(vec![answer]).await;
        let metrics = Metrics::new("native", 1);
        let (traces, sender) = Traces::start(Some(&settings(&url)), &metrics).unwrap();
        command(&traces).end();
        command(&traces).end();
        sender.finish().await;
        assert_eq!(requests.recv().await.unwrap().spans().len(), 2);
        assert_eq!((count(&metrics, "sent"), count(&metrics, "dropped")), (sent, 2 - sent));
    }
}

#[tokio::test]
async fn a_busy_collector_is_asked_again() {
    let (url, mut requests) = collector(vec![answer("503 Busy", b""), answer("200 OK", b"")]).await;
    let metrics = Metrics::new("native", 1);
    let (traces, sender) = Traces::start(Some(&settings(&url)), &metrics).unwrap();
    command(&traces).end();
    let first = requests.recv().await.unwrap();
    let again = requests.recv().await.unwrap();
    assert_eq!(first.body, again.body);
    sender.finish().await;
    assert_eq!((count(&metrics, "sent"), count(&metrics, "dropped")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_collector_that_is_silent_or_gone() {
    let silent = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let gone = {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap()
    };
    for address in [silent.local_addr().unwrap(), gone] {
        let metrics = Metrics::new("native", 1);
        let (traces, sender) =
            Traces::start(Some(&settings(&format!("http://{address}/v1/traces"))), &metrics).unwrap();
        command(&traces).end();
        let began = tokio::time::Instant::now();
        sender.finish().await;
        assert!(began.elapsed() <= LAST_SPANS);
        assert_eq!(count(&metrics, "sent"), 0);
    }
}
