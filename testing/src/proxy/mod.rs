//! A proxy between the backend and a store: it counts what is asked, and lets go wrong what a test wants.
//!
//! It forwards every request as it came, with its `host`, which is a part of what was signed. Bodies pass through it
//! piece by piece. It ends when it is dropped.

mod pieces;
mod plan;
mod record;

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, ETAG, HeaderValue, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use self::pieces::{Bytewise, Failure, boxed, clean, counted, document, first, halve, length, whole};
pub use self::plan::{Fault, Gate, Rule, When, Which};
use self::plan::{Plan, Verdict};
use self::record::Open;
pub use self::record::{Kind, Record};
use crate::locked;

struct Shared {
    /// `host:port` of the store.
    store: String,
    client: Client<HttpConnector, Bytewise>,
    records: Mutex<Vec<Arc<Open>>>,
    plan: Plan,
}

/// The proxy. Dropping it ends all its connections.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts one in front of the store at `url`, which is `http://host:port`.
    pub async fn before(url: &str) -> Self {
        let store = url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let shared = Arc::new(Shared { store, client, records: Mutex::default(), plan: Plan::default() });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, accepting }
    }

    /// The endpoint to give to a backend.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets requests fail from now on. Of several faults that fit a request, the first one counts.
    pub fn fault(&self, when: When, fault: Fault) -> Arc<Rule> {
        self.shared.plan.add(when, fault)
    }

    /// Nothing goes wrong any more.
    pub fn clear_faults(&self) {
        self.shared.plan.clear();
    }

    /// How many requests came since they were last taken.
    pub fn count(&self) -> usize {
        locked(&self.shared.records).len()
    }

    /// The requests that came since this was last called, in the order of their arrival.
    pub fn take(&self) -> Vec<Record> {
        let records = std::mem::take(&mut *locked(&self.shared.records));
        records.iter().map(|record| record.snapshot()).collect()
    }

    /// Waits until so many requests of a kind were answered, since the records were taken last.
    pub async fn answered(&self, kind: Kind, count: usize) {
        let is_answered = |record: &Arc<Open>| {
            let record = record.snapshot();
            record.kind == kind && record.status.is_some()
        };
        while locked(&self.shared.records).iter().filter(|record| is_answered(record)).count() < count {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The result of an operation, and the requests that it sent.
pub async fn requests_of<T>(proxy: &Proxy, operation: impl Future<Output = T>) -> (T, Vec<Record>) {
    proxy.take();
    let outcome = operation.await;
    (outcome, proxy.take())
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((connection, _)) => drop(connections.spawn(serve(connection, Arc::clone(&shared)))),
                // The client was gone before it was accepted.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(connection: TcpStream, shared: Arc<Shared>) {
    // Small answers must not wait for the acknowledgement of those before.
    connection.set_nodelay(true).ok();
    let service = service_fn(|request| handle(Arc::clone(&shared), request));
    let server = hyper::server::conn::http1::Builder::new();
    // Bytes that are no HTTP are answered with 400 or not at all; either way only this connection is concerned.
    server.serve_connection(TokioIo::new(connection), service).await.ok();
}

/// Whether nothing says how much a request carries that changes something.
fn lacks_length(request: &Request<Incoming>) -> bool {
    let told = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| request.headers().contains_key(name));
    matches!(*request.method(), Method::PUT | Method::POST | Method::PATCH) && !told
}

/// Answers one request. An error ends the connection without an answer.
async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Bytewise>, Failure> {
    let open = Arc::new(Open::new(&request));
    let fault = shared.plan.next(&open.record);
    locked(&shared.records).push(Arc::clone(&open));
    let answer = match fault {
        // Nothing of S3's protocol, such as CONNECT.
        _ if open.record.kind == Kind::Other => Ok(document(405, "MethodNotAllowed", "not here")),
        // As the clouds do, but for Amazon; the emulators take it.
        _ if lacks_length(&request) => Ok(document(411, "LengthRequired", "how long is it?")),
        None => forward(&shared, &open, request, None).await,
        Some(Fault::DropBefore) => Err("dropped before it was forwarded".into()),
        Some(Fault::DropAfter) => {
            forward(&shared, &open, request, None).await?.into_body().collect().await?;
            Err("dropped after it was forwarded".into())
        }
        Some(Fault::Delay(gate)) => match gate.pass().await {
            Verdict::Pass => forward(&shared, &open, request, None).await,
            Verdict::Refuse => {
                drain(&open, request).await?;
                Ok(document(403, "AccessDenied", "The gate is shut."))
            }
        },
        Some(Fault::Answer { status, code, message }) => {
            drain(&open, request).await?;
            Ok(document(status, code, message))
        }
        Some(Fault::ErrorInside { code }) => {
            drain(&open, request).await?;
            Ok(document(200, code, "We encountered an internal error. Please try again."))
        }
        Some(Fault::TruncatedRequest) => {
            let half = length(request.headers()) / 2;
            if half > 0 {
                // Whatever the store makes of it is not passed on.
                drop(forward(&shared, &open, request, Some(half)).await);
            }
            Err("dropped in the middle of the request".into())
        }
        Some(Fault::TruncatedAnswer { gate }) => {
            halve(forward(&shared, &open, request, None).await?, gate, true).await
        }
        Some(Fault::SlowAnswer(gate)) => {
            halve(forward(&shared, &open, request, None).await?, Some(gate), false).await
        }
        Some(Fault::WrongETag) => forward(&shared, &open, request, None).await.map(|mut answer| {
            let wrong = HeaderValue::from_static("\"00000000000000000000000000000bad\"");
            answer.headers_mut().insert(ETAG, wrong);
            answer
        }),
    };
    let answer = answer?;
    open.status.store(answer.status().as_u16(), Ordering::SeqCst);
    Ok(answer.map(|body| counted(body, open, |open| &open.down)))
}

/// Sends a request on, or only the first bytes of its body.
async fn forward(
    shared: &Shared,
    open: &Arc<Open>,
    request: Request<Incoming>,
    only: Option<u64>,
) -> Result<Response<Bytewise>, Failure> {
    let (mut parts, body) = request.into_parts();
    let wanted = parts.uri.path_and_query().map_or("/", |wanted| wanted.as_str());
    parts.uri = format!("http://{}{wanted}", shared.store).parse()?;
    clean(&mut parts.headers);
    let body = counted(boxed(body), Arc::clone(open), |open| &open.up);
    let body = match only {
        Some(bytes) => first(body, bytes, None, true),
        None if matches!(open.record.kind, Kind::DeleteBulk | Kind::Complete) => {
            let bytes = body.collect().await?.to_bytes();
            *locked(&open.document) = Some(String::from_utf8_lossy(&bytes).into_owned());
            whole(bytes)
        }
        None => body,
    };
    match shared.client.request(Request::from_parts(parts, body)).await {
        Ok(answer) => {
            let (mut parts, body) = answer.into_parts();
            clean(&mut parts.headers);
            Ok(Response::from_parts(parts, boxed(body)))
        }
        Err(error) if only.is_some() => Err(error.into()),
        Err(error) => {
            let mut answer = document(502, "BadGateway", "the proxy can't reach the store");
            answer.headers_mut().insert("x-proxy-error", HeaderValue::from_str(&error.to_string())?);
            Ok(answer)
        }
    }
}

async fn drain(open: &Arc<Open>, request: Request<Incoming>) -> Result<(), Failure> {
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        let bytes = frame?.data_ref().map_or(0, |bytes| bytes.len() as u64);
        open.up.fetch_add(bytes, Ordering::SeqCst);
    }
    Ok(())
}
