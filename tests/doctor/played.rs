//! Servers that a test plays: what they say to each command.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

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

/// A server that answers each line, the empty one being the connection itself; until the test is over. The first message of TLS
/// is a line, too: [`HELLO`].
pub fn play(answer: impl Fn(&str) -> Act + Send + Sync + 'static) -> SocketAddr {
    play_with(None, answer)
}

/// The same, which speaks TLS after it has answered AUTH with 234.
pub fn play_tls(
    config: Arc<ServerConfig>,
    answer: impl Fn(&str) -> Act + Send + Sync + 'static,
) -> SocketAddr {
    play_with(Some(config), answer)
}

/// What stands for the first message of a client that begins TLS where the server does not.
pub const HELLO: &str = "\u{16}";

fn play_with(
    config: Option<Arc<ServerConfig>>,
    answer: impl Fn(&str) -> Act + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let (answer, config) = (Arc::clone(&answer), config.clone());
            thread::spawn(move || serve(connection, config, &*answer));
        }
    });
    address
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn serve(tcp: TcpStream, config: Option<Arc<ServerConfig>>, answer: &dyn Fn(&str) -> Act) {
    let mut stream: Box<dyn Stream> = Box::new(tcp.try_clone().unwrap());
    let mut line = String::new();
    loop {
        let act = answer(&line);
        let begins_tls =
            line.starts_with("AUTH") && matches!(&act, Act::Say(text) if text.starts_with("234"));
        let said = match act {
            Act::Say(text) => stream.write_all(format!("{text}\r\n").as_bytes()),
            Act::Bytes(bytes) => stream.write_all(&bytes),
            Act::Close => return,
            Act::Hang => {
                // Until the other side gives up.
                let _its_end = io::copy(&mut stream, &mut io::sink());
                return;
            }
        };
        if let Some(config) = config.as_ref().filter(|_| begins_tls) {
            let connection = ServerConnection::new(Arc::clone(config)).unwrap();
            stream = Box::new(StreamOwned::new(connection, tcp.try_clone().unwrap()));
        }
        match next_line(&mut stream) {
            Some(next) if said.and_then(|()| stream.flush()).is_ok() => line = next,
            _ => return,
        }
    }
}

fn next_line(stream: &mut dyn Stream) -> Option<String> {
    let mut line = Vec::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        match byte[0] {
            b'\n' => return String::from_utf8(line).ok().map(|line| line.trim_end().to_owned()),
            0x16 if line.is_empty() => {
                let mut version_and_length = [0; 4];
                stream.read_exact(&mut version_and_length).ok()?;
                let length = u16::from_be_bytes([version_and_length[2], version_and_length[3]]);
                stream.read_exact(&mut vec![0; usize::from(length)]).ok()?;
                return Some(HELLO.to_owned());
            }
            byte => line.push(byte),
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
