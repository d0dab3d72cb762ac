//! From a connection to a session.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::front::{Arrival, Front};
use super::refusal::Refusal;
use super::socket;
use crate::accounts::SessionLimits;
use crate::cluster::session_number;
use crate::engine::{Connection, Engine};
use crate::ops::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::visit::facts::{Facts, What, Who};

/// How long to wait when the system has no means for one more connection, before trying again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often the operator is told of it.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(10);

/// Accepts connections at all addresses, and begins their sessions.
pub(super) struct Acceptor {
    pub(super) sessions: Sessions,
    pub(super) limits: Arc<SessionLimits>,
    /// Nobody is told anything any more.
    pub(super) closed: CancellationToken,
    pub(super) metrics: Arc<Metrics>,
    pub(super) facts: Arc<Facts>,
    /// When transfers that still run are broken off, once the server is stopping.
    pub(super) ends: OnceLock<Instant>,
}

/// The sessions of a server.
pub(super) struct Sessions {
    engine: Arc<dyn Engine>,
    running: TaskTracker,
    next: AtomicU64,
    /// Which of several replicas this server is: its number is in those of its sessions.
    replica: Option<u16>,
    shutdown: Shutdown,
}

impl Sessions {
    pub(super) fn new(
        engine: Arc<dyn Engine>,
        running: TaskTracker,
        replica: Option<u16>,
        shutdown: Shutdown,
    ) -> Self {
        Self { engine, running, next: AtomicU64::new(1), replica, shutdown }
    }

    fn next_number(&self) -> u64 {
        session_number(self.next.fetch_add(1, Ordering::Relaxed), self.replica)
    }
}

impl Acceptor {
    /// Accepts connections at one address until nobody is told anything any more.
    pub(super) async fn accept(self: Arc<Self>, listener: TcpListener, front: Arc<dyn Front>) {
        let mut complained: Option<Instant> = None;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closed.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) if front.is_introduced(peer.ip()) => {
                    // No session yet: the end does not wait for it.
                    tokio::spawn(Arc::clone(&self).begin_when_introduced(stream, peer, Arc::clone(&front)));
                }
                Ok((stream, peer)) => self.begin(stream, Arrival::from(peer), &*front),
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

    /// The other end says first whose connection it is.
    async fn begin_when_introduced(
        self: Arc<Self>,
        mut stream: TcpStream,
        proxy: SocketAddr,
        front: Arc<dyn Front>,
    ) {
        match front.introduction(&mut stream, proxy).await {
            Ok(arrival) => self.begin(stream, arrival, &*front),
            Err(error) => tracing::debug!(%proxy, %error, "closed a connection without a PROXY header"),
        }
    }

    fn begin(&self, stream: TcpStream, arrival: Arrival, front: &dyn Front) {
        // Asked for behind the token, so that a session is either waited for or not begun.
        let token = self.sessions.running.token();
        let Arrival { peer, .. } = arrival;
        let permit = match self.sessions.shutdown.stopping.is_cancelled() {
            true => {
                let end = self.ends.get().copied().unwrap_or_else(Instant::now);
                Err(Refusal::Stopping(end.saturating_duration_since(Instant::now())))
            }
            false => self.limits.admit(peer.ip()).map_err(Refusal::TooMany),
        };
        let permit = match permit {
            Ok(permit) => permit,
            Err(refusal) => {
                refusal.log(peer);
                self.metrics.session_refused(refusal.counted());
                let who = Who { session: 0, user: "", peer };
                self.facts.tell(who, What::SessionRefused { cause: refusal.counted() });
                front.refuse(stream, &refusal);
                return;
            }
        };
        socket::prepare(&stream, peer);
        let local = match stream.local_addr() {
            Ok(local) => local,
            Err(error) => {
                tracing::debug!(%peer, %error, "a connection was gone at once");
                return;
            }
        };
        let connection = Connection {
            stream,
            peer,
            local,
            reached: arrival.reached.unwrap_or(local),
            by_proxy_itself: arrival.by_proxy_itself,
            session: self.sessions.next_number(),
            implicit_tls: front.begins_with_tls(),
            permit,
        };
        self.serve(connection, token);
    }

    fn serve(&self, connection: Connection, token: TaskTrackerToken) {
        let Sessions { engine, shutdown, .. } = &self.sessions;
        let session = Arc::clone(engine).serve(connection, shutdown.of_session());
        let open = self.metrics.session_opened();
        tokio::spawn(async move {
            session.await;
            drop((open, token));
        });
    }
}
