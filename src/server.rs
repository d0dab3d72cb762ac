//! The server: listeners, limits, and an end in good order.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::{SessionLimits, TooManySessions};
use crate::config;
use crate::engine::{Connection, Engine, Shutdown};
use crate::ops::logging::rate;
use crate::ops::metrics::{Metrics, Refusal};
use crate::proxy_protocol;

/// How long to wait when the system has no means for one more connection, before trying again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often the operator is told of it.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(10);

/// When the other end of a silent control connection is asked whether it is still there, how often, and how often in vain.
/// Firewalls and balancers forget connections that are silent for minutes, as these are during long transfers.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 8;

/// How long sessions may take to clean up when they were told to end at once.
const LAST_WAIT: Duration = Duration::from_secs(15);

/// A server that is bound to its addresses.
pub struct Server {
    listeners: Vec<Listener>,
    engine: Arc<dyn Engine>,
    limits: Arc<SessionLimits>,
    proxies: Arc<[IpNet]>,
    grace: Duration,
    metrics: Arc<Metrics>,
}

struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    /// Connections start with a TLS handshake.
    implicit_tls: bool,
}

/// An address can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}: {error}")]
pub struct BindError {
    /// The configured address.
    pub address: SocketAddr,
    /// What the system says.
    pub error: io::Error,
}

impl Server {
    /// Binds all addresses; connections are accepted by [`run`](Self::run).
    ///
    /// # Errors
    /// The first address that can't be bound.
    pub async fn bind(
        config: &config::Server,
        engine: Arc<dyn Engine>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, BindError> {
        let mut listeners = Vec::new();
        let explicit = config.listen.iter().map(|address| (address, false));
        let implicit = config.implicit_tls_listen.iter().map(|address| (address, true));
        for (address, implicit_tls) in explicit.chain(implicit) {
            let bound = async {
                let listener = TcpListener::bind(address).await?;
                let address = listener.local_addr()?;
                Ok(Listener { listener, address, implicit_tls })
            };
            listeners.push(bound.await.map_err(|error| BindError { address: *address, error })?);
        }
        let limits = &config.limits;
        Ok(Self {
            listeners,
            engine,
            limits: Arc::new(SessionLimits::new(limits.sessions, limits.sessions_per_ip, limits.ipv6_prefix)),
            proxies: config.proxies.clone().into(),
            grace: config.shutdown_grace,
            metrics,
        })
    }

    /// The addresses, with the real port where the configuration has 0.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(|listener| listener.address)
    }

    /// Serves until `shutdown` says so, and then until the last session is over: transfers may go on for the grace
    /// that the configuration gives, or until they are told to end now. Whoever connects meanwhile is told so.
    pub async fn run(self, shutdown: Shutdown) {
        let sessions = TaskTracker::new();
        let numbers = Arc::new(AtomicU64::new(1));
        let closed = CancellationToken::new();
        for Listener { listener, address, implicit_tls } in self.listeners {
            match implicit_tls {
                false => tracing::info!(%address, "listening"),
                true => tracing::info!(%address, implicit_tls, "listening"),
            }
            let acceptor = Acceptor {
                engine: Arc::clone(&self.engine),
                limits: Arc::clone(&self.limits),
                proxies: Arc::clone(&self.proxies),
                sessions: sessions.clone(),
                numbers: Arc::clone(&numbers),
                shutdown: shutdown.clone(),
                closed: closed.clone(),
                implicit_tls,
                metrics: Arc::clone(&self.metrics),
            };
            tokio::spawn(Arc::new(acceptor).accept(listener));
        }
        shutdown.stopping.cancelled().await;
        sessions.close();
        tracing::info!(sessions = sessions.len(), grace = ?self.grace, "stopping");
        tokio::select! {
            () = sessions.wait() => {}
            () = tokio::time::sleep(self.grace) => {
                tracing::warn!(sessions = sessions.len(), "the grace is over: ending what still runs");
            }
            () = shutdown.now.cancelled() => {
                tracing::warn!(sessions = sessions.len(), "told to end what still runs");
            }
        }
        shutdown.now.cancel();
        if tokio::time::timeout(LAST_WAIT, sessions.wait()).await.is_err() {
            tracing::warn!(sessions = sessions.len(), "sessions did not end in time");
        }
        closed.cancel();
        tracing::info!("stopped");
    }
}

