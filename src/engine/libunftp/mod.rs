//! The engine on libunftp: visits as its `StorageBackend`, our accounts as its `Authenticator`.
//!
//! libunftp serves one connection at a time here (`Server::service`): listening, limits and shutdown are ours. That
//! is also what lets an upload look at its control connection before it becomes visible. What
//! libunftp gets wrong and can't be mended from outside is listed in `docs/engines.md`.

mod accounts;
mod error;
mod lacks;
mod listing;
mod session;
mod storage;
mod transfer;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use futures_util::future::BoxFuture;
use libunftp::options::{ActivePassiveMode, FtpsRequired, PassiveHost, SiteMd5};
use libunftp::{ServerBuilder, ServerError};

use self::accounts::SessionUser;
use self::session::Session;
use self::storage::SessionStorage;
use super::{Connection, Engine, Ready, Row, Unready};
use crate::config::{self, PassiveAddress, Tls};
use crate::ops::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::tls::{self, TlsError};
use crate::world::{CurrentWorld, World};

/// The greeting of a server that was given none.
const GREETING: &str = "Wharf FTP server ready";

/// How long transfers that were told to end may take to clean up, before their session is over regardless.
const CLEAN_UP_TIME: Duration = Duration::from_secs(10);

/// How long a stopping server waits after the last byte of a transfer, so that its reply gets out.
const LINGER: Duration = Duration::from_millis(500);

/// The row of this engine.
pub(super) const ROW: Row = Row {
    known: config::Engine {
        word: "libunftp",
        help: "The engine built on the library libunftp.",
        lacks: lacks::LACKS,
    },
    // It repeats the engine's lines with less context, and shows whole sessions in its spans.
    silent: &["libunftp"],
    open: |world, metrics| Ok(Arc::new(LibunftpEngine::new(world, metrics)?)),
};

/// Whether TLS is required for control and for data connections, and how it is done.
type SessionTls = (bool, bool, Arc<rustls::ServerConfig>);

/// Serves sessions with libunftp.
pub struct LibunftpEngine {
    world: Arc<CurrentWorld>,
    /// None is offered if there is none.
    tls: ArcSwapOption<SessionTls>,
    greeting: &'static str,
    metrics: Arc<Metrics>,
}

impl LibunftpEngine {
    /// An engine whose sessions begin in these worlds.
    ///
    /// # Errors
    /// If the certificate can't be used any more.
    pub fn new(world: Arc<CurrentWorld>, metrics: Arc<Metrics>) -> Result<Self, TlsError> {
        let first = world.now();
        let tls = &first.config.tls;
        if matches!(tls, Tls::On(settings) if settings.required_control) {
            tracing::warn!(
                "libunftp requires TLS for logins and for data connections opened by PASV; a client that \
                 chooses PROT C can still transfer in plain text over EPSV and PORT"
            );
        }
        // libunftp wants it for ever; there is one engine in the life of a process.
        let greeting = match &first.config.server.greeting {
            Some(greeting) => Box::leak(greeting.clone().into_boxed_str()),
            None => GREETING,
        };
        let tls = ArcSwapOption::new(session_tls(tls)?);
        Ok(Self { world, tls, greeting, metrics })
    }

    fn build(
        &self,
        session: &Arc<Session>,
        world: &Arc<World>,
    ) -> Result<libunftp::Server<SessionStorage, SessionUser>, ServerError> {
        let storage_session = Arc::clone(session);
        let storage = Box::new(move || SessionStorage::new(Arc::clone(&storage_session)));
        let accounts = Arc::new(accounts::SessionAccounts::new(&self.world, session));
        let provider: Arc<accounts::SessionAccounts> = Arc::clone(&accounts);
        let settings = &world.config.server;
        let passive_host = match settings.passive.addresses.first() {
            None => PassiveHost::FromConnection,
            Some(PassiveAddress::Ip(ip)) => PassiveHost::Ip(*ip),
            Some(PassiveAddress::Name(name)) => PassiveHost::Dns(name.clone()),
        };
        let mode = if settings.active {
            ActivePassiveMode::ActiveAndPassive
        } else {
            ActivePassiveMode::PassiveOnly
        };
        let mut builder =
            ServerBuilder::<SessionStorage, SessionUser>::with_user_detail_provider(storage, provider)
                .authenticator(accounts)
                .greeting(self.greeting)
                .idle_session_timeout(settings.idle_timeout.as_secs().max(1))
                .passive_ports(settings.passive.ports.clone())
                .passive_host(passive_host)
                .active_passive_mode(mode)
                // Permissions decide for each user.
                .sitemd5(SiteMd5::All);
        if let Some((control, data, server_config)) = self.tls.load_full().as_deref() {
            let required = |required| if required { FtpsRequired::All } else { FtpsRequired::None };
            builder = builder
                .ftps_manual::<&str>(Arc::clone(server_config))
                .ftps_required(required(*control), required(*data));
        }
        builder.build()
    }
}

