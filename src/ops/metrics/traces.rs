//! Metrics of traces.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Labels, Metrics};

/// What became of spans.
#[derive(Debug, Default)]
pub(super) struct Spans(Family<Labels, Counter>);

const SENT: Labels = [("result", "sent")];
const DROPPED: Labels = [("result", "dropped")];

impl Spans {
    pub(super) fn register(&self, registry: &mut Registry) {
        self.0.get_or_create_owned(&SENT);
        self.0.get_or_create_owned(&DROPPED);
        registry.register("trace_spans", "Spans of traces by result", self.0.clone());
    }
}

impl Metrics {
    /// So many spans are with the collector.
    pub fn spans_sent(&self, spans: u64) {
        self.spans.0.get_or_create(&SENT).inc_by(spans);
    }

    /// So many spans are lost.
    pub fn spans_dropped(&self, spans: u64) {
        self.spans.0.get_or_create(&DROPPED).inc_by(spans);
    }
}
