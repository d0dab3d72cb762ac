//! TLS of control and data connections (RFC 4217): what is offered, what is demanded, and certificates that change on disk.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use rustls::{HandshakeKind, ProtocolVersion, ServerConfig};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config;
use crate::ops::metrics::Metrics;
use crate::tls::{self, TlsError};

/// How often the files are looked at, at most.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What is read at once from a data connection, in bytes. The library asks for four kilobytes at a time, which would be
/// several calls for each record.
const WIRE_BUFFER: usize = 64 * 1024;

/// TLS as this server does it.
#[derive(Debug)]
pub(super) struct Tls {
    settings: config::TlsSettings,
    current: RwLock<Arc<Configs>>,
    looked: Mutex<Instant>,
    metrics: Arc<Metrics>,
}

/// Both kinds of connections show the same certificate and know each other's sessions, so that a data connection can
/// resume that of its control connection.
#[derive(Debug)]
struct Configs {
    control: Arc<ServerConfig>,
    data: Arc<ServerConfig>,
    files: Stamps,
}

/// What tells one version of the files from the next.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamps([Option<(SystemTime, u64, u64)>; 3]);

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
        // A new certificate is no reason to forget sessions.
        match before {
            Some(before) if before.files.0[2] == files.0[2] => {
                control.ticketer = Arc::clone(&before.control.ticketer);
                control.session_storage = Arc::clone(&before.control.session_storage);
            }
            // Without one a TLS 1.3 session could be resumed once only, and each transfer resumes it. Clients whose
            // authority is not trusted any more must not resume theirs.
            _ => control.ticketer = tls::ticketer()?,
        }
        let mut data = control.clone();
        // The server sends tickets right after the handshake. On the data connection of an upload the client never
        // reads: it writes and closes, and its kernel answers unread bytes with a reset that discards what is still
        // under way, so the file arrives cut short. What a client got on the control connection is enough.
        data.send_tls13_tickets = 0;
        control.send_tls13_tickets = 2;
        Ok(Self { control: Arc::new(control), data: Arc::new(data), files })
    }
}

/// What a data connection has to show to be the same client's: the TLS session that it resumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SessionTokens {
    own: [u8; 8],
    /// Of the session that the control connection resumed itself: the client may go on with its tickets.
    resumed: Option<Vec<u8>>,
}

impl Tls {
    /// As the configuration says. The files were read when it was checked, and are again now.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(super) fn new(settings: config::TlsSettings, metrics: Arc<Metrics>) -> Result<Self, TlsError> {
        let current = RwLock::new(Arc::new(Configs::load(&settings, None)?));
        Ok(Self { settings, current, looked: Mutex::new(Instant::now()), metrics })
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) fn settings(&self) -> &config::TlsSettings {
        &self.settings
    }

    fn current(&self) -> Arc<Configs> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The configurations, from new files if there are any. Files that can't be used leave those from before in use.
    async fn configs(self: &Arc<Self>) -> Arc<Configs> {
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.elapsed() < LOOK_AGAIN {
                return self.current();
            }
            *looked = Instant::now();
        }
        let tls = Arc::clone(self);
        let look = move || {
            let current = tls.current();
            let files = Stamps::of(&tls.settings);
            if files == current.files {
                return;
            }
            let certificate = tls.settings.certificate.display();
            match Configs::load(&tls.settings, Some(&current)) {
                Ok(configs) => {
                    tracing::info!(%certificate, "the certificate changed: new connections get the new one");
                    *tls.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(configs);
                }
                Err(cause) => {
                    tracing::warn!(%certificate, %cause, "the certificate changed and can't be used: the old one stays");
                    // Said once for each change.
                    let old = Configs {
                        control: Arc::clone(&current.control),
                        data: Arc::clone(&current.data),
                        files,
                    };
                    *tls.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(old);
                }
            }
        };
        // A panic in there has been logged, and the configurations are as they were.
        let _ = tokio::task::spawn_blocking(look).await;
        self.current()
    }

    /// The handshake of a control connection.
    pub(super) async fn accept_control(
        self: &Arc<Self>,
        stream: TcpStream,
        session: u64,
    ) -> io::Result<(TlsStream<TcpStream>, SessionTokens)> {
        let config = Arc::clone(&self.configs().await.control);
        let own = session.to_be_bytes();
        let accept = TlsAcceptor::from(config).accept_with(stream, |connection| {
            connection.set_resumption_data(&own);
        });
        let stream = accept.await?;
        let resumed = stream.get_ref().1.received_resumption_data().map(<[u8]>::to_vec);
        Ok((stream, SessionTokens { own, resumed }))
    }

    /// The handshake of a data connection.
    ///
    /// # Errors
    /// Those of the handshake; [`io::ErrorKind::PermissionDenied`] if it had to resume the session of its control
    /// connection and did not.
    pub(super) async fn accept_data(
        self: &Arc<Self>,
        stream: TcpStream,
        tokens: &SessionTokens,
    ) -> io::Result<TlsStream<BufReader<TcpStream>>> {
        let config = Arc::clone(&self.configs().await.data);
        let own = tokens.own;
        let stream = TlsAcceptor::from(config)
            .accept_with(BufReader::with_capacity(WIRE_BUFFER, stream), |connection| {
                connection.set_resumption_data(&own);
            })
            .await?;
        if self.settings.require_session_reuse {
            let connection = stream.get_ref().1;
            let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
            let shown = connection.received_resumption_data();
            let known = match connection.protocol_version() {
                // The library doesn't tell here which session it is; it is one that this server has had.
                Some(ProtocolVersion::TLSv1_2) => true,
                _ => shown.is_some_and(|shown| shown == own || Some(shown) == tokens.resumed.as_deref()),
            };
            if !(resumed && known) {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "the data connection does not resume the TLS session of the control connection",
                ));
            }
        }
        Ok(stream)
    }
}