impl LibunftpEngine {
    /// Serves one control connection, and returns when the session and its transfers are over.
    async fn serve_one(&self, connection: Connection, shutdown: Shutdown) {
        let Connection { stream, peer, session: id, permit, .. } = connection;
        let now = shutdown.now.clone();
        // Settings are the same to the end of the session; who may log in is decided when somebody does.
        let world = self.world.now();
        let (idle, facts) = (world.config.server.idle_timeout, Arc::clone(world.accounts.facts()));
        let session = match Session::new(id, peer, &stream, idle, shutdown, permit, facts) {
            Ok(session) => Arc::new(session),
            Err(error) => {
                tracing::warn!(session = id, %peer, %error, "can't serve a connection");
                return;
            }
        };
        let server = match self.build(&session, &world) {
            Ok(server) => server,
            Err(error) => {
                tracing::error!(session = id, %error, "can't set up a session");
                return;
            }
        };
        let opened = Instant::now();
        session.journal().opened(&session.shutdown);
        let mut served = Box::pin(server.service(stream));
        tokio::select! {
            _ = &mut served => {}
            () = session.drained(LINGER) => {
                // The library sees the end of the connection now, and ends its loop.
                let _ = tokio::time::timeout(CLEAN_UP_TIME, &mut served).await;
            }
            () = session.login_missed(world.config.server.login_timeout) => {
                tracing::info!(session = id, %peer, "nobody logged in in time");
            }
            () = session.permit.displaced() => {
                session.journal().displaced();
                self.metrics.session_displaced();
            }
            () = session.expired() => session.journal().expired(),
            () = session.abandoned() => {
                tracing::warn!(session = id, %peer, user = session.user(), "gave up a session that hangs");
            }
            () = now.cancelled() => {}
        }
        session.end();
        if tokio::time::timeout(CLEAN_UP_TIME, session.without_transfers()).await.is_err() {
            tracing::warn!(session = id, "a transfer of a session that ended is still busy");
        }
        session.journal().closed(session.moved(), opened.elapsed());
    }
}

impl Engine for LibunftpEngine {
    fn serve(self: Arc<Self>, connection: Connection, shutdown: Shutdown) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.serve_one(connection, shutdown).await })
    }

    /// The certificate is read again, which this engine does at no other time.
    fn prepare(self: Arc<Self>, world: &World) -> Result<Ready, Unready> {
        if world.config.server.greeting.as_deref().unwrap_or(GREETING) != self.greeting {
            return Err(Unready::Restart("server.greeting"));
        }
        let tls = session_tls(&world.config.tls)?;
        Ok(Box::new(move || self.tls.store(tls)))
    }
}

/// How sessions are encrypted.
fn session_tls(tls: &Tls) -> Result<Option<Arc<SessionTls>>, TlsError> {
    let Tls::On(settings) = tls else { return Ok(None) };
    let mut config = tls::server_config(settings)?;
    // The server sends tickets right after the handshake. On the data connection of an upload the client never reads: it
    // writes and closes, and its kernel answers unread bytes with a reset that discards what is still under way, so the
    // file arrives cut short. libunftp has one configuration for both connections.
    config.send_tls13_tickets = 0;
    Ok(Some(Arc::new((settings.required_control, settings.required_data, Arc::new(config)))))
}

impl fmt::Debug for LibunftpEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LibunftpEngine").field("world", &self.world).finish_non_exhaustive()
    }
}
