//! A service of an ICAP server (RFC 3507).
//!
//! The file is sent as the answer of an HTTP server that the service may change (RESPMOD), or as a request (REQMOD) where it takes
//! nothing else. A service that scans leaves a clean file as it is, which it says with 204 and no bytes; what it finds stands in a
//! header, or it sends another page in the place of the file. One connection for each file, after one that asks for the options.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Buf, Bytes, BytesMut};
use tokio::sync::Mutex;
use wharf_backends::StoragePath;

use super::icap_answer::{self, Answer};
use super::scanner::{Inquiry, Line, Said, Trouble, Verdict};

/// How long options are good for, if the service does not say, and at most.
const OPTIONS_FOR: Duration = Duration::from_secs(10 * 60);
const OPTIONS_MOST: Duration = Duration::from_secs(60 * 60);
/// The largest preview that is sent, whatever the service wants: so many bytes wait for each other.
const PREVIEW_MOST: usize = 64 << 10;

/// A service, and what is known of it.
#[derive(Debug)]
pub(super) struct Service {
    host: String,
    port: u16,
    url: String,
    options: Mutex<Option<(Options, Instant)>>,
}

/// How the service wants to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Options {
    /// It takes answers of HTTP servers, and not requests alone.
    respmod: bool,
    /// It wants to see so many bytes before it asks for others.
    preview: Option<usize>,
}

impl Service {
    pub(super) fn new(host: &str, port: u16, url: &str) -> Self {
        Self { host: host.to_owned(), port, url: url.to_owned(), options: Mutex::default() }
    }

    /// The beginning of each request.
    fn head(&self, method: &str) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!(
            "{method} {} ICAP/1.0\r\nHost: {host}:{}\r\nUser-Agent: wharf\r\nConnection: close\r\n",
            self.url, self.port
        )
    }

    /// One asks for the options while others wait for the answer.
    async fn options(&self) -> Result<Options, Trouble> {
        let mut known = self.options.lock().await;
        if let Some((options, until)) = *known
            && Instant::now() < until
        {
            return Ok(options);
        }
        let mut line = Line::to(&self.host, self.port).await?;
        let request = self.head("OPTIONS") + "Encapsulated: null-body=0\r\n\r\n";
        let _ = line.say(request.as_bytes()).await;
        let answer = icap_answer::read(&mut line).await?;
        let (options, time) = parse_options(&answer)?;
        *known = Some((options, Instant::now() + time));
        Ok(options)
    }

    /// They may have changed.
    async fn forget_options(&self) {
        *self.options.lock().await = None;
    }
}

fn parse_options(answer: &Answer) -> Result<(Options, Duration), Trouble> {
    if answer.status != 200 {
        return Err(Trouble::Silent(format!("the service answers OPTIONS with {}", answer.line)));
    }
    let methods = answer.list("methods");
    let has = |word: &str| methods.iter().any(|method| method.eq_ignore_ascii_case(word));
    if !has("RESPMOD") && !has("REQMOD") {
        return Err(Trouble::silent("the service takes neither RESPMOD nor REQMOD"));
    }
    if !answer.list("allow").iter().any(|code| code == "204") {
        return Err(Trouble::silent(
            "the service can't say that a file is unchanged (204), and would send it back",
        ));
    }
    let number = |name: &str| answer.header(name).and_then(|value| value.trim().parse::<u64>().ok());
    let preview =
        number("preview").map(|bytes| usize::try_from(bytes).unwrap_or(PREVIEW_MOST).min(PREVIEW_MOST));
    let time = number("options-ttl").map_or(OPTIONS_FOR, Duration::from_secs).min(OPTIONS_MOST);
    Ok((Options { respmod: has("RESPMOD"), preview }, time))
}

/// A file that a service looks at.
pub(super) struct Icap {
    service: Arc<Service>,
    line: Line,
    /// The first bytes, as many as the service wants to see before it asks for others, and how many these are.
    preview: Option<(BytesMut, usize)>,
}

impl Icap {
    pub(super) async fn begin(service: Arc<Service>, path: &StoragePath) -> Result<Self, Trouble> {
        let options = service.options().await?;
        let mut line = Line::to(&service.host, service.port).await?;
        let head = request(&service, options, path);
        // What comes before the end is read where the next bytes, or none, are sent.
        let _ = line.say(head.as_bytes()).await;
        let preview = options.preview.map(|most| (BytesMut::new(), most));
        Ok(Self { service, line, preview })
    }

