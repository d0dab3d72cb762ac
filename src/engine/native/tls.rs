//! TLS of control and data connections (RFC 4217): the offer, the requirements, and certificates that change on disk.

mod family;
mod owners;
mod resumption;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustls::server::{Acceptor, ClientHello};
use rustls::{ServerConfig, SupportedCipherSuite};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use self::family::Family;
use self::owners::Owners;
use self::resumption::Marks;
pub(super) use self::resumption::{Resumption, Unproven};
use super::data::Wire;
use super::socket::Socket;
use crate::config;
use crate::host::Host;
use crate::ops::metrics::Metrics;
use crate::ops::sandbox;
use crate::tls::{self, HostCertificates, TlsError};

/// How often the files are checked.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long until files that could not be used are tried again, although they have not changed: the disk may have been away.
const TRY_AGAIN: Duration = Duration::from_secs(60);

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
    /// New connections get it.
    is_current: AtomicBool,
}

/// Both kinds of connections show the same certificate and share their sessions, so that a data connection can resume
/// the session of its control connection.
#[derive(Debug)]
struct Configs {
    control: Arc<ServerConfig>,
    data: Arc<ServerConfig>,
    /// What is shown to clients of some hosts.
    hosts: Arc<HostCertificates>,
    /// The end of each certificate, by its file, if it can be read.
    ends: Arc<[(PathBuf, Option<SystemTime>)]>,
    /// When they were looked at last, whether they could be used or not.
    files: Stamps,
    /// Those that say which certificates of clients are good, as they are in use.
    clients: Vec<Stamp>,
    /// When there should be a newer revocation list; `None` if that was said already, or if there are none.
    due: Mutex<Option<SystemTime>>,
    /// When the files could not be used: another attempt may succeed although none of them has changed.
    failed: Option<Instant>,
}

/// Distinguishes one version of the files from the next.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamps {
    own: Vec<Stamp>,
    /// Those that say which certificates of clients are good.
    clients: Vec<Stamp>,
}

/// The times of the last changes of the content and of anything, the size, and the number.
type Stamp = Option<(SystemTime, (i64, i64), u64, u64)>;

/// All files that are read again.
fn files_of(settings: &config::TlsSettings) -> impl Iterator<Item = &Path> {
    own_files(settings).chain(files_of_clients(settings))
}

/// Those of the server's certificates, each before its key.
fn own_files(settings: &config::TlsSettings) -> impl Iterator<Item = &Path> {
    own_pairs(settings).flat_map(|(certificate, key)| [certificate, key])
}

fn own_pairs(settings: &config::TlsSettings) -> impl Iterator<Item = (&Path, &Path)> {
    let hosts = settings.certificates.iter().map(|item| (&*item.certificate, &*item.key));
    std::iter::once((&*settings.certificate, &*settings.key)).chain(hosts)
}

fn files_of_clients(settings: &config::TlsSettings) -> impl Iterator<Item = &Path> {
    let clients = settings.clients.iter();
    clients
        .flat_map(|clients| std::iter::once(&clients.authorities).chain(&clients.revocations))
        .map(PathBuf::as_path)
}

impl Stamps {
    fn of(settings: &config::TlsSettings) -> Self {
        let stamp = |path: &Path| {
            let found = std::fs::metadata(path).ok()?;
            use std::os::unix::fs::MetadataExt;
            Some((found.modified().ok()?, (found.ctime(), found.ctime_nsec()), found.len(), found.ino()))
        };
        Self {
            own: own_files(settings).map(stamp).collect(),
            clients: files_of_clients(settings).map(stamp).collect(),
        }
    }
}

impl Stamps {
    /// The certificates whose own file or key differs, for the log.
    fn changed(&self, before: &Self, settings: &config::TlsSettings) -> String {
        let pairs = self.own.chunks(2).zip(before.own.chunks(2)).zip(own_pairs(settings));
        let changed = pairs.filter(|((now, before), _)| now != before);
        let changed: Vec<_> = changed.map(|(_, (path, _))| path.display().to_string()).collect();
        changed.join(", ")
    }
}

