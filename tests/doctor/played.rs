//! Servers that a test plays: what they say to each command.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// What a played server does.
pub enum Act {
    Say(String),
    Bytes(Vec<u8>),
    Hang,
    Close,
}

pub fn say(text: impl Into<String>) -> Act {
    Act::Say(text.into())
}

/// A server that answers each line, the empty one being the connection itself; until the test is over.
pub fn play(answer: impl Fn(&str) -> Act + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || serve(&connection, &*answer));
        }
    });
    address
}

fn serve(connection: &TcpStream, answer: &dyn Fn(&str) -> Act) {
    let mut lines = BufReader::new(connection).lines();
    let mut line = String::new();
    loop {
        let mut out = connection;
        let said = match answer(&line) {
            Act::Say(text) => out.write_all(format!("{text}\r\n").as_bytes()),
            Act::Bytes(bytes) => out.write_all(&bytes),
            Act::Close => return,
            Act::Hang => {
                // Until the other side gives up.
                lines.by_ref().for_each(drop);
                return;
            }
        };
        match lines.next() {
            Some(Ok(next)) if said.is_ok() => line = next,
            _ => return,
        }
    }
}

/// A server that works as far as a login, and answers these commands otherwise.
pub fn usual(line: &str) -> Act {
    match line.split(' ').next().unwrap_or_default() {
        "" => say("220 hello"),
        "FEAT" => say("211-Features:\r\n UTF8\r\n REST STREAM\r\n211 End"),
        "AUTH" => say("502 no"),
        "USER" => say("331 password?"),
        "PASS" => say("230 welcome"),
        "REST" => say("350 ok"),
        "EPSV" => say("500 what?"),
        "QUIT" => Act::Close,
        _ => say("200 ok"),
    }
}

/// A reply that names this port of this host.
pub fn pasv(host: &str, port: u16) -> Act {
    let [high, low] = port.to_be_bytes();
    say(format!("227 Entering Passive Mode ({},{high},{low})", host.replace('.', ",")))
}
