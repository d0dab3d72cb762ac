//! Metrics of the record of who did what.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Metrics;
use crate::ops::audit::{Audit, Load};

impl Metrics {
    /// Tells of the record of who did what from now on.
    pub fn watch_audit(&self, audit: Arc<Audit>) {
        // There is one in the life of a server.
        let _ = self.audit.set(audit);
    }
}

/// Read at each request for metrics, if there is such a record.
#[derive(Debug)]
pub(super) struct AuditMetrics(pub(super) Arc<OnceLock<Arc<Audit>>>);

impl Collector for AuditMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(audit) = self.0.get() else { return Ok(()) };
        let loads: Vec<(&str, Load)> = audit.loads().collect();
        let help = "Lines of the audit by place and result";
        let mut family = encoder.encode_descriptor("audit_lines", help, None, MetricType::Counter)?;
        for (sink, load) in &loads {
            for (result, count) in [("written", load.written), ("lost", load.lost)] {
                let labels = [("sink", *sink), ("result", result)];
                ConstCounter::<u64>::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        let mut gauge = |name: &str, help: &str, value: fn(&Load) -> usize| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (sink, load) in &loads {
                let gauge = ConstGauge::<i64>::new(i64::try_from(value(load)).unwrap_or(i64::MAX));
                gauge.encode(family.encode_family(&[("sink", *sink)])?)?;
            }
            Ok(())
        };
        gauge("audit_lines_waiting", "Lines of the audit that wait to be written", |load| load.waiting)?;
        gauge("audit_failing", "Whether the audit can't be written to a place: 1 or 0", |load| {
            usize::from(load.is_failing)
        })
    }
}
