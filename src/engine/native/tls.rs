//! TLS of control and data connections (RFC 4217): the offer, the requirements, and certificates that change on disk.

mod family;
mod owners;
mod resumption;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::thread;
use std::time::{Duration, SystemTime};

use rustls::server::{Acceptor, ClientHello};
use rustls::{ServerConfig, SupportedCipherSuite};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use self::family::Family;
use self::owners::Owners;
use self::resumption::Marks;
pub(super) use self::resumption::{Resumption, Unproven};
use super::socket::Socket;
use crate::config;
use crate::ops::metrics::Metrics;
use crate::ops::sandbox;
use crate::tls::{self, TlsError};

/// How often the files are checked.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The size of reads from a data connection, in bytes. The library asks for four kilobytes at a time, which would be
/// several calls for each record.
const WIRE_BUFFER: usize = 64 * 1024;

/// How many tickets of TLS 1.3 a client gets on its control connection. If each data connection has to resume, a client
/// that uses each ticket once, as RFC 8446 advises (appendix C.4), can make this many uploads; clients that keep
/// several tickets keep about this many.
const TICKETS: usize = 2;
const TICKETS_WHERE_NEEDED: usize = 8;

/// On a data connection that the client reads to its end: one for the ticket that it has used, and one for an upload.
const TICKETS_OF_DATA: usize = 2;

/// The TLS of this server.
#[derive(Debug)]
pub(super) struct Tls {
    settings: config::TlsSettings,
    current: RwLock<Arc<Configs>>,
    /// Dropping it ends the thread that checks the files.
    _following: SyncSender<()>,
    metrics: Arc<Metrics>,
    owners: Arc<Owners>,
}

/// Both kinds of connections show the same certificate and share their sessions, so that a data connection can resume
/// the session of its control connection.
#[derive(Debug)]
struct Configs {
    control: Arc<ServerConfig>,
    data: Arc<ServerConfig>,
    files: Stamps,
}

/// Distinguishes one version of the files from the next.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamps([Option<(SystemTime, u64, u64)>; 3]);

/// All files that are read again.
fn files_of(settings: &config::TlsSettings) -> impl Iterator<Item = &Path> {
    let authorities = settings.clients.iter().map(|clients| clients.authorities.as_path());
    [settings.certificate.as_path(), settings.key.as_path()].into_iter().chain(authorities)
}

impl Stamps {
    fn of(settings: &config::TlsSettings) -> Self {
        let stamp = |path: &Path| {
            let found = std::fs::metadata(path).ok()?;
            use std::os::unix::fs::MetadataExt;
            Some((found.modified().ok()?, found.len(), found.ino()))
        };
        let authorities = settings.clients.as_ref().and_then(|clients| stamp(&clients.authorities));
        Self([stamp(&settings.certificate), stamp(&settings.key), authorities])
    }
}

impl Configs {
    fn load(settings: &config::TlsSettings, before: Option<&Self>) -> Result<Self, TlsError> {
        let files = Stamps::of(settings);
        let mut control = tls::server_config(settings)?;
        // Sessions survive a new certificate.
        match before {
            Some(before) if before.files.0[2] == files.0[2] => {
                control.ticketer = Arc::clone(&before.control.ticketer);
                control.session_storage = Arc::clone(&before.control.session_storage);
            }
            // Without a ticketer, a TLS 1.3 session could be resumed only once, and each transfer resumes it. Clients
            // whose authority is no longer trusted must not resume their sessions.
            _ => control.ticketer = tls::ticketer()?,
        }
        // Each data connection decides about its tickets.
        let mut data = control.clone();
        data.send_tls13_tickets = 0;
        control.send_tls13_tickets =
            if settings.require_session_reuse { TICKETS_WHERE_NEEDED } else { TICKETS };
        Ok(Self { control: Arc::new(control), data: Arc::new(data), files })
    }
}

/// A data connection after its handshake.
pub(super) struct Accepted {
    pub(super) stream: TlsStream<BufReader<TcpStream>>,
    /// Whether it has proven to belong to the session of its control connection; otherwise it may be anybody's.
    pub(super) proven: Result<bool, Unproven>,
}

