//! What is served at an address, and over what.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::api::Api;
use super::{Answers, HEADER_TIME};
use crate::config::{ReadFile, TlsSettings};
use crate::tls::{self, TlsError};

/// How often the files of TLS are looked at.
const LOOK: Duration = Duration::from_secs(60);

/// What is served at an address.
#[derive(Clone)]
pub(super) struct Site {
    /// Health and metrics.
    pub(super) answers: Option<Arc<Answers>>,
    /// The admin interface.
    pub(super) api: Option<Arc<Api>>,
    pub(super) tls: Option<Arc<SiteTls>>,
}

impl Site {
    /// What there is, for whoever asks for something else.
    pub(super) fn hint(&self) -> &'static str {
        match (&self.answers, &self.api) {
            (Some(_), None) => "There are /livez, /readyz, /metrics and /version.\n",
            (Some(_), Some(_)) => "There are /livez, /readyz, /metrics, /version and /api/v1.\n",
            (None, _) => "There is /api/v1.\n",
        }
    }
}

/// Encryption, whose files are read again when they change.
pub(super) struct SiteTls {
    settings: TlsSettings,
    now: ArcSwap<rustls::ServerConfig>,
}

impl SiteTls {
    /// Reads the files.
    ///
    /// # Errors
    /// If they can't be used.
    pub(super) fn new(settings: &TlsSettings) -> Result<Arc<Self>, TlsError> {
        let now = ArcSwap::from_pointee(configuration(settings)?);
        Ok(Arc::new(Self { settings: settings.clone(), now }))
    }

    /// The handshake.
    ///
    /// # Errors
    /// If there is none in time.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> io::Result<TlsStream<TcpStream>> {
        let accepted = TlsAcceptor::from(self.now.load_full()).accept(stream);
        let accepted = tokio::time::timeout(HEADER_TIME, accepted).await?;
        accepted.inspect_err(|error| {
            tracing::debug!(%peer, cause = %error, "a TLS handshake with the admin interface failed");
        })
    }

    fn files(&self) -> Vec<PathBuf> {
        let TlsSettings { certificate, key, clients, .. } = &self.settings;
        let authorities = clients.iter().map(|clients| &clients.authorities);
        [certificate, key].into_iter().chain(authorities).cloned().collect()
    }

    /// Reads the files again when they change, for as long as it is polled.
    pub(super) async fn follow(self: Arc<Self>) {
        let seen = |this: &Self| this.files().iter().map(|path| ReadFile::now(path)).collect::<Vec<_>>();
        let mut files = seen(&self);
        loop {
            tokio::time::sleep(LOOK).await;
            let this = Arc::clone(&self);
            let look = move || {
                if files.iter().any(ReadFile::has_changed) {
                    files = seen(&this);
                    match configuration(&this.settings) {
                        Ok(config) => {
                            this.now.store(Arc::new(config));
                            tracing::info!("the certificate of the admin interface was read again");
                        }
                        Err(error) => tracing::error!(
                            cause = %error, "the new certificate of the admin interface can't be used; that of before counts"
                        ),
                    }
                }
                files
            };
            let Ok(looked) = tokio::task::spawn_blocking(look).await else { return };
            files = looked;
        }
    }
}

fn configuration(settings: &TlsSettings) -> Result<rustls::ServerConfig, TlsError> {
    let mut config = tls::server_config(settings)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
