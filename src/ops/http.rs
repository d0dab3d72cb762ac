//! Health and metrics over HTTP, for monitoring and orchestration, and the admin interface.
//!
//! Every client that can connect may ask for health and metrics, so nothing there is secret and no request changes anything. The admin
//! interface (`api`) asks for a token. Each connection is for one request, which has to arrive soon.

mod api;
mod page;
mod places;
mod readiness;
mod site;
mod stay;

use std::borrow::Cow;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, IF_NONE_MATCH, SERVER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;

use self::api::Api;
use self::places::{Place, Places};
pub use self::readiness::Readiness;
use self::site::{Site, SiteTls};
use self::stay::Stay;
use super::admin::Desk;
use super::metrics::{self, Metrics};
use crate::config;
use crate::proxy_protocol;
use crate::tls::TlsError;

/// The name in the header `Server`.
pub const NAME: &str = "wharf";

/// The most connections at a time, for health and metrics and for an admin interface of its own.
const CONNECTIONS: usize = 256;

/// How long the head of a request may take to arrive.
const HEADER_TIME: Duration = Duration::from_secs(3);

/// The largest size of the head of a request, and the most lines in it.
const HEADER_SIZE: usize = 16 * 1024;
const HEADERS: usize = 64;

/// How long to wait when the system lacks the resources for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is answered.
type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The sources of the answers.
struct Answers {
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    version: String,
}

/// An HTTP server that is bound to its addresses.
pub struct HttpServer {
    listeners: Vec<(TcpListener, Site)>,
    /// Load balancers, whose connections may begin with a PROXY header.
    proxies: Arc<[IpNet]>,
    desk: Arc<OnceLock<Arc<Desk>>>,
}

/// Why there is no HTTP.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// An address can't be listened on.
    #[error("can't listen on {address} for HTTP (`{key}`): {error}")]
    Address {
        /// The configured address.
        address: SocketAddr,
        /// The key that names it.
        key: &'static str,
        /// What the system says.
        error: io::Error,
    },
    /// The files of TLS can't be used.
    #[error("`http.admin.tls`: {0}")]
    Tls(#[from] TlsError),
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
        let version =
            serde_json::json!({ "name": "wharf", "version": env!("CARGO_PKG_VERSION"), "engine": engine });
        let desk = Arc::new(OnceLock::new());
        let api = http.admin.as_ref().map(|_| Api::new(Arc::clone(&desk), Arc::clone(&metrics)));
        let answers = Arc::new(Answers { readiness, metrics, version: format!("{version}\n") });
        let is_beside = http.admin.as_ref().is_some_and(|admin| admin.listen.is_empty());
        let site = Site { answers: Some(answers), api: api.clone().filter(|_| is_beside), tls: None };
        for address in http.listen.iter().copied() {
            match TcpListener::bind(address).await {
                Ok(listener) => listeners.push((listener, site.clone())),
                Err(error) if http.by_default => tracing::warn!(
                    %address, %error,
                    "no health and metrics over HTTP: the default address can't be used; `http.listen` names another"
                ),
                Err(error) => return Err(BindError::Address { address, key: "http.listen", error }),
            }
        }
        if let Some(admin) = &http.admin {
            let tls = admin.tls.as_deref().map(SiteTls::new).transpose()?;
            let site = Site { answers: None, api, tls };
            for address in admin.listen.iter().copied() {
                let failed = |error| BindError::Address { address, key: "http.admin.listen", error };
                listeners.push((TcpListener::bind(address).await.map_err(failed)?, site.clone()));
            }
        }
        let proxies = config.server.proxies.clone().into();
        Ok(Self { listeners, proxies, desk })
    }

    /// Where operators work from now on: until then the admin interface is unavailable.
    pub fn desk(&self) -> Arc<OnceLock<Arc<Desk>>> {
        Arc::clone(&self.desk)
    }

    /// Serves in separate tasks until the runtime ends, so that it can report that the server stops.
    pub fn start(self) {
        let (places, of_admin) = (Places::new(CONNECTIONS), Places::new(CONNECTIONS));
        let mut follows = None;
        for (listener, site) in self.listeners {
            let is_local =
                listener.local_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback());
            if let Ok(address) = listener.local_addr() {
                let admin = site.api.is_some();
                let what = if site.answers.is_some() {
                    "health and metrics over HTTP"
                } else {
                    "admin interface over HTTP"
                };
                tracing::info!(%address, admin, tls = site.tls.is_some(), "{what}");
            }
            if let Some(tls) = site.tls.as_ref().filter(|_| follows.is_none()) {
                follows = Some(tokio::spawn(Arc::clone(tls).follow()));
            }
            let places = Arc::clone(if site.answers.is_some() { &places } else { &of_admin });
            let proxies = Arc::clone(&self.proxies);
            tokio::spawn(accept(listener, Arc::new((site, is_local)), places, proxies));
        }
    }
}

