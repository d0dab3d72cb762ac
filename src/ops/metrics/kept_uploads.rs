//! Uploads that were broken off and are kept for their owners.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use wharf_backends::Partial;

use super::Metrics;

type OfBackend = Family<[(&'static str, String); 1], Gauge>;

/// What each backend keeps, as the last look has found it.
#[derive(Debug, Clone, Default)]
pub(super) struct KeptUploads {
    uploads: OfBackend,
    bytes: OfBackend,
}

impl KeptUploads {
    pub(super) fn register(&self, ours: &mut Registry) {
        let help = "Uploads that were broken off and are kept for their owners, as counted each hour";
        ours.register("kept_uploads", help, self.uploads.clone());
        ours.register("kept_upload_bytes", "Bytes of these uploads", self.bytes.clone());
    }
}

impl Metrics {
    /// A backend keeps these.
    pub fn keeps_uploads(&self, backend: &str, kept: &[Partial]) {
        let labels = [("backend", backend.to_owned())];
        let bytes = kept.iter().map(|partial| partial.size).sum::<u64>();
        self.kept_uploads.uploads.get_or_create(&labels).set(i64::try_from(kept.len()).unwrap_or(i64::MAX));
        self.kept_uploads.bytes.get_or_create(&labels).set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}