struct Acceptor {
    engine: Arc<dyn Engine>,
    limits: Arc<SessionLimits>,
    /// Load balancers, whose connections say who the client is.
    proxies: Arc<[IpNet]>,
    sessions: TaskTracker,
    numbers: Arc<AtomicU64>,
    shutdown: Shutdown,
    /// Nobody is told anything any more.
    closed: CancellationToken,
    implicit_tls: bool,
    metrics: Arc<Metrics>,
}

impl Acceptor {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut complained: Option<Instant> = None;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closed.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) if proxy_protocol::is_trusted(&self.proxies, peer.ip()) => {
                    // No session yet: the end does not wait for it.
                    tokio::spawn(Arc::clone(&self).begin_by_proxy(stream, peer));
                }
                Ok((stream, peer)) => self.begin(stream, peer, None, false),
                Err(error) => {
                    // Most often too many open files: that passes when a session ends.
                    if complained.is_none_or(|last| last.elapsed() >= COMPLAINT_PAUSE) {
                        complained = Some(Instant::now());
                        tracing::warn!(%error, "can't accept connections");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// A load balancer says first whose connection it is.
    async fn begin_by_proxy(self: Arc<Self>, mut stream: TcpStream, proxy: SocketAddr) {
        match proxy_protocol::accept(&mut stream).await {
            Ok(Some(route)) => self.begin(stream, route.client, Some(route.server), false),
            // Often a look at whether the server is alive, which may want to read the greeting.
            Ok(None) => self.begin(stream, proxy, None, true),
            Err(error) => tracing::debug!(%proxy, %error, "closed a connection without a PROXY header"),
        }
    }

    fn begin(&self, stream: TcpStream, peer: SocketAddr, reached: Option<SocketAddr>, by_proxy_itself: bool) {
        // Asked for behind the token, so that a session is either waited for or not begun.
        let token = self.sessions.token();
        if self.shutdown.stopping.is_cancelled() {
            tracing::debug!(%peer, "refused a session: the server is stopping");
            self.metrics.session_refused(Refusal::Stopping);
            self.refuse(stream, "421 The server is stopping; try again later.\r\n");
            return;
        }
        let permit = match self.limits.admit(peer.ip()) {
            Ok(permit) => permit,
            Err(cause) => {
                if rate::REFUSED_SESSIONS.admits(peer.ip()) {
                    tracing::warn!(%peer, %cause, "refused a session");
                }
                self.metrics.session_refused(match cause {
                    TooManySessions::InAll => Refusal::Limit,
                    TooManySessions::FromThisAddress => Refusal::AddressLimit,
                });
                self.refuse(stream, &format!("421 Try again later: {cause}.\r\n"));
                return;
            }
        };
        // Replies are short, and each is waited for.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "can't set TCP_NODELAY");
        }
        if let Err(error) = keep_alive(&stream) {
            tracing::debug!(%peer, %error, "can't set SO_KEEPALIVE");
        }
        let local = match stream.local_addr() {
            Ok(local) => local,
            Err(error) => {
                tracing::debug!(%peer, %error, "a connection was gone at once");
                return;
            }
        };
        let session = self.numbers.fetch_add(1, Ordering::Relaxed);
        let connection = Connection {
            stream,
            peer,
            local,
            reached: reached.unwrap_or(local),
            by_proxy_itself,
            session,
            implicit_tls: self.implicit_tls,
            permit,
        };
        let (engine, shutdown) = (Arc::clone(&self.engine), self.shutdown.clone());
        let open = self.metrics.session_opened();
        tokio::spawn(async move {
            engine.serve(connection, shutdown).await;
            drop((open, token));
        });
    }

    /// Says why, if that is possible without waiting: the buffer of a new connection is empty, and whoever floods
    /// the server gets no task for it. For the same reason there is no handshake only to say no: where TLS comes first, the
    /// connection is closed.
    fn refuse(&self, stream: TcpStream, reply: &str) {
        if self.implicit_tls {
            return;
        }
        if let Ok(mut stream) = stream.into_std() {
            let _ = stream.write(reply.as_bytes());
        }
    }
}

fn keep_alive(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)?;
    sockopt::set_socket_keepalive(stream, true)
}