impl Tls {
    /// As configured. The files were read when the configuration was checked, and are read again now.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(super) fn new(settings: config::TlsSettings, metrics: Arc<Metrics>) -> Result<Arc<Self>, TlsError> {
        let current = RwLock::new(Arc::new(Configs::load(&settings, None)?));
        let (following, ended) = sync_channel(0);
        let tls = Self { settings, current, _following: following, metrics, owners: Arc::default() };
        let tls = Arc::new(tls);
        let followed = Arc::downgrade(&tls);
        let thread = thread::Builder::new().name("wharf-files".to_owned());
        if let Err(error) = thread.spawn(move || Self::follow_files(&followed, &ended)) {
            tracing::warn!(%error, "no thread looks for new certificates: those of now stay in use");
        }
        Ok(tls)
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) fn settings(&self) -> &config::TlsSettings {
        &self.settings
    }

    /// The configurations for new connections.
    fn configs(&self) -> Arc<Configs> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Checks the files repeatedly, until the server ends. A disk that does not answer holds up this thread, and no
    /// handshake.
    fn follow_files(tls: &Weak<Self>, ended: &Receiver<()>) {
        while ended.recv_timeout(LOOK_AGAIN) == Err(RecvTimeoutError::Timeout)
            && let Some(tls) = tls.upgrade()
        {
            // A panic is logged, and the earlier configuration stays in use.
            let _ = catch_unwind(AssertUnwindSafe(|| tls.look()));
        }
    }

    /// Uses new files, if there are any. If they can't be used, the earlier ones stay in use. Blocks.
    fn look(&self) {
        let current = self.configs();
        let files = Stamps::of(&self.settings);
        if files == current.files {
            return;
        }
        let certificate = self.settings.certificate.display();
        let new = match Configs::load(&self.settings, Some(&current)) {
            Ok(configs) => {
                tracing::info!(%certificate, "the certificate changed: new connections get the new one");
                configs
            }
            Err(cause) => {
                let cause = format!("{cause}{}", sandbox::advice(files_of(&self.settings)));
                tracing::warn!(%certificate, cause, "the certificate changed and can't be used: the old one stays");
                // Logged once for each change.
                let (control, data) = (Arc::clone(&current.control), Arc::clone(&current.data));
                Configs { control, data, files }
            }
        };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }

    /// The handshake of a control connection.
    pub(super) async fn accept_control(
        self: &Arc<Self>,
        stream: Socket,
        session: u64,
    ) -> io::Result<(TlsStream<Socket>, Resumption)> {
        let configs = self.configs();
        let own = Family::of_session(session);
        let marks = Marks::of_control(&configs.control, own);
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let config = Arc::new(marks.configure(&configs.control));
        let stream = start.into_stream_with(config, |connection| marks.read_hello(connection)).await?;
        let resumption = Resumption::new(&marks, own, stream.get_ref().1, Arc::clone(&self.owners));
        Ok((stream, resumption))
    }

    /// The handshake of a data connection. `client_reads` returns, as soon as the client begins the handshake, whether
    /// the client is known to read there to the end.
    ///
    /// The server sends tickets right after the handshake. On the data connection of an upload the client never reads:
    /// it writes and closes, and its kernel answers unread bytes with a reset that discards bytes on their way, so the
    /// file arrives cut short. Tickets from other connections have to be enough.
    ///
    /// # Errors
    /// Those of the handshake.
    pub(super) async fn accept_data(
        self: &Arc<Self>,
        stream: TcpStream,
        resumption: &Resumption,
        client_reads: impl Fn() -> bool,
    ) -> io::Result<Accepted> {
        let configs = self.configs();
        let stream = BufReader::with_capacity(WIRE_BUFFER, stream);
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let marks = Marks::of_data(resumption, will_be_tls13(&configs.data, &start.client_hello()));
        let mut config = marks.configure(&configs.data);
        // A client that keeps its tickets needs no others.
        if client_reads() && !resumption.has_to_resume() {
            config.send_tls13_tickets = TICKETS_OF_DATA;
        }
        let accept = start.into_stream_with(Arc::new(config), |connection| marks.read_hello(connection));
        let stream = accept.await?;
        let proven = resumption.judge(&marks, stream.get_ref().1, self.settings.require_session_reuse);
        Ok(Accepted { stream, proven })
    }
}

/// Whether a handshake with this first message will be TLS 1.3, whose suites belong to that version alone.
fn will_be_tls13(config: &ServerConfig, hello: &ClientHello<'_>) -> bool {
    let suites = config.crypto_provider().cipher_suites.iter();
    let tls13 = suites.filter(|suite| matches!(suite, SupportedCipherSuite::Tls13(_)));
    tls13.map(SupportedCipherSuite::suite).any(|suite| hello.cipher_suites().contains(&suite))
}
