//! Traces of commands, down to the requests to stores, for a collector that speaks OTLP. `docs/metrics.md` explains them.
//!
//! The plan. A command that is traced has a [span](Span), inside of which it is carried out: what storages and stores are asked for
//! on its behalf becomes pieces of it. A span that is over goes into a queue of a fixed length, from which one task sends it. If the
//! collector is slow, or gone, the queue is full, and spans are dropped and counted: nothing ever waits for a collector.
//!
//! Each command is a trace of its own. Some sessions last for days, and a trace that lasts as long is one that nobody ever sees
//! whole: it is sent when it is over, and no view of it ends. What belongs to one session has its number, as in the log.

#[cfg(feature = "traces")]
mod collector;
#[cfg(feature = "traces")]
mod recorded;
#[cfg(feature = "traces")]
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "traces")]
use wharf_backends::observe::Note;
use wharf_backends::observe::Span;

use super::metrics::Metrics;
use crate::config;

/// How long the end of the program waits for the last spans to be sent.
pub const LAST_SPANS: Duration = Duration::from_secs(3);

/// The traces of a server; by default there are none.
#[derive(Debug, Clone, Default)]
pub struct Traces {
    #[cfg(feature = "traces")]
    recorder: Option<Arc<recorded::Recorder>>,
}

/// What sends spans; it does so until it is [told to finish](Self::finish).
#[derive(Debug, Default)]
#[must_use]
pub struct Sender {
    #[cfg(feature = "traces")]
    task: Option<(tokio_util::sync::CancellationToken, tokio::task::JoinHandle<()>)>,
}

impl Traces {
    /// Begins to trace, if that is asked for.
    ///
    /// # Errors
    /// A sentence: nothing can be sent to the collector.
    #[cfg_attr(not(feature = "traces"), allow(unused_variables, clippy::unnecessary_wraps))]
    pub fn start(
        settings: Option<&config::Traces>,
        metrics: &Arc<Metrics>,
    ) -> Result<(Self, Sender), String> {
        #[cfg(feature = "traces")]
        if let Some(settings) = settings {
            let (recorder, spans) = recorded::Recorder::new(settings, Arc::clone(metrics));
            let ending = tokio_util::sync::CancellationToken::new();
            let sending =
                collector::Collector::new(settings, Arc::clone(metrics))?.send(spans, ending.clone());
            let sender = Sender { task: Some((ending, tokio::spawn(sending))) };
            return Ok((Self { recorder: Some(Arc::new(recorder)) }, sender));
        }
        Ok((Self::default(), Sender::default()))
    }

    /// The span of a command that begins; `None` for one that is not traced.
    #[cfg_attr(not(feature = "traces"), allow(clippy::unused_self, unused_variables))]
    pub fn command(&self, name: &'static str, session: u64, peer: SocketAddr) -> Option<Arc<dyn Span>> {
        #[cfg(feature = "traces")]
        if let Some(recorder) = &self.recorder {
            let span = recorder.begin(name)?;
            // Sessions are counted from 1.
            span.note("session.id", Note::Number(i64::try_from(session).unwrap_or(i64::MAX)));
            span.note("client.address", Note::Text(&peer.ip().to_string()));
            span.note("ftp.command", Note::Text(name));
            return Some(span);
        }
        None
    }
}

impl Sender {
    /// Sends what is there, if the collector is quick about it.
    pub async fn finish(self) {
        #[cfg(feature = "traces")]
        if let Some((ending, task)) = self.task {
            ending.cancel();
            if tokio::time::timeout(LAST_SPANS, task).await.is_err() {
                tracing::warn!("the last spans of traces were not sent in time");
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "traces")]
#[path = "traces_tests.rs"]
mod tests;
