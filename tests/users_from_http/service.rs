//! A service that knows users, played with all the ways in which it can fail.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

/// A question.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The first line of the request and its headers, in lower case but for their values.
    pub head: Vec<String>,
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub fn text(&self, key: &str) -> &str {
        self.body[key].as_str().unwrap_or_default()
    }
}

/// What a service does with a question.
pub enum Play {
    /// It sends these bytes and closes the connection.
    Send(Vec<u8>),
    /// It says nothing, and holds the connection until it is dropped.
    Hold,
}

/// An answer in JSON.
pub fn json(document: &Value) -> Play {
    page(200, "application/json", &document.to_string())
}

/// A page with this status and type of content.
pub fn page(status: u16, kind: &str, content: &str) -> Play {
    let length = content.len();
    let head = format!("HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n");
    Play::Send(format!("{head}Connection: close\r\n\r\n{content}").into_bytes())
}

trait Connection: Read + Write + Send {}
impl<T: Read + Write + Send> Connection for T {}

/// A service that is there until it is dropped.
pub struct Service {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    is_over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

type Player = dyn Fn(&Asked) -> Play + Send + Sync;

impl Service {
    pub fn new(play: impl Fn(&Asked) -> Play + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), None, play)
    }

    /// One at this address, with TLS or without.
    pub fn at(
        address: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        play: impl Fn(&Asked) -> Play + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, is_over) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<AtomicBool>::default());
        let (seen, ends) = (Arc::clone(&asked), Arc::clone(&is_over));
        let play: Arc<Player> = Arc::new(play);
        let accepting = std::thread::spawn(move || {
            let held = Arc::<Mutex<Vec<Box<dyn Connection>>>>::default();
            for stream in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (seen, play, held, tls) =
                    (Arc::clone(&seen), Arc::clone(&play), Arc::clone(&held), tls.clone());
                std::thread::spawn(move || {
                    let connection: Box<dyn Connection> = match tls {
                        Some(tls) => Box::new(StreamOwned::new(ServerConnection::new(tls).unwrap(), stream)),
                        None => Box::new(stream),
                    };
                    serve(connection, &seen, &*play, &held);
                });
            }
        });
        Self { address, asked, is_over, accepting: Some(accepting) }
    }

    /// The questions so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers one request; a client that gives up is no matter.
fn serve(
    connection: Box<dyn Connection>,
    seen: &Mutex<Vec<Asked>>,
    play: &Player,
    held: &Mutex<Vec<Box<dyn Connection>>>,
) -> Option<()> {
    let mut connection = BufReader::new(connection);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => match line.split_once(": ") {
                Some((name, value)) => head.push(format!("{}: {value}", name.to_lowercase())),
                None => head.push(line.to_owned()),
            },
        }
    }
    let mut asked = Asked { head, body: Value::Null };
    let mut body = vec![0; asked.header("content-length").map_or(0, |length| length.parse().unwrap())];
    connection.read_exact(&mut body).ok()?;
    asked.body = serde_json::from_slice(&body).unwrap_or_default();
    let played = play(&asked);
    seen.lock().unwrap().push(asked);
    let mut connection = connection.into_inner();
    match played {
        Play::Send(bytes) => connection.write_all(&bytes).and_then(|()| connection.flush()).ok(),
        Play::Hold => {
            held.lock().unwrap().push(connection);
            Some(())
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // It waits for a connection.
        TcpStream::connect(self.address).ok();
        if let Some(accepting) = self.accepting.take() {
            accepting.join().ok();
        }
    }
}
