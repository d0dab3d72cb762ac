//! Servers, and what stands before them, that are broken or mean harm: the doctor ends, and says what it is.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

use super::Examined;
use super::played::{Act, pasv, play, say, usual};

pub fn examine(address: SocketAddr, more: &[&str]) -> Examined {
    let url = format!("ftp://demo@{address}");
    Examined::new(Some("hunter2hunter2"), &[&[&*url, "--timeout", "10s"], more].concat())
}

#[test]
fn whatever_answers_the_doctor_ends() {
    let long = "x".repeat(1 << 20);
    type Answer = Box<dyn Fn(&str) -> Act + Send + Sync>;
    let all: Vec<(&str, &[&str], Answer)> = vec![
        ("greeting", &["closed"], Box::new(|_| Act::Close)),
        ("greeting", &["says nothing", "ftps://"], Box::new(|_| Act::Hang)),
        ("greeting", &["longer than any"], Box::new(move |_| say(format!("220 {long}")))),
        (
            "greeting",
            &["longer than any"],
            Box::new(|_| Act::Bytes("220-and\r\n".repeat(100_000).into_bytes())),
        ),
        ("greeting", &["not FTP"], Box::new(|_| say("HTTP/1.1 400 Bad Request"))),
        ("greeting", &["SSH"], Box::new(|_| say("SSH-2.0-OpenSSH_9.2"))),
        ("greeting", &["421", "too many"], Box::new(|_| say("421 too many"))),
        ("greeting", &["500"], Box::new(|_| say("500 no"))),
        (
            "login",
            &["in time"],
            Box::new(|line| if line.starts_with("PASS") { Act::Hang } else { usual(line) }),
        ),
        (
            "login",
            &["closed"],
            Box::new(|line| if line.starts_with("USER") { Act::Close } else { usual(line) }),
        ),
        (
            "login",
            &["account"],
            Box::new(|line| if line.starts_with("PASS") { say("332 account?") } else { usual(line) }),
        ),
        (
            "passive",
            &["neither"],
            Box::new(|line| if line == "PASV" { say("227 (1,2,3)") } else { usual(line) }),
        ),
        (
            "passive",
            &["neither"],
            Box::new(|line| if line == "PASV" { say("227 (1,2,3,4,0,0)") } else { usual(line) }),
        ),
        // A door for somebody who puts commands in.
        (
            "tls",
            &["more plain text"],
            Box::new(|line| if line == "AUTH TLS" { say("234 go\r\n230 you are in") } else { usual(line) }),
        ),
        (
            "tls",
            &["handshake failed"],
            Box::new(|line| {
                if line == "AUTH TLS" {
                    say("234 go")
                } else if line.contains('\u{16}') {
                    Act::Close
                } else {
                    usual(line)
                }
            }),
        ),
    ];
    for (check, words, answer) in all {
        let address = play(answer);
        let examined = examine(address, &[]);
        examined.expect("problem", check, words);
        assert_eq!(examined.status, Some(1));
    }
}

/// Escape sequences, and texts without an end, get no further than the doctor.
#[test]
fn what_servers_say_is_no_terminals_business() {
    let address = play(|line| match line {
        "" => say("220 \u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}hello"),
        line if line.starts_with("PASS") => say(format!("530 \u{1b}[31m{}", "no ".repeat(2000))),
        line => usual(line),
    });
    let examined = examine(address, &[]);
    examined.expect("problem", "login", &["530"]);
    let url = format!("ftp://demo@{address}");
    let mut command = crate::support::wharf(["doctor", &url]);
    let output = command.env(super::VARIABLE, "x").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("hello"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
    assert!(text.lines().all(|line| line.chars().count() < 500), "{text}");
}

/// The doctor connects to nobody else, wherever a server sends it.
#[test]
fn an_address_of_somebody_else_is_told_and_not_connected_to() {
    let elsewhere = TcpListener::bind("127.0.0.9:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    for (host, level, words) in [
        ("127.0.0.9", "problem", "each client's own machine"),
        ("10.1.2.3", "problem", "a private address"),
        ("0.0.0.0", "problem", "nobody's address"),
        ("192.0.2.7", "warning", "another host"),
    ] {
        let address = play(move |line| if line == "PASV" { pasv(host, port) } else { usual(line) });
        let examined = examine(address, &[]);
        examined.expect(level, "pasv", &[host, words, "server.passive.address"]);
    }
    assert!(elsewhere.accept().is_err(), "the doctor came");
}

/// A port that takes no connection and refuses none, as behind a firewall: its queue is full.
struct Blocked {
    port: u16,
    _listener: rustix::fd::OwnedFd,
    _waiting: Vec<TcpStream>,
}

impl Blocked {
    fn new() -> Self {
        let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&listener, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
        listen(&listener, 0).unwrap();
        let address = SocketAddr::try_from(rustix::net::getsockname(&listener).unwrap()).unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, std::time::Duration::from_millis(200)) {
            waiting.push(stream);
            assert!(waiting.len() < 100, "the queue is never full");
        }
        Self { port: address.port(), _listener: listener, _waiting: waiting }
    }
}

#[test]
fn a_firewall_that_opens_a_part_of_the_ports_is_told() {
    let blocked = Blocked::new();
    let open = TcpListener::bind("127.0.0.1:0").unwrap();
    let ports = [open.local_addr().unwrap().port(), blocked.port];
    let asked = AtomicUsize::new(0);
    let address = play(move |line| match line {
        "PASV" => pasv("127.0.0.1", ports[asked.fetch_add(1, Ordering::Relaxed) % 2]),
        line if line.starts_with("LIST") => say("425 no"),
        line => usual(line),
    });
    let range = format!("{}-{}", blocked.port, blocked.port);
    let examined = examine(address, &["--ports", &range]);
    let port = blocked.port.to_string();
    examined.expect(
        "problem",
        "passive-ports",
        &[&format!("{port} did not answer"), "took a connection", "only a part"],
    );
    examined.expect("problem", "ports", &["1 did not answer", &port]);
}

