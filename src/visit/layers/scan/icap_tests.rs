use std::collections::VecDeque;
use std::sync::Mutex as StdMutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

const OPTIONS: &str =
    "ICAP/1.0 200 OK\r\nMethods: RESPMOD, REQMOD\r\nAllow: 204\r\nPreview: 4\r\nOptions-TTL: 3600\r\n\r\n";

/// A service that says what it was told to, and writes down what it hears.
struct Played {
    service: Arc<Service>,
    heard: Arc<StdMutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Drop for Played {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What is said once the client has said something that ends like this.
type Line = (&'static str, &'static str);

impl Played {
    /// Each connection has a script.
    async fn new(scripts: &[&[Line]]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard: Arc<StdMutex<Vec<String>>> = Arc::default();
        let mut scripts: VecDeque<Vec<Line>> = scripts.iter().map(|script| script.to_vec()).collect();
        let all = Arc::clone(&heard);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = scripts.pop_front().unwrap();
                tokio::spawn(play(stream, script, Arc::clone(&all)));
            }
        });
        let url = format!("icap://127.0.0.1:{port}/scan");
        Self { service: Arc::new(Service::new("127.0.0.1", port, &url)), heard, accepting }
    }

    async fn scan(&self, pieces: &[&'static str]) -> Result<Verdict, Trouble> {
        let path = StoragePath::parse("/in/a b\u{fc}").unwrap();
        let mut file = Icap::begin(Arc::clone(&self.service), &path).await?;
        for piece in pieces {
            if let Some(verdict) = file.bytes(&Bytes::from_static(piece.as_bytes())).await? {
                return Ok(verdict);
            }
        }
        file.verdict().await
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().last().unwrap().replace(&self.service.url, "URL")
    }
}

async fn play(mut stream: TcpStream, script: Vec<Line>, all: Arc<StdMutex<Vec<String>>>) {
    let mut heard = String::new();
    for (until, says) in script {
        while !heard.ends_with(until) {
            let mut buffer = [0; 1000];
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => heard.push_str(&String::from_utf8_lossy(&buffer[..count])),
                _ => break,
            }
        }
        if says.starts_with("ICAP/1.0 2") || says.is_empty() {
            all.lock().unwrap().push(heard.clone());
        }
        let _ = stream.write_all(says.as_bytes()).await;
    }
    // What is unread would break the connection before the answer is.
    let _ = stream.shutdown().await;
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

const ASKED: Line = ("\r\n\r\n", OPTIONS);
const UNCHANGED: &str = "ICAP/1.0 204 Unmodified\r\nISTag: x\r\n\r\n";
const FOUND: &str = "ICAP/1.0 200 OK\r\nX-Infection-Found: Type=0; Resolution=2; Threat=Wharf.Mark;\r\n\r\n";

#[tokio::test]
async fn a_short_file_is_a_preview_and_the_options_are_asked_for_once() {
    let end: &[Line] = &[("ieof\r\n\r\n", UNCHANGED)];
    let played = Played::new(&[&[ASKED], end, end]).await;
    assert_eq!(played.scan(&["ab", "cd"]).await, Ok(Verdict::Clean));
    let heard = played.heard();
    let (head, body) = heard.split_once("HTTP/1.1 200 OK").unwrap();
    assert!(head.starts_with("RESPMOD URL ICAP/1.0\r\n"), "{head}");
    assert!(head.contains("\r\nAllow: 204\r\nPreview: 4\r\nEncapsulated: req-hdr=0, res-hdr="), "{head}");
    assert!(head.contains("\r\nGET http://wharf.invalid/in/a%20b%C3%BC HTTP/1.1\r\n"), "{head}");
    assert!(body.ends_with("\r\n\r\n4\r\nabcd\r\n0; ieof\r\n\r\n"), "{body}");
    assert_eq!(played.scan(&[]).await, Ok(Verdict::Clean));
    assert!(played.heard().ends_with("octet-stream\r\n\r\n0; ieof\r\n\r\n"));
}

#[tokio::test]
async fn a_long_file_goes_on_when_the_service_wants_more() {
    let script: &[Line] = &[("\r\n0\r\n\r\n", "ICAP/1.0 100 Continue\r\n\r\n"), ("ghi\r\n0\r\n\r\n", FOUND)];
    let played = Played::new(&[&[ASKED], script]).await;
    assert_eq!(played.scan(&["abc", "def", "ghi"]).await, Ok(Verdict::Infected("Wharf.Mark".to_owned())));
    assert!(played.heard().ends_with("4\r\nabcd\r\n0\r\n\r\n2\r\nef\r\n3\r\nghi\r\n0\r\n\r\n"));
}

/// The service decides by the first bytes, which RFC 3507 allows.
#[tokio::test]
async fn a_preview_may_be_enough() {
    for (says, verdict) in [(UNCHANGED, Verdict::Clean), (FOUND, Verdict::Infected("Wharf.Mark".to_owned()))]
    {
        let played = Played::new(&[&[ASKED], &[("\r\n0\r\n\r\n", says)]]).await;
        assert_eq!(played.scan(&["abcdefghi"]).await, Ok(verdict));
    }
}

