//! Whoever answers in the store's place: an ingress whose backend is gone, a server that sends elsewhere. No client is told
//! that a directory is empty, or that anything was done, by the word of these.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::{Running, Setup};

/// A server that gives every request this answer; its URL, and how many came.
fn answering(answer: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::Relaxed);
            let answer = answer.clone();
            // Whoever gives up early is no matter.
            thread::spawn(move || serve(BufReader::new(stream.unwrap()), &answer).ok());
        }
    });
    (url, count)
}

fn serve(mut stream: BufReader<TcpStream>, answer: &str) -> std::io::Result<()> {
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    stream.read_line(&mut first)?;
    while stream.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    stream.read_exact(&mut vec![0; length])?;
    // An answer to HEAD has no body.
    let end = answer.find("\r\n\r\n").unwrap() + 4;
    let answer = if first.starts_with("HEAD ") { &answer[..end] } else { answer };
    stream.get_mut().write_all(answer.as_bytes())
}

fn page(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn before(url: &str) -> Setup {
    Setup::new(format!(
        "
backends:
  lake: {{ kind: s3, bucket: b, region: us-east-1, endpoint: '{url}', access_key_id: a, secret_access_key: b }}
users:
  - {{ name: demo, password: demo, plain: true, backend: lake, permissions: full }}
"
    ))
}

/// The code that ends each command.
fn replies(server: &Running<'_>) -> Vec<(&'static str, u16, String)> {
    let commands = [
        "LIST", "MLSD", "NLST", "LIST d", "CWD d", "SIZE f", "MLST f", "RETR f", "STOR new", "APPE log",
        "DELE f", "MKD d", "RMD d", "RNTO g",
    ];
    thread::scope(|scope| {
        let asked = commands.map(|command| {
            scope.spawn(move || {
                let mut client = server.login();
                client.expect("TYPE I", 200);
                let reply = match command.split(' ').next().unwrap() {
                    "STOR" | "APPE" => client.try_store(command, b"content"),
                    "LIST" | "MLSD" | "NLST" | "RETR" => {
                        let (bytes, reply) = client.try_fetch(command);
                        assert_eq!(String::from_utf8_lossy(&bytes), "", "{command}");
                        reply
                    }
                    "RNTO" => match client.command("RNFR f") {
                        reply if reply.code == 350 => client.command(command),
                        reply => reply,
                    },
                    _ => client.command(command),
                };
                (command, reply.code, client.transcript())
            })
        });
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    })
}

#[test]
fn a_page_of_an_ingress_is_no_empty_directory() {
    let (url, _) = answering(page("404 Not Found", "content-type: text/plain\r\n", "default backend - 404"));
    let setup = before(&url);
    let server = setup.start();
    for (command, code, transcript) in replies(&server) {
        assert!(matches!(code, 450 | 451), "{command}: {code}\n{transcript}");
    }
    server.log.expect_warning(&["in the store's place"]);
}

#[test]
fn no_redirect_is_followed() {
    let (elsewhere, visits) = answering(page("200 OK", "etag: \"1\"\r\n", "<html>please log in</html>"));
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let (url, _) = answering(page(status, &format!("location: {elsewhere}/login\r\n"), ""));
        let setup = before(&url);
        let server = setup.start();
        for (command, code, transcript) in replies(&server) {
            assert!((400..500).contains(&code), "{status}, {command}: {code}\n{transcript}");
        }
        server.log.expect_warning(&["redirects elsewhere"]);
    }
    assert_eq!(visits.load(Ordering::Relaxed), 0);
}

/// Where a container asks for its credentials, nothing is known of the store.
#[test]
fn credentials_that_are_not_there_are_no_empty_directory() {
    let (credentials, visits) = answering(page("404 Not Found", "", "no such role"));
    let (store, requests) = answering(page("200 OK", "", ""));
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "token").unwrap();
    let setup = Setup::new(format!(
        "
backends:
  lake: {{ kind: s3, bucket: b, region: us-east-1, endpoint: '{store}', ambient_credentials: true }}
users:
  - {{ name: demo, password: demo, plain: true, backend: lake, permissions: full }}
"
    ))
    .environment("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{credentials}/creds"))
    .environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.path().to_str().unwrap());
    let server = setup.start();
    for (command, code, transcript) in replies(&server) {
        assert!(matches!(code, 450 | 451), "{command}: {code}\n{transcript}");
    }
    assert!(visits.load(Ordering::Relaxed) > 0);
    assert_eq!(requests.load(Ordering::Relaxed), 0, "nothing is asked without credentials");
}
