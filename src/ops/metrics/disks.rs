//! Metrics of the threads of disks.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use wharf_backends::threads::{DiskLoad, DiskThreads};

/// The threads of the disk of each backend that is on a disk, by its name.
pub type Disks = Vec<(String, DiskThreads)>;

/// Tells which disks there are.
pub(super) struct Source(pub(super) Box<dyn Fn() -> Disks + Send + Sync>);

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// Read at each request for metrics, once it is known who tells of disks.
#[derive(Debug)]
pub(super) struct DiskMetrics(pub(super) Arc<OnceLock<Source>>);

impl Collector for DiskMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let disks = self.0.get().map(|source| (source.0)()).unwrap_or_default();
        if disks.is_empty() {
            return Ok(());
        }
        let loads: Vec<(&str, DiskLoad)> =
            disks.iter().map(|(backend, threads)| (backend.as_str(), threads.load())).collect();
        let mut gauge = |name: &str, help: &str, value: fn(&DiskLoad) -> usize| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (backend, load) in &loads {
                let gauge = ConstGauge::<i64>::new(i64::try_from(value(load)).unwrap_or(i64::MAX));
                gauge.encode(family.encode_family(&[("backend", *backend)])?)?;
            }
            Ok(())
        };
        gauge("disk_operations", "Running operations on the disk of a backend", |load| load.running)?;
        gauge("disk_operations_limit", "Limit on running operations on the disk of a backend", |load| {
            load.share
        })?;
        gauge(
            "disk_operations_hanging",
            "Running operations that the disk has not answered within the time limit",
            |load| load.hanging,
        )?;
        let help = "Operations that were given up because the disk of a backend did not answer in time";
        let mut family = encoder.encode_descriptor("disk_timeouts", help, None, MetricType::Counter)?;
        for (backend, load) in &loads {
            for (operation, count) in load.timeouts.iter().filter(|(_, count)| *count > 0) {
                let labels = [("backend", *backend), ("operation", operation.as_str())];
                ConstCounter::<u64>::new(*count).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
