//! Stores whose answers are no good HTTP: cut short, without a length, with bytes that no header may have.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::locked;

/// A request, read whole.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its first line.
    pub first: String,
    /// Its headers, a line each, in small letters.
    headers: Vec<String>,
    /// All of its body.
    pub body: Vec<u8>,
}

impl Request {
    async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let length = stream.read_line(&mut line).await?;
            match line.trim_end() {
                "" if length > 0 => break,
                "" => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                line => lines.push(line.to_owned()),
            }
        }
        let first = lines.remove(0);
        let headers = lines.iter().map(|line| line.to_ascii_lowercase()).collect();
        let mut request = Self { first, headers, body: Vec::new() };
        request.body.resize(request.header("content-length").map_or(0, |text| text.parse().unwrap()), 0);
        stream.read_exact(&mut request.body).await?;
        Ok(request)
    }

    /// A header; its name is in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A store that answers with bytes as they are, until it is dropped.
pub struct Raw {
    /// Its endpoint.
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    accepting: JoinHandle<()>,
}

impl Raw {
    /// A store whose answers the function makes of the request and the number of requests before. After an answer with the words `connection:
    /// close` the connection ends; after any other one it stays open, and nothing more comes.
    pub async fn new(answer: impl Fn(&Request, usize) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&requests));
        let accepting = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                // Whoever gives up early is no matter.
                tokio::spawn(async move { serve(connection, &*answer, &seen).await.ok() });
            }
        });
        Self { url, requests, accepting }
    }

    /// The requests that came.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        locked(&self.requests).clone()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    connection: TcpStream,
    answer: &(impl Fn(&Request, usize) -> Vec<u8> + Send + Sync),
    seen: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(connection);
    let request = Request::read(&mut stream).await?;
    let number = {
        let mut seen = locked(seen);
        seen.push(request.clone());
        seen.len() - 1
    };
    let answer = answer(&request, number);
    stream.write_all(&answer).await?;
    if !answer.windows(17).any(|part| part == b"connection: close") {
        std::future::pending::<()>().await;
    }
    stream.shutdown().await
}
