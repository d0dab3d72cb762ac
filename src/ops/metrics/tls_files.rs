//! Metrics of the files of TLS that are read again while the server runs.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Default)]
pub(super) struct TlsFiles {
    is_good: Gauge,
    next_update: Gauge,
}

impl TlsFiles {
    pub(super) fn register(&self, registry: &mut Registry) {
        self.is_good.set(1);
        registry.register(
            "tls_last_load_successful",
            "Whether the certificates and revocation lists that are on disk now are in use: 1 or 0",
            self.is_good.clone(),
        );
        registry.register(
            "tls_crl_next_update_timestamp_seconds",
            "When the first of the revocation lists of clients is to be replaced; 0 if there are none",
            self.next_update.clone(),
        );
    }

    pub(super) fn are_in_use(&self, next_update: Option<SystemTime>) {
        self.is_good.set(1);
        let seconds =
            next_update.and_then(|moment| moment.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        self.next_update.set(i64::try_from(seconds.as_secs()).unwrap_or(i64::MAX));
    }

    pub(super) fn are_wrong(&self) {
        self.is_good.set(0);
    }
}
