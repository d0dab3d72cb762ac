//! A receiver of webhooks, which answers as a test says.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use serde_json::Value;
use wharf_testing::json_schema::misfits;

use crate::support::SOON;

/// A request.
#[derive(Debug, Clone)]
pub struct Got {
    pub at: Instant,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This status, with further lines of the head.
    Status(u16, &'static str),
    /// Nothing: the connection is closed.
    Close,
    /// Nothing at all, until the other side gives up.
    Nothing,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The name of the event.
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The kind of the event.
    pub fn kind(&self) -> String {
        let of_header = self.headers.get("ce-type").cloned();
        let kind = of_header.unwrap_or_else(|| self.json()["type"].as_str().unwrap().to_owned());
        kind.strip_prefix("wharf.").unwrap().to_owned()
    }

    pub fn data(&self) -> Value {
        match self.headers.contains_key("ce-type") {
            true => self.json(),
            false => self.json()["data"].clone(),
        }
    }

    pub fn path(&self) -> String {
        self.data()["path"].as_str().unwrap_or_default().to_owned()
    }

    /// Kind and path.
    pub fn summary(&self) -> String {
        format!("{} {}", self.kind(), self.path())
    }
}

#[derive(Default)]
struct Shared {
    /// How many requests came.
    count: AtomicUsize,
    /// What came, and whether it was taken.
    got: Mutex<Vec<(Got, bool)>>,
    more: Condvar,
}

pub struct Receiver {
    pub address: SocketAddr,
    got: Arc<Shared>,
}

impl Receiver {
    /// Takes everything.
    pub fn new() -> Self {
        Self::answering(|_, _| Answer::Status(204, ""))
    }

    /// Answers each request with what this says of it and of how many came before it.
    pub fn answering(answer: impl Fn(&Got, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), true, answer)
    }

    /// Keeps nothing of what came: this is told of it.
    pub fn forgetful(answer: impl Fn(&Got, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), false, answer)
    }

    /// At an address that refused connections so far.
    pub fn opened(port: OwnedFd) -> Self {
        rustix::net::listen(&port, 16).unwrap();
        Self::on(TcpListener::from(port), true, |_, _| Answer::Status(204, ""))
    }

    fn on(
        listener: TcpListener,
        keeps: bool,
        answer: impl Fn(&Got, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let (got, answer) = (Arc::<Shared>::default(), Arc::new(answer));
        let shared = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, answer) = (Arc::clone(&shared), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, keeps, &shared, &*answer));
            }
        });
        Self { address, got }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// All requests so far, in their order.
    pub fn all(&self) -> Vec<Got> {
        self.got.got.lock().unwrap().iter().map(|(got, _)| got.clone()).collect()
    }

    /// Those that were answered with success. Their data are as the schema says.
    #[track_caller]
    pub fn taken(&self) -> Vec<Got> {
        let got = self.got.got.lock().unwrap();
        let taken: Vec<_> =
            got.iter().filter(|(_, is_taken)| *is_taken).map(|(got, _)| got.clone()).collect();
        taken.iter().for_each(|got| assert_fits(&got.data()));
        taken
    }

    /// Waits until so many were taken.
    #[track_caller]
    pub fn expect(&self, count: usize) -> Vec<Got> {
        self.expect_of(count, |got| got.iter().filter(|(_, is_taken)| *is_taken).count());
        self.taken()
    }

    /// Waits for so many requests, whatever was answered.
    #[track_caller]
    pub fn expect_requests(&self, count: usize) -> Vec<Got> {
        self.expect_of(count, <[_]>::len);
        self.all()
    }

    #[track_caller]
    fn expect_of(&self, count: usize, of: impl Fn(&[(Got, bool)]) -> usize) {
        let deadline = Instant::now() + SOON;
        let mut got = self.got.got.lock().unwrap();
        while of(&got) < count {
            let left = deadline.saturating_duration_since(Instant::now());
            let summaries: Vec<_> = got.iter().map(|(got, taken)| (got.summary(), *taken)).collect();
            assert!(!left.is_zero(), "there are {} of {count} events: {summaries:#?}", of(&got));
            got = self.got.more.wait_timeout(got, left).unwrap().0;
        }
    }
}

/// Demands that the data of an event are as the schema that ships says.
#[track_caller]
pub fn assert_fits(data: &Value) {
    let schema: Value = serde_json::from_str(include_str!("../../docs/events.schema.json")).unwrap();
    assert_eq!(misfits(&schema, &schema, data, ""), Vec::<String>::new(), "{data}");
}

fn serve(stream: TcpStream, keeps: bool, shared: &Shared, answer: &dyn Fn(&Got, usize) -> Answer) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(got) = read(&mut reader) {
        let answer = answer(&got, shared.count.fetch_add(1, Ordering::Relaxed));
        let is_taken = matches!(answer, Answer::Status(200..300, _));
        if keeps {
            // Before the answer, so that whoever has seen its effect finds it here.
            shared.got.lock().unwrap().push((got, is_taken));
            shared.more.notify_all();
        }
        match answer {
            Answer::Status(status, more) => {
                let reply = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n{more}\r\n");
                if (&stream).write_all(reply.as_bytes()).is_err() {
                    return;
                }
            }
            Answer::Close => return,
            Answer::Nothing => {
                let _ = reader.read(&mut [0]);
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Got> {
    let mut headers = HashMap::new();
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Got { at: Instant::now(), headers, body })
}
