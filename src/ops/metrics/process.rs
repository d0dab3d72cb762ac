//! The metrics of a process that Prometheus's own libraries report, under their names.

use std::fmt;
use std::fs;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::ops::logging::Queue;

/// Reads the system's data on this process at each request for metrics.
#[derive(Debug)]
pub(super) struct Process {
    started: f64,
}

impl Process {
    /// Has to be called when the process starts.
    pub(super) fn new() -> Self {
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { started: started.as_secs_f64() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut gauge = |name: &str, help: &str, value: Option<f64>| {
            let Some(value) = value else { return Ok(()) };
            let gauge = ConstGauge::<f64>::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge(
            "process_start_time_seconds",
            "Time when this process started, in seconds since 1970",
            Some(self.started),
        )?;
        gauge("process_resident_memory_bytes", "Resident memory of this process", resident_bytes())?;
        gauge("process_open_fds", "Open file descriptors", open_files())?;
        let most = getrlimit(Resource::Nofile).current.map(|most| most as f64);
        gauge("process_max_fds", "Limit on open file descriptors", most)?;
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let seconds = ConstCounter::<f64>::new(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9);
        let help = "Processor time of this process";
        seconds.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, seconds.metric_type())?)
    }
}

/// Log lines that were lost because nobody read them fast enough.
#[derive(Debug)]
pub(super) struct LostLines(pub(super) Arc<OnceLock<Queue>>);

impl Collector for LostLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let lost = ConstCounter::<u64>::new(self.0.get().map_or(0, Queue::lost));
        let help = "Log lines that were lost because nobody read them fast enough";
        lost.encode(encoder.encode_descriptor("log_lines_lost", help, None, lost.metric_type())?)
    }
}

/// Resident memory in bytes, and open file descriptors.
pub(crate) fn memory_and_files() -> (Option<u64>, Option<u64>) {
    (resident_bytes().map(|bytes| bytes as u64), open_files().map(|files| files as u64))
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some((kilobytes * 1024) as f64)
}

fn open_files() -> Option<f64> {
    // One of the descriptors reads this folder.
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64)
}