impl Configs {
    /// The same, but that the files were looked at again, and can't be used.
    fn looked_at(&self, files: Stamps) -> Self {
        let (control, data) = (Arc::clone(&self.control), Arc::clone(&self.data));
        let (clients, due) = (self.clients.clone(), Mutex::new(*self.due()));
        let (hosts, ends) = (Arc::clone(&self.hosts), Arc::clone(&self.ends));
        Self { control, data, hosts, ends, files, clients, due, failed: Some(Instant::now()) }
    }

    fn due(&self) -> MutexGuard<'_, Option<SystemTime>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(settings: &config::TlsSettings, before: Option<&Self>) -> Result<Self, TlsError> {
        let files = Stamps::of(settings);
        let mut control = tls::server_config(settings)?;
        let hosts = Arc::new(HostCertificates::load(settings)?);
        // Sessions survive a new certificate.
        match before {
            Some(before) if before.clients == files.clients => {
                control.ticketer = Arc::clone(&before.control.ticketer);
                control.session_storage = Arc::clone(&before.control.session_storage);
            }
            // Without a ticketer, a TLS 1.3 session could be resumed only once, and each transfer resumes it. Clients
            // whose authority is no longer trusted, or whose certificate is revoked, must not resume their sessions.
            _ => control.ticketer = tls::ticketer()?,
        }
        // Each data connection decides about its tickets.
        let mut data = control.clone();
        data.send_tls13_tickets = 0;
        control.send_tls13_tickets =
            if settings.require_session_reuse { TICKETS_WHERE_NEEDED } else { TICKETS };
        let due = settings.clients.as_ref().and_then(tls::next_update).map(|(due, _)| due);
        Ok(Self {
            control: Arc::new(control),
            data: Arc::new(data),
            hosts,
            ends: own_pairs(settings).map(|(path, _)| (path.to_owned(), tls::not_after(path))).collect(),
            clients: files.clients.clone(),
            files,
            due: Mutex::new(due),
            failed: None,
        })
    }
}

