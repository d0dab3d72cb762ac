//! Metrics of events.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Metrics;

/// What is known of events.
#[derive(Debug, Clone, Default)]
pub struct EventNumbers {
    /// Of each receiver, by its name.
    pub receivers: Vec<(String, ReceiverNumbers)>,
    /// The bytes of the spool.
    pub spool: u64,
    /// Events of files that wait for their names.
    pub parked: usize,
    /// Changes that were refused because their events can't be kept.
    pub refused: u64,
    /// Events that nobody has to be told of, for want of room.
    pub dropped: u64,
    /// How often the process that runs programs was started again.
    pub helper_restarts: u64,
    /// Events that were taken over from servers that are gone.
    pub adopted: u64,
    /// Whether the spool can be written and has room, so that changes are accepted.
    pub is_usable: bool,
}

/// What is known of the events of one receiver.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReceiverNumbers {
    /// How many wait.
    pub waiting: u64,
    /// For how many seconds the first one waits.
    pub oldest: f64,
    /// How many could not be delivered.
    pub dead: u64,
    /// How many were delivered.
    pub delivered: u64,
    /// How many attempts failed.
    pub failed: u64,
}

/// Tells the numbers of events.
pub(super) struct Source(Box<dyn Fn() -> EventNumbers + Send + Sync>);

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// Read at each request for metrics, once it is known who tells.
#[derive(Debug, Clone, Default)]
pub(super) struct EventMetrics(Arc<OnceLock<Source>>);

impl Metrics {
    /// Reports events from now on. Later calls have no effect.
    pub fn watch_events(&self, numbers: impl Fn() -> EventNumbers + Send + Sync + 'static) {
        let _ = self.events.0.set(Source(Box::new(numbers)));
    }
}

impl Collector for EventMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(source) = self.0.get() else { return Ok(()) };
        let numbers = (source.0)();
        let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let mut gauge = |name: &str, help: &str, value: &dyn Fn(&ReceiverNumbers) -> f64| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (receiver, numbers) in &numbers.receivers {
                let labels = [("receiver", receiver.as_str())];
                ConstGauge::<f64>::new(value(numbers)).encode(family.encode_family(&labels)?)?;
            }
            Ok(())
        };
        #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 events")]
        let count = |value: u64| value as f64;
        gauge("events_waiting", "Events that wait for their delivery, by receiver", &|it| count(it.waiting))?;
        gauge("events_oldest_seconds", "Age of the event that waits longest, by receiver", &|it| it.oldest)?;
        gauge("events_dead", "Events that could not be delivered and are kept, by receiver", &|it| {
            count(it.dead)
        })?;
        let mut counter = |name: &str, help: &str, value: fn(&ReceiverNumbers) -> u64| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (receiver, numbers) in &numbers.receivers {
                let labels = [("receiver", receiver.as_str())];
                ConstCounter::<u64>::new(value(numbers)).encode(family.encode_family(&labels)?)?;
            }
            Ok(())
        };
        counter("events_delivered", "Events that were delivered, by receiver", |it| it.delivered)?;
        counter("events_failed_attempts", "Attempts to deliver an event that failed, by receiver", |it| {
            it.failed
        })?;
        let spool = encoder.encode_descriptor(
            "events_spool_bytes",
            "Bytes in the spool of events",
            None,
            MetricType::Gauge,
        )?;
        ConstGauge::<i64>::new(whole(numbers.spool)).encode(spool)?;
        let help = "Events of files that wait for their names";
        let parked = encoder.encode_descriptor("events_parked", help, None, MetricType::Gauge)?;
        ConstGauge::<i64>::new(whole(numbers.parked as u64)).encode(parked)?;
        let help = "Whether the spool of events can be written and has room; 0: changes are refused";
        let usable = encoder.encode_descriptor("events_spool_usable", help, None, MetricType::Gauge)?;
        ConstGauge::<i64>::new(numbers.is_usable.into()).encode(usable)?;
        let help = "Events that were taken over from other runs or servers";
        let adopted = encoder.encode_descriptor("events_adopted", help, None, MetricType::Counter)?;
        ConstCounter::<u64>::new(numbers.adopted).encode(adopted)?;
        let help = "Changes that were refused because their events can't be kept";
        let refused = encoder.encode_descriptor("events_refusals", help, None, MetricType::Counter)?;
        ConstCounter::<u64>::new(numbers.refused).encode(refused)?;
        let help = "Events of logins and failures, and dead letters, that were dropped because the spool is nearly full";
        let dropped = encoder.encode_descriptor("events_dropped", help, None, MetricType::Counter)?;
        ConstCounter::<u64>::new(numbers.dropped).encode(dropped)?;
        let help = "Times that the process which runs programs for events was gone and was started again";
        let restarts =
            encoder.encode_descriptor("events_helper_restarts", help, None, MetricType::Counter)?;
        ConstCounter::<u64>::new(numbers.helper_restarts).encode(restarts)
    }
}
