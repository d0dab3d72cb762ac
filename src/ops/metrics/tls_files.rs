//! Metrics of the files of TLS that are read again while the server runs.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Default)]
pub(super) struct TlsFiles {
    is_good: Gauge,
    next_update: Gauge,
    /// By the file.
    ends: Family<[(&'static str, String); 1], Gauge>,
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
        registry.register(
            "tls_certificate_not_after_timestamp_seconds",
            "When a certificate of the server ends, by its file; 0 if that can't be read",
            self.ends.clone(),
        );
    }

    pub(super) fn are_in_use(
        &self,
        next_update: Option<SystemTime>,
        certificates: &[(PathBuf, Option<SystemTime>)],
    ) {
        self.is_good.set(1);
        self.next_update.set(seconds(next_update));
        // Those of an earlier configuration are gone.
        self.ends.clear();
        for (path, end) in certificates {
            let labels = [("certificate", path.display().to_string())];
            self.ends.get_or_create(&labels).set(seconds(*end));
        }
    }

    pub(super) fn are_wrong(&self) {
        self.is_good.set(0);
    }
}

fn seconds(moment: Option<SystemTime>) -> i64 {
    let seconds = moment.and_then(|moment| moment.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    i64::try_from(seconds.as_secs()).unwrap_or(i64::MAX)
}
