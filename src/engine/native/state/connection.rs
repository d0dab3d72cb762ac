//! What a session has, logged in or not.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use super::super::control::Control;
use super::super::reply::Reply;
use super::super::security::Security;
use super::named::Named;
use super::shared::Shared;
use crate::accounts::SessionPermit;
use crate::charset::Charset;
use crate::config;
use crate::shutdown::Shutdown;
use crate::visit::facts::{Journal, Who};
use crate::world::World;

/// The greeting of a server that was given none.
const GREETING: &str = "Wharf FTP server ready";

/// How often it is looked whether the client is still there.
const LOOK: Duration = Duration::from_secs(1);

/// What a session has whoever is logged in.
pub(in super::super) struct Connection {
    pub(in super::super) shared: Arc<Shared>,
    /// The world in which its user logged in, which it keeps from then on.
    pub(in super::super) world: Arc<World>,
    pub(in super::super) control: Control,
    /// Unique in the life of the process; in every log line of the session.
    pub(in super::super) id: u64,
    pub(in super::super) peer: SocketAddr,
    /// The address of this machine that the connection came to.
    pub(in super::super) local: SocketAddr,
    /// What the client connected to.
    pub(in super::super) reached: SocketAddr,
    /// The other end is a load balancer that has named no client.
    pub(in super::super) by_proxy_itself: bool,
    /// It starts with a TLS handshake.
    pub(in super::super) implicit_tls: bool,
    pub(in super::super) security: Security,
    /// The host that the client has named.
    pub(in super::super) named: Named,
    /// How long it may be silent (SITE IDLE).
    pub(in super::super) idle_timeout: Duration,
    /// The place among all sessions.
    pub(in super::super) permit: Arc<SessionPermit>,
    /// Logins that failed. REIN makes no difference to them.
    pub(in super::super) failures: u32,
    /// What OPTS UTF8 asked for: it counts more than the character set of the user.
    pub(in super::super) chosen_charset: Option<Charset>,
    /// How the session is told to end.
    pub(in super::super) ending: Shutdown,
    /// EPSV ALL was said (RFC 2428, section 4).
    pub(in super::super) extended_only: bool,
}

impl Connection {
    /// The settings of the server.
    pub(in super::super) fn server(&self) -> &config::Server {
        &self.world.config.server
    }

    /// Somebody is about to log in: what is true now counts, and not what was when the session began. Whatever is encrypted already
    /// stays as it is.
    pub(in super::super) fn follow_world(&mut self) {
        let now = self.shared.world.now();
        if !Arc::ptr_eq(&now, &self.world) {
            self.world = now;
            self.idle_timeout = self.server().idle_timeout;
            self.security.offer(self.shared.tls());
        }
    }

    /// What the server says first.
    pub(in super::super) fn greeting(&self) -> String {
        self.server().greeting.as_deref().unwrap_or(GREETING).to_owned()
    }

    /// Tells what the session does, as this user.
    pub(in super::super) fn journal<'a>(&'a self, user: &'a str) -> Journal<'a> {
        Journal { facts: &self.shared.facts, who: Who { session: self.id, user, peer: self.peer } }
    }

    /// Waits for work that takes long, unless the client goes: then nobody needs it.
    ///
    /// # Errors
    /// The refusal that ends the command, which nobody hears.
    pub(in super::super) async fn while_there<T>(&self, work: impl Future<Output = T>) -> Result<T, Reply> {
        let mut work = pin!(work);
        loop {
            match tokio::time::timeout(LOOK, &mut work).await {
                Ok(done) => return Ok(done),
                Err(_) if self.control.is_abandoned() => {
                    tracing::debug!(session = self.id, peer = %self.peer, "nobody waits for a command any more");
                    return Err(Reply::new(426, "The control connection is lost."));
                }
                Err(_) => {}
            }
        }
    }

    /// Sends lines that are a part of a reply.
    ///
    /// # Errors
    /// The refusal that ends the command if the client can't be reached; the session ends by itself then.
    pub(in super::super) async fn send_block(&mut self, block: &mut BytesMut) -> Result<(), Reply> {
        let sent = self.control.send_bytes(&block.split()).await;
        sent.map_err(|_| Reply::new(421, "The control connection is lost."))
    }
}
