//! The server: listeners, limits, and an end in good order.
//!
//! - `acceptor`: from a connection to a session;
//! - `front`: what a connection meets at an address before its session;
//! - `refusal`: why a connection gets no session, in words;
//! - `socket`: what the system is told of a control connection.

mod acceptor;
mod front;
mod refusal;
mod socket;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use self::acceptor::{Acceptor, Sessions};
use self::front::{Front, ImplicitTls, Plain, Proxied};
use crate::accounts::{Guard, SessionLimits};
use crate::engine::Engine;
use crate::ops::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::world::CurrentWorld;

/// How long sessions may take to clean up when they were told to end at once.
const LAST_WAIT: Duration = Duration::from_secs(15);

/// A server that is bound to its addresses.
pub struct Server {
    listeners: Vec<Listener>,
    engine: Arc<dyn Engine>,
    limits: Arc<SessionLimits>,
    world: Arc<CurrentWorld>,
    metrics: Arc<Metrics>,
}

struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    front: Arc<dyn Front>,
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
    /// Binds all addresses that the first world names; connections are accepted by [`run`](Self::run).
    ///
    /// # Errors
    /// The first address that can't be bound.
    pub async fn bind(
        world: Arc<CurrentWorld>,
        engine: Arc<dyn Engine>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, BindError> {
        let mut listeners = Vec::new();
        let first = world.now();
        let config = &first.config.server;
        let proxies: Arc<[IpNet]> = config.proxies.clone().into();
        let plain: Arc<dyn Front> = Arc::new(Proxied::new(Plain, Arc::clone(&proxies)));
        let implicit_tls: Arc<dyn Front> = Arc::new(Proxied::new(ImplicitTls, proxies));
        let plain = config.listen.iter().map(|address| (address, &plain));
        let implicit_tls = config.implicit_tls_listen.iter().map(|address| (address, &implicit_tls));
        for (address, front) in plain.chain(implicit_tls) {
            let bound = async {
                let listener = TcpListener::bind(address).await?;
                let address = listener.local_addr()?;
                Ok(Listener { listener, address, front: Arc::clone(front) })
            };
            listeners.push(bound.await.map_err(|error| BindError { address: *address, error })?);
        }
        let limits = &config.limits;
        Ok(Self {
            listeners,
            engine,
            limits: Arc::new(
                SessionLimits::new(limits.sessions, limits.sessions_per_ip, limits.ipv6_prefix)
                    .guarded_by(Guard::new(
                        config.lockout.clone(),
                        limits.connections_per_ip,
                        limits.ipv6_prefix,
                    ))
                    .beside(
                        first.accounts.elsewhere(),
                        first.config.cluster.as_ref().and_then(|cluster| cluster.sessions),
                    ),
            ),
            world,
            metrics,
        })
    }

    /// The limits on the number of sessions.
    pub fn limits(&self) -> &Arc<SessionLimits> {
        &self.limits
    }

    /// The addresses, with the real port where the configuration has 0.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(|listener| listener.address)
    }

    /// Serves until `shutdown` says so, and then until the last session is over: transfers may go on for the grace
    /// that the configuration gives, or until they are told to end now. Whoever connects meanwhile is told so.
    pub async fn run(self, shutdown: Shutdown) {
        let sessions = TaskTracker::new();
        let closed = CancellationToken::new();
        let replica = self.world.now().cluster.as_ref().map(|cluster| cluster.index());
        let acceptor = Arc::new(Acceptor {
            sessions: Sessions::new(self.engine, sessions.clone(), replica, shutdown.clone()),
            limits: self.limits,
            closed: closed.clone(),
            metrics: self.metrics,
            facts: Arc::clone(self.world.now().accounts.facts()),
            ends: OnceLock::new(),
        });
        for Listener { listener, address, front } in self.listeners {
            match front.begins_with_tls() {
                false => tracing::info!(%address, "listening"),
                true => tracing::info!(%address, implicit_tls = true, "listening"),
            }
            tokio::spawn(Arc::clone(&acceptor).accept(listener, front));
        }
        let quotas = Arc::clone(self.world.now().accounts.quotas());
        let keeping = AbortOnDropHandle::new(tokio::spawn({
            let quotas = Arc::clone(&quotas);
            async move { quotas.keep().await }
        }));
        shutdown.stopping.cancelled().await;
        sessions.close();
        let grace = self.world.now().config.server.shutdown_grace;
        let _ = acceptor.ends.set(Instant::now() + grace);
        tracing::info!(sessions = sessions.len(), ?grace, "stopping");
        let cluster = self.world.now().cluster.clone();
        let done = async {
            sessions.wait().await;
            if let Some(cluster) = &cluster {
                cluster.idle().await;
            }
        };
        tokio::select! {
            () = done => {}
            () = tokio::time::sleep(grace) => {
                tracing::warn!(sessions = sessions.len(), "the grace is over: ending what still runs");
            }
            () = shutdown.now.cancelled() => {
                tracing::warn!(sessions = sessions.len(), "told to end what still runs");
            }
        }
        shutdown.end_now();
        let in_time = tokio::time::timeout(LAST_WAIT, sessions.wait()).await.is_ok();
        if !in_time {
            tracing::warn!(sessions = sessions.len(), "sessions did not end in time");
        }
        drop(keeping);
        quotas.write(in_time).await;
        closed.cancel();
        tracing::info!("stopped");
    }
}
