//! A way to a storage server on which the test can hold up a request: what happens meanwhile needs no luck.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use super::{S3, SOON};

/// Passes requests on to a storage server, except for one that it was told to hold.
pub struct Gate {
    address: SocketAddr,
    rule: Arc<Mutex<Option<Rule>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

/// What to hold, told by the first line of a request.
struct Rule {
    fits: Box<dyn FnMut(&str) -> bool + Send>,
    arrived: Sender<()>,
    verdict: Receiver<Verdict>,
}

enum Verdict {
    Pass,
    Refuse,
}

/// A request that is held from when it comes until somebody decides about it.
pub struct Held {
    arrived: Receiver<()>,
    verdict: Sender<Verdict>,
}

impl Held {
    /// Waits until it is there.
    #[track_caller]
    pub fn expect(&self) {
        self.arrived.recv_timeout(SOON).expect("a request that is to be held");
    }

    /// Lets it through.
    pub fn pass(self) {
        self.verdict.send(Verdict::Pass).unwrap();
    }

    /// Answers that it is not permitted, which no client tries again.
    pub fn refuse(self) {
        self.verdict.send(Verdict::Refuse).unwrap();
    }
}

impl Gate {
    pub fn before(store: S3) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let rule = Arc::new(Mutex::new(None));
        let (store, shared) = (store.address(), Arc::clone(&rule));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (store, rule, all) = (store.clone(), Arc::clone(&shared), Arc::clone(&all));
                // The server under test sees for itself when a connection breaks.
                std::thread::spawn(move || client.and_then(|client| pass_on(client, &store, &rule, &all)));
            }
        });
        Self { address, rule, seen }
    }

    /// The URL by which the storage server is reached through the gate.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The first lines of the requests that came since this was asked last.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    /// Holds the next request whose first line fits; only that one.
    pub fn hold(&self, fits: impl FnMut(&str) -> bool + Send + 'static) -> Held {
        let (arrived_sender, arrived) = mpsc::channel();
        let (verdict, verdict_receiver) = mpsc::channel();
        let rule = Rule { fits: Box::new(fits), arrived: arrived_sender, verdict: verdict_receiver };
        *self.rule.lock().unwrap() = Some(rule);
        Held { arrived, verdict }
    }
}

/// One request of a connection, which is closed after it.
fn pass_on(
    client: TcpStream,
    store: &str,
    rule: &Mutex<Option<Rule>>,
    seen: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut client = BufReader::new(client);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if client.read_until(b'\n', &mut head)? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8(head).unwrap();
    let (first, headers) = head.split_once("\r\n").unwrap();
    seen.lock().unwrap().push(first.to_owned());
    let mut fields = headers.lines().filter_map(|header| header.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, value)| value.trim().parse().unwrap())];
    client.read_exact(&mut body)?;

    let held = rule.lock().unwrap().take_if(|rule| (rule.fits)(first));
    if let Some(Rule { arrived, verdict, .. }) = held {
        let _test_is_over = arrived.send(());
        if !matches!(verdict.recv(), Ok(Verdict::Pass)) {
            let error = "<Error><Code>AccessDenied</Code><Message>The gate is shut.</Message></Error>";
            let length = error.len();
            let reply = format!(
                "HTTP/1.1 403 Forbidden\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{error}"
            );
            return client.get_mut().write_all(reply.as_bytes());
        }
    }
    let mut store = TcpStream::connect(store)?;
    write!(store, "{first}\r\nConnection: close\r\n{headers}")?;
    store.write_all(&body)?;
    io::copy(&mut store, client.get_mut()).map(drop)
}