#[tokio::test]
async fn a_service_that_takes_requests_alone_gets_one() {
    let options = "ICAP/1.0 200 OK\r\nMethods: REQMOD\r\nAllow: 204\r\n\r\n";
    let played = Played::new(&[&[("\r\n\r\n", options)], &[("\r\n0\r\n\r\n", UNCHANGED)]]).await;
    assert_eq!(played.scan(&["abc", "def"]).await, Ok(Verdict::Clean));
    let heard = played.heard();
    assert!(heard.starts_with("REQMOD URL") && heard.contains("\r\nPUT http://wharf.invalid/in/"), "{heard}");
    assert!(heard.contains(", req-body=") && !heard.contains("Preview"), "{heard}");
    assert!(heard.ends_with("\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"), "{heard}");
}

#[tokio::test]
async fn findings_have_many_forms() {
    for (says, finding) in [
        ("ICAP/1.0 200 OK\r\nX-Virus-ID: Mark\r\n\r\n", "Mark"),
        ("ICAP/1.0 200 OK\r\nX-Violations-Found: 1\r\n\t-\r\n\tMark\r\n\t0\r\n\t0\r\n\r\n", "Mark"),
        // Whatever else it says.
        ("ICAP/1.0 204 No Content\r\nX-Infection-Found: Threat=Mark;\r\n\r\n", "Mark"),
        (
            "ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=30\r\n\r\nHTTP/1.1 403 Forbidden\r\nA: b\r\n\r\nno",
            "something, so the service says HTTP/1.1 403 Forbidden",
        ),
    ] {
        let played = Played::new(&[&[ASKED], &[("ieof\r\n\r\n", says)]]).await;
        assert_eq!(played.scan(&["abc"]).await, Ok(Verdict::Infected(finding.to_owned())), "{says}");
    }
}

/// It may be a page that says what it has found.
#[tokio::test]
async fn something_in_the_place_of_the_file_is_no_silence() {
    for says in [
        "ICAP/1.0 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "ICAP/1.0 200 OK\r\nX-Violations-Found: 0\r\n\r\nHTTP/1.1 302 Found\r\n\r\n",
    ] {
        let played = Played::new(&[&[ASKED], &[("ieof\r\n\r\n", says)]]).await;
        let answer = played.scan(&["abc"]).await;
        assert!(matches!(answer, Err(Trouble::Replaced(_))), "{says}: {answer:?}");
    }
}

#[tokio::test]
async fn what_says_nothing_of_the_file_is_trouble() {
    for (says, reason) in [
        ("", "without a word"),
        ("ICAP/1.0 204 Unmod", "in the middle of its answer"),
        ("HTTP/1.1 400 Bad request\r\n\r\n", "which is not ICAP"),
        ("ICAP/1.0 999 What\r\n\r\n", "which is not ICAP"),
        ("ICAP/1.0 503 Overloaded\r\n\r\n", "ICAP/1.0 503 Overloaded"),
        ("ICAP/1.0 206 Partial\r\n\r\n", "ICAP/1.0 206 Partial"),
        ("ICAP/1.0 200 OK\r\n\r\nwhat\r\n\r\n", "not HTTP"),
    ] {
        let played = Played::new(&[&[ASKED], &[("ieof\r\n\r\n", says)]]).await;
        match played.scan(&["abc"]).await {
            Err(Trouble::Silent(cause)) => assert!(cause.contains(reason), "{says}: {cause}"),
            other => panic!("{says}: {other:?}"),
        }
    }
    let played = Played::new(&[&[ASKED], &[("ieof\r\n\r\n", "ICAP/1.0 413 Too large\r\n\r\n")]]).await;
    assert!(matches!(played.scan(&["abc"]).await, Err(Trouble::TooLarge(_))));
    // What it calls clean before it has all of it.
    let script: &[Line] = &[("\r\n0\r\n\r\n", "ICAP/1.0 100 Continue\r\n\r\n"), ("ef\r\n", UNCHANGED)];
    let played = Played::new(&[&[ASKED], script]).await;
    let mut file = Icap::begin(Arc::clone(&played.service), &StoragePath::root()).await.unwrap();
    assert_eq!(file.bytes(&Bytes::from_static(b"abcdef")).await, Ok(None));
    // What is sent before the service has heard of the end of these bytes is the same to it.
    while played.heard.lock().unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    let early = loop {
        match file.bytes(&Bytes::from_static(b"more")).await {
            Ok(None) => tokio::task::yield_now().await,
            other => break other,
        }
    };
    assert!(matches!(early, Err(Trouble::Silent(cause)) if cause.contains("not seen all of it")));
}

#[tokio::test]
async fn a_service_that_can_say_nothing_of_files_is_not_asked() {
    for (options, reason) in [
        ("ICAP/1.0 404 Not found\r\n\r\n", "OPTIONS with ICAP/1.0 404"),
        ("ICAP/1.0 200 OK\r\nAllow: 204\r\n\r\n", "neither RESPMOD nor REQMOD"),
        ("ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\n\r\n", "can't say that a file is unchanged"),
    ] {
        let played = Played::new(&[&[("\r\n\r\n", options)], &[("\r\n\r\n", options)]]).await;
        for _ in 0..2 {
            match played.scan(&["abc"]).await {
                Err(Trouble::Silent(cause)) => assert!(cause.contains(reason), "{cause}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