#[test]
fn ports_that_nothing_forwards_are_told() {
    let (_kept, closed) = crate::support::closed_port();
    let closed = closed.port();
    let address = play(move |line| if line == "PASV" { pasv("127.0.0.1", closed) } else { usual(line) });
    let examined = examine(address, &[]);
    examined.expect("problem", "listing", &["refused", "forward"]);
    examined.expect("problem", "passive-ports", &[&format!("{closed} refused it"), "forward"]);
}

/// A port at which each data connection gets this, and its end if there is one.
pub fn data_port(content: Vec<u8>, has_end: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for mut connection in listener.incoming().flatten() {
            // A client that has seen enough hangs up.
            let _cut = std::io::Write::write_all(&mut connection, &content);
            if !has_end {
                kept.push(connection);
            }
        }
    });
    port
}

#[test]
fn a_listing_that_is_longer_than_needed_is_no_problem() {
    for end in ["226 done", "426 you hung up", "451 you hung up"] {
        let port = data_port(b"a line\r\n".repeat(1 << 18), true);
        let address = play(move |line| match line {
            "PASV" => pasv("127.0.0.1", port),
            "LIST" => say(format!("150 go\r\n{end}")),
            line => usual(line),
        });
        examine(address, &[]).expect("ok", "listing", &["cut after 1 MiB"]);
    }
}

#[test]
fn a_listing_that_stops_is_no_matter_of_ports() {
    let port = data_port(b"a line\r\n".to_vec(), false);
    let address = play(move |line| match line {
        "PASV" => pasv("127.0.0.1", port),
        "LIST" => say("150 go\r\n426 you hung up"),
        line => usual(line),
    });
    examine(address, &[]).expect("problem", "listing", &["in time", "the ports are open", "--timeout"]);
}

#[test]
fn a_failed_active_mode_does_not_answer_for_what_comes_later() {
    let address = play(|line| match line.split(' ').next().unwrap_or_default() {
        "LIST" => say("150 go\r\n425 nobody there"),
        "NOOP" => say("200 still here"),
        _ => usual(line),
    });
    let examined = examine(address, &["--active", "--idle", "10ms"]);
    examined.expect("warning", "active", &["in time"]);
    examined.expect("ok", "idle", &["still there"]);
}

/// What is left of it answers no other command.
#[test]
fn an_answer_that_is_too_long_ends_the_examination() {
    for is_logged_in in [false, true] {
        let asked = AtomicUsize::new(0);
        let address = play(move |line| match line {
            "FEAT" if asked.fetch_add(1, Ordering::Relaxed) == usize::from(is_logged_in) => {
                let features = " NOTHING\r\n".repeat(1000);
                Act::Bytes(format!("211-Features:\r\n{features}211 End\r\n").into_bytes())
            }
            line => usual(line),
        });
        let examined = examine(address, &[]);
        examined.expect("problem", "features", &["longer than any", "changes its replies"]);
        examined.expect_none("problem", "tls");
        assert!(!examined.stdout.contains("another program"), "{}", examined.stdout);
    }
}

/// RFC 959, section 5.4.
#[test]
fn a_server_that_is_not_ready_yet_is_waited_for() {
    let address = play(|line| if line.is_empty() { say("120 soon\r\n220 hello") } else { usual(line) });
    let examined = examine(address, &[]);
    examined.expect("note", "greeting", &["120", "soon"]);
    examined.expect("ok", "greeting", &["220", "hello"]);
    examined.expect("ok", "login", &[]);
    // Not for ever, however often it says so.
    let address = play(|_| Act::Bytes(b"120 soon\r\n".repeat(1000)));
    examine(address, &[]).expect("problem", "greeting", &["not ready", "120", "soon", "--timeout"]);
}

#[test]
fn an_address_that_is_refused_is_not_active_mode_that_is_off() {
    for (answer, words) in [
        ("500 what?", "takes no part"),
        ("502 off", "takes no part"),
        ("504 not there", "not to this address"),
        ("530 not there", "not to this address"),
    ] {
        let address = play(move |line| if line.starts_with("PORT") { say(answer) } else { usual(line) });
        examine(address, &["--active"]).expect("note", "active", &[words, &answer[..3]]);
    }
}

/// A balancer that drops connections on which nothing moves.
#[test]
fn a_connection_that_is_forgotten_is_told() {
    for is_closed in [true, false] {
        let address = play(move |line| match line {
            "NOOP" if is_closed => Act::Close,
            "NOOP" => Act::Hang,
            line => usual(line),
        });
        let examined = examine(address, &["--idle", "10ms"]);
        examined.expect("problem", "idle", &["did not survive 10ms", "idle timeout"]);
    }
}

/// Whoever can put in text before TLS begins may be the one who answers.
#[test]
fn no_password_is_sent_where_text_was_put_in_before_tls() {
    let heard = std::sync::Arc::new(Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&heard);
    let address = play(move |line| {
        seen.lock().unwrap().push(line.to_owned());
        if line == "AUTH TLS" { say("234 go\r\n200 more") } else { usual(line) }
    });
    examine(address, &[]).expect("problem", "tls", &[]);
    let heard = heard.lock().unwrap();
    assert!(heard.iter().any(|line| line == "AUTH TLS"), "{heard:?}");
    assert!(!heard.iter().any(|line| line.starts_with("PASS")), "{heard:?}");
}