async fn accept(listener: TcpListener, site: Arc<(Site, bool)>, places: Arc<Places>, proxies: Arc<[IpNet]>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let place = places.take(peer.ip()).await;
                let by_proxy = proxy_protocol::is_trusted(&proxies, peer.ip());
                tokio::spawn(serve(stream, peer, Arc::clone(&site), place, by_proxy));
            }
            Err(error) => {
                tracing::debug!(%error, "can't accept a connection for HTTP");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    mut peer: SocketAddr,
    site: Arc<(Site, bool)>,
    place: Place,
    by_proxy: bool,
) {
    let place = Arc::new(place);
    // For health and metrics the client's address makes no difference: everybody gets the same answers.
    if by_proxy {
        let header = tokio::select! {
            header = tokio::time::timeout(HEADER_TIME, proxy_protocol::accept_if_any(&mut stream)) => header,
            () = place.is_needed() => {
                stream.leave_nothing();
                return;
            }
        };
        match header {
            Ok(Ok(route)) => peer = route.map_or(peer, |route| route.client),
            _ => return,
        }
    }
    let Some(tls) = &site.0.tls else { return converse(stream, peer, &site, &place).await };
    let accepted = tokio::select! {
        accepted = tls.accept(stream, peer) => accepted,
        () = place.is_needed() => return,
    };
    if let Ok(stream) = accepted {
        converse(stream, peer, &site, &place).await;
    }
}

/// What a connection is.
trait Wire: AsyncRead + AsyncWrite + Unpin {
    /// It leaves nothing behind in the system, which a flood of them would fill up.
    fn leave_nothing(&self);
}

impl Wire for TcpStream {
    fn leave_nothing(&self) {
        let _ = self.set_zero_linger();
    }
}

impl Wire for TlsStream<TcpStream> {
    fn leave_nothing(&self) {
        let _ = self.get_ref().0.set_zero_linger();
    }
}

async fn converse<W: Wire>(stream: W, peer: SocketAddr, site: &Arc<(Site, bool)>, place: &Arc<Place>) {
    let stay = Arc::new(Stay::new(place));
    let service = service_fn(|request: Request<Incoming>| {
        place.asked();
        let (site, stay) = (Arc::clone(site), Arc::clone(&stay));
        async move {
            let (site, is_local) = &*site;
            Ok::<_, Infallible>(site.answer(request, peer, *is_local, &stay).await)
        }
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
        _ = &mut connection => {}
        () = stay.is_over() => {}
        () = place.is_needed() => connection.into_parts().io.into_inner().leave_nothing(),
    }
}

impl Site {
    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        is_local: bool,
        stay: &Arc<Stay>,
    ) -> Response<Body> {
        let path = request.uri().path();
        if let Some(api) = &self.api
            && path.strip_prefix(api::BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        {
            return api.answer(request, peer, is_local, stay).await;
        }
        const TEXT: &str = "text/plain; charset=utf-8";
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET and HEAD only\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let answer = match &self.answers {
            Some(answers) => answers.to(path).await,
            None => None,
        };
        let answer = answer.or_else(|| {
            let has_page = self.api.as_ref().is_some_and(|api| api.has_page());
            page::answer(path, request.headers().get(IF_NONE_MATCH)).filter(|_| has_page)
        });
        answer.unwrap_or_else(|| respond(StatusCode::NOT_FOUND, TEXT, self.hint()))
    }
}

impl Answers {
    async fn to(&self, path: &str) -> Option<Response<Body>> {
        const TEXT: &str = "text/plain; charset=utf-8";
        Some(match path {
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
            _ => return None,
        })
    }
}

/// A body that is there as a whole.
fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).boxed_unsync()
}

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Cow<'static, str>>) -> Response<Body> {
    let body = match body.into() {
        Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
        Cow::Owned(text) => Bytes::from(text),
    };
    let mut response = Response::new(whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(SERVER, HeaderValue::from_static(NAME));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