/// A data connection after its handshake.
pub(super) struct Accepted {
    pub(super) stream: TlsStream<Wire>,
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
        let tls = Self {
            settings,
            current,
            _following: following,
            metrics,
            owners: Arc::default(),
            is_current: AtomicBool::new(false),
        };
        let tls = Arc::new(tls);
        let followed = Arc::downgrade(&tls);
        let thread = thread::Builder::new().name("wharf-files".to_owned());
        if let Err(error) = thread.spawn(move || Self::follow_files(&followed, &ended)) {
            tracing::warn!(%error, "no thread looks for new certificates: those of now stay in use");
        }
        Ok(tls)
    }

    /// It takes the place of the one before, which reports no more: that goes on for as long as a session has it.
    pub(super) fn follows(&self, before: Option<&Self>) {
        if let Some(before) = before {
            before.is_current.store(false, Ordering::Release);
        }
        self.is_current.store(true, Ordering::Release);
        self.loaded(&self.configs());
    }

    /// No other one takes its place.
    pub(super) fn is_over(&self) {
        self.is_current.store(false, Ordering::Release);
        self.metrics.tls_files_are_in_use(None, &[]);
    }

    /// Whether new connections get it. Metrics and lines of the log are about that one alone.
    fn is_current(&self) -> bool {
        self.is_current.load(Ordering::Acquire)
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) fn settings(&self) -> &config::TlsSettings {
        &self.settings
    }

    /// Whether some hosts have certificates of their own.
    pub(super) fn has_hosts(&self) -> bool {
        !self.settings.certificates.is_empty()
    }

    /// Whether one of the certificates is that of this host.
    pub(super) fn knows_host(&self, host: &Host) -> bool {
        self.configs().hosts.knows(host)
    }

    /// Whether certificates of clients that were verified by these files are good still.
    pub(super) fn stands_by(&self, clients: &[Stamp]) -> bool {
        self.configs().clients == clients
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
            let _ = catch_unwind(AssertUnwindSafe(|| tls.look(TRY_AGAIN)));
        }
    }

    /// Uses new files, if there are any. If they can't be used, the earlier ones stay in use. Blocks.
    /// Files that could not be used are tried again after so long.
    pub(super) fn look(&self, again: Duration) {
        let current = self.configs();
        self.warn_of_old_lists(&current);
        let files = Stamps::of(&self.settings);
        let is_new = files != current.files;
        if !is_new && current.failed.is_none_or(|at| at.elapsed() < again) {
            return;
        }
        let is_own = files.own != current.files.own;
        let certificate = files.changed(&current.files, &self.settings);
        match Configs::load(&self.settings, Some(&current)) {
            Ok(configs) => {
                let is_of_clients = configs.clients != current.clients;
                self.put(configs);
                self.loaded(&self.configs());
                if is_own && self.is_current() {
                    tracing::info!(certificate, "the certificate changed: new connections get the new one");
                }
                if is_of_clients && self.is_current() {
                    tracing::info!(
                        "the authorities of clients or their revocation lists changed: the new ones count for new connections"
                    );
                }
            }
            Err(cause) => {
                // Logged once for each change.
                self.put(current.looked_at(files));
                if !self.is_current() {
                    return;
                }
                self.metrics.tls_files_are_wrong();
                let cause = format!("{cause}{}", sandbox::advice(files_of(&self.settings)));
                if !is_new {
                    tracing::debug!(cause, "files of TLS still can't be used");
                    return;
                }
                match is_own {
                    true => tracing::warn!(
                        certificate,
                        cause,
                        "the certificate changed and can't be used: the old one stays"
                    ),
                    false => tracing::warn!(
                        cause,
                        "the authorities of clients or their revocation lists changed and can't be used: the old ones stay"
                    ),
                }
            }
        }
    }

    fn put(&self, configs: Configs) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(configs);
    }

    /// New files are in use.
    fn loaded(&self, configs: &Configs) {
        if !self.is_current() {
            return;
        }
        self.metrics.tls_files_are_in_use(*configs.due(), &configs.ends);
    }

    /// Says once that there should be a newer revocation list.
    fn warn_of_old_lists(&self, configs: &Configs) {
        let now = SystemTime::now();
        if configs.due().take_if(|due| *due <= now).is_none() || !self.is_current() {
            return;
        }
        if let Some((_, path)) = self.settings.clients.as_ref().and_then(tls::next_update) {
            tracing::warn!(
                file = %path.display(),
                "there should be a newer revocation list: certificates that were revoked since are let in"
            );
        }
    }

    /// The handshake of a control connection, whose client may have `said` its host before. Returns the host that the
    /// client names by TLS, too.
    pub(super) async fn accept_control(
        self: &Arc<Self>,
        stream: Socket,
        session: u64,
        said: Option<&Arc<Host>>,
    ) -> io::Result<(TlsStream<Socket>, Resumption, Option<Host>)> {
        let configs = self.configs();
        let own = Family::of_session(session);
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let server_name = start.client_hello().server_name().and_then(Host::name);
        let choice = configs.hosts.choose(server_name.as_ref().or(said.map(|said| &**said)));
        let marks = Marks::of_control(&configs.control, own, choice);
        let config = Arc::new(marks.configure(&configs.control, &configs.hosts));
        let stream = start.into_stream_with(config, |connection| marks.read_hello(connection)).await?;
        let resumption = Resumption::new(&marks, own, stream.get_ref().1, Arc::clone(&self.owners));
        Ok((stream, resumption.verified_by(configs.clients.clone()), server_name))
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
        let start = LazyConfigAcceptor::new(Acceptor::default(), Wire::new(stream)).await?;
        let marks = Marks::of_data(resumption, will_be_tls13(&configs.data, &start.client_hello()));
        let mut config = marks.configure(&configs.data, &configs.hosts);
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
