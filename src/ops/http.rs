//! Health and metrics over HTTP, for monitoring and orchestration.
//!
//! Every client that can connect may ask, so nothing here is secret and no request changes anything. Each connection is
//! for one request, which has to arrive soon.

mod places;
mod readiness;

use std::borrow::Cow;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, SERVER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};

use self::places::{Place, Places};
pub use self::readiness::Readiness;
use super::metrics::{self, Metrics};
use crate::config;
use crate::proxy_protocol;

/// The name in the header `Server`.
pub const NAME: &str = "wharf";

/// The most connections at a time.
const CONNECTIONS: usize = 256;

/// How long the head of a request may take to arrive.
const HEADER_TIME: Duration = Duration::from_secs(3);

/// How long the whole connection may take.
const TIME: Duration = Duration::from_secs(15);

/// The largest size of the head of a request, and the most lines in it.
const HEADER_SIZE: usize = 16 * 1024;
const HEADERS: usize = 64;

/// How long to wait when the system lacks the resources for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The sources of the answers.
struct Answers {
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    version: String,
}

/// An HTTP server that is bound to its addresses.
pub struct HttpServer {
    listeners: Vec<TcpListener>,
    answers: Arc<Answers>,
    /// Load balancers, whose connections may begin with a PROXY header.
    proxies: Arc<[IpNet]>,
}

/// An address can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address} for HTTP (`http.listen`): {error}")]
pub struct BindError {
    /// The configured address.
    pub address: SocketAddr,
    /// What the system says.
    pub error: io::Error,
}

impl HttpServer {
    /// Binds all addresses. If the default address is in use by another program, this is only a warning.
    ///
    /// # Errors
    /// The first address that can't be bound.
    pub async fn bind(
        config: &config::Config,
        engine: &'static str,
        readiness: Arc<Readiness>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, BindError> {
        let mut listeners = Vec::new();
        let http = &config.http;
        for address in http.listen.iter().copied() {
            match TcpListener::bind(address).await {
                Ok(listener) => listeners.push(listener),
                Err(error) if http.by_default => tracing::warn!(
                    %address, %error,
                    "no health and metrics over HTTP: the default address can't be used; `http.listen` names another"
                ),
                Err(error) => return Err(BindError { address, error }),
            }
        }
        let version =
            serde_json::json!({ "name": "wharf", "version": env!("CARGO_PKG_VERSION"), "engine": engine });
        let answers = Answers { readiness, metrics, version: format!("{version}\n") };
        let proxies = config.server.proxies.clone().into();
        Ok(Self { listeners, answers: Arc::new(answers), proxies })
    }

    /// Serves in separate tasks until the runtime ends, so that it can report that the server stops.
    pub fn start(self) {
        let places = Places::new(CONNECTIONS);
        for listener in self.listeners {
            if let Ok(address) = listener.local_addr() {
                tracing::info!(%address, "health and metrics over HTTP");
            }
            let proxies = Arc::clone(&self.proxies);
            tokio::spawn(accept(listener, Arc::clone(&self.answers), Arc::clone(&places), proxies));
        }
    }
}

async fn accept(listener: TcpListener, answers: Arc<Answers>, places: Arc<Places>, proxies: Arc<[IpNet]>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let place = places.take(peer.ip()).await;
                let by_proxy = proxy_protocol::is_trusted(&proxies, peer.ip());
                tokio::spawn(serve(stream, Arc::clone(&answers), place, by_proxy));
            }
            Err(error) => {
                tracing::debug!(%error, "can't accept a connection for HTTP");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(mut stream: TcpStream, answers: Arc<Answers>, place: Place, by_proxy: bool) {
    // The client's address makes no difference: everybody gets the same answers.
    if by_proxy {
        let header = tokio::select! {
            header = tokio::time::timeout(HEADER_TIME, proxy_protocol::accept_if_any(&mut stream)) => header,
            () = place.is_needed() => {
                let _ = stream.set_zero_linger();
                return;
            }
        };
        if !matches!(header, Ok(Ok(_))) {
            return;
        }
    }
    let service = service_fn(|request: Request<Incoming>| {
        place.asked();
        let answers = Arc::clone(&answers);
        async move { Ok::<_, Infallible>(answers.to(request.method(), request.uri().path()).await) }
    });
    let mut connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .keep_alive(false)
        .max_buf_size(HEADER_SIZE)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A client that has asked by now gets its answer, even if the place is needed.
        biased;
        // A client that sends a bad request or disconnects affects no other.
        _ = tokio::time::timeout(TIME, &mut connection) => {}
        () = place.is_needed() => {
            // The connection leaves nothing behind in the system, which a flood of them would fill up.
            let _ = connection.into_parts().io.into_inner().set_zero_linger();
        }
    }
}

impl Answers {
    async fn to(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        const TEXT: &str = "text/plain; charset=utf-8";
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET and HEAD only\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match path {
            "/livez" => respond(StatusCode::OK, TEXT, "alive\n"),
            "/readyz" => {
                let (status, text) = self.readiness.answer().await;
                respond(status, TEXT, text)
            }
            "/metrics" => {
                // `wharf_ready` shows the result of `/readyz`.
                self.readiness.answer().await;
                respond(StatusCode::OK, metrics::CONTENT_TYPE, self.metrics.text())
            }
            "/version" => respond(StatusCode::OK, "application/json", self.version.clone()),
            _ => respond(StatusCode::NOT_FOUND, TEXT, "There are /livez, /readyz, /metrics and /version.\n"),
        }
    }
}

fn respond(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Cow<'static, str>>,
) -> Response<Full<Bytes>> {
    let body = match body.into() {
        Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
        Cow::Owned(text) => Bytes::from(text),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(SERVER, HeaderValue::from_static(NAME));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