    /// The answer to all bytes, or to the preview.
    async fn answer(&mut self) -> Result<Answer, Trouble> {
        let answer = icap_answer::read(&mut self.line).await?;
        if answer.status >= 400 {
            self.service.forget_options().await;
        }
        Ok(answer)
    }

    /// The service speaks although it has not all bytes.
    async fn interrupted(&mut self) -> Result<Verdict, Trouble> {
        let answer = self.answer().await?;
        match icap_answer::verdict(&answer, &mut self.line).await? {
            Verdict::Clean => {
                Err(Trouble::silent("the service calls the file clean and has not seen all of it"))
            }
            infected @ Verdict::Infected(_) => Ok(infected),
        }
    }

    async fn chunk(&mut self, bytes: Bytes) -> Result<Option<Verdict>, Trouble> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let head = Bytes::from(format!("{:x}\r\n", bytes.len()));
        match self.line.say(head.chain(bytes).chain(&b"\r\n"[..])).await {
            Said::Taken => Ok(None),
            Said::Interrupted => self.interrupted().await.map(Some),
        }
    }
}

#[async_trait]
impl Inquiry for Icap {
    async fn bytes(&mut self, bytes: &Bytes) -> Result<Option<Verdict>, Trouble> {
        let Some((first, most)) = &mut self.preview else { return self.chunk(bytes.clone()).await };
        let (room, mut bytes) = (*most - first.len(), bytes.clone());
        first.extend_from_slice(&bytes.split_to(room.min(bytes.len())));
        // Whether there are others shows when they come.
        if bytes.is_empty() {
            return Ok(None);
        }
        let (first, _) = self.preview.take().unwrap_or_default();
        if let Some(verdict) = self.chunk(first.freeze()).await? {
            return Ok(Some(verdict));
        }
        let _ = self.line.say(&b"0\r\n\r\n"[..]).await;
        let answer = self.answer().await?;
        if answer.status != 100 {
            // To have seen enough is the right of a service (section 4.5).
            return icap_answer::verdict(&answer, &mut self.line).await.map(Some);
        }
        self.chunk(bytes).await
    }

    async fn verdict(&mut self) -> Result<Verdict, Trouble> {
        let end = match self.preview.take() {
            Some((first, _)) => {
                if let Some(verdict) = self.chunk(first.freeze()).await? {
                    return Ok(verdict);
                }
                &b"0; ieof\r\n\r\n"[..]
            }
            None => &b"0\r\n\r\n"[..],
        };
        if self.line.say(end).await == Said::Interrupted {
            return self.interrupted().await;
        }
        let answer = self.answer().await?;
        icap_answer::verdict(&answer, &mut self.line).await
    }
}

/// The request of a file, up to its bytes.
fn request(service: &Service, options: Options, path: &StoragePath) -> String {
    let url = format!("http://wharf.invalid{}", encoded(path.as_str()));
    let kind = "Content-Type: application/octet-stream\r\n";
    let (method, inner, encapsulated) = if options.respmod {
        let question = format!("GET {url} HTTP/1.1\r\nHost: wharf.invalid\r\n\r\n");
        let answer = format!("HTTP/1.1 200 OK\r\n{kind}\r\n");
        let body = question.len() + answer.len();
        let places = format!("req-hdr=0, res-hdr={}, res-body={body}", question.len());
        ("RESPMOD", question + &answer, places)
    } else {
        let question = format!("PUT {url} HTTP/1.1\r\nHost: wharf.invalid\r\n{kind}\r\n");
        let places = format!("req-hdr=0, req-body={}", question.len());
        ("REQMOD", question, places)
    };
    let preview = options.preview.map(|bytes| format!("Preview: {bytes}\r\n")).unwrap_or_default();
    let head = service.head(method);
    format!("{head}Allow: 204\r\n{preview}Encapsulated: {encapsulated}\r\n\r\n{inner}")
}

/// A path in a URL: it can't end the line that it stands in.
fn encoded(path: &str) -> String {
    path.bytes().fold(String::new(), |mut url, byte| {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => url.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
        url
    })
}

#[cfg(test)]
#[path = "icap_tests.rs"]
mod tests;
