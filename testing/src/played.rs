//! Stores that are played: they answer as the documentation of a cloud says where no emulator does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::locked;

/// An answer of a played store.
pub type Answer = Response<Full<Bytes>>;

/// A request to a played store.
#[derive(Clone)]
pub struct Asked {
    /// The method of HTTP.
    pub method: String,
    /// As it was sent, not decoded.
    pub path: String,
    query: HashMap<String, String>,
    headers: HashMap<String, String>,
    /// The whole body.
    pub body: Bytes,
}

impl Asked {
    async fn of(request: Request<Incoming>) -> Self {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default().split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), decoded(value))
        });
        let headers = parts.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: query.collect(),
            headers: headers.collect(),
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    /// A parameter of the query, decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A header; its name is in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The metadata that it sends, which start with this.
    #[must_use]
    pub fn metadata(&self, prefix: &str) -> HashMap<String, String> {
        let own = self.headers.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value)));
        own.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }
}

/// Text of a path or query without its percent signs.
#[must_use]
pub fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

/// An answer with these headers and the length of its body.
#[must_use]
pub fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(Full::new(body.into())).unwrap()
}

/// The digest that stores know objects by.
#[must_use]
pub fn md5(content: &[u8]) -> Vec<u8> {
    Md5::digest(content).to_vec()
}

/// A store that goes on until it is dropped.
pub struct Played {
    /// Its endpoint.
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Played {
    /// A store whose answers the function makes; `None` ends the connection without an answer.
    pub async fn new(play: impl FnMut(&Asked) -> Option<Answer> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let play = Arc::new(Mutex::new(play));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&asked);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                let (play, seen) = (Arc::clone(&play), Arc::clone(&seen));
                connections.spawn(async move {
                    let service = service_fn(|request: Request<Incoming>| {
                        let (play, seen) = (Arc::clone(&play), Arc::clone(&seen));
                        async move {
                            let line = format!("{} {}", request.method(), request.uri());
                            let asked = Asked::of(request).await;
                            let answer = locked(&play)(&asked).ok_or("no answer");
                            locked(&seen).push(line);
                            answer
                        }
                    });
                    let server = hyper::server::conn::http1::Builder::new();
                    server.serve_connection(TokioIo::new(connection), service).await.ok();
                });
            }
        });
        Self { url, asked, accepting }
    }

    /// A store that gives every request the same answer.
    pub async fn always(answer: Answer) -> Self {
        Self::new(move |_| Some(answer.clone())).await
    }

    /// The requests that came, as their first lines.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        locked(&self.asked).clone()
    }

    /// Waits for a request with this in its first line.
    pub async fn is_asked(&self, text: &str) {
        while !self.asked().iter().any(|line| line.contains(text)) {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
