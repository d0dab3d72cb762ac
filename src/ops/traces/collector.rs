//! Sends spans to the collector.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::recorded::Finished;
use super::wire;
use crate::config;
use crate::ops::metrics::Metrics;
use crate::web;

/// How many spans a request holds at most.
const BATCH: usize = 512;
/// How long spans wait for others to go with.
const GATHER: Duration = Duration::from_secs(1);
/// How often a request is sent, and how long the pauses are: a collector that restarts is back soon.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// What is read of an answer at most, in bytes.
const ANSWER: usize = 64 * 1024;

/// Somebody who takes spans.
pub(super) struct Collector {
    client: Client,
    url: String,
    timeout: Duration,
    instance: Option<String>,
    metrics: Arc<Metrics>,
    /// The log says that nothing can be sent, and not yet that it can again.
    is_lost: bool,
}

/// Why spans were not taken.
struct Refused {
    cause: String,
    /// Whether the same request may be taken later.
    may_pass: bool,
}

impl Collector {
    pub(super) fn new(settings: &config::Traces, metrics: Arc<Metrics>) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        for (name, value) in &settings.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
            let mut value = HeaderValue::from_str(value.expose()).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        let authorities = settings.authorities.as_ref();
        let client = web::client(&settings.url, authorities, settings.timeout, headers)
            .map_err(|error| format!("traces can't be sent: {error}"))?;
        let (url, timeout) = (settings.url.clone(), settings.timeout);
        Ok(Self { client, url, timeout, instance: instance(), metrics, is_lost: false })
    }

    /// Sends spans until it is told that no more will come, and then what is there.
    pub(super) async fn send(mut self, mut spans: mpsc::Receiver<Finished>, ending: CancellationToken) {
        let mut batch = Vec::new();
        while !ending.is_cancelled() {
            tokio::select! {
                received = spans.recv_many(&mut batch, BATCH) => {
                    if received == 0 {
                        return;
                    }
                }
                () = ending.cancelled() => break,
            }
            let due = Instant::now() + GATHER;
            while batch.len() < BATCH {
                let most = BATCH - batch.len();
                tokio::select! {
                    received = spans.recv_many(&mut batch, most) => {
                        if received == 0 {
                            break;
                        }
                    }
                    () = tokio::time::sleep_until(due) => break,
                    () = ending.cancelled() => break,
                }
            }
            self.deliver(&mut batch, &ending).await;
        }
        spans.close();
        while spans.recv_many(&mut batch, BATCH).await > 0 {
            self.deliver(&mut batch, &ending).await;
        }
    }

    /// Sends a batch, and empties it whatever becomes of it.
    async fn deliver(&mut self, batch: &mut Vec<Finished>, ending: &CancellationToken) {
        let spans = batch.len() as u64;
        let body = wire::request(batch, self.instance.as_deref());
        batch.clear();
        let mut attempt = 1;
        let result = loop {
            match self.attempt(body.clone()).await {
                Err(Refused { may_pass: true, .. }) if attempt < ATTEMPTS && !ending.is_cancelled() => {
                    tokio::select! {
                        () = tokio::time::sleep(PAUSE * attempt) => {}
                        () = ending.cancelled() => {}
                    }
                    attempt += 1;
                }
                result => break result,
            }
        };
        match result {
            Ok(refused) => {
                let (refused, cause) = refused.unwrap_or_default();
                let refused = refused.min(spans);
                self.metrics.spans_sent(spans - refused);
                self.metrics.spans_dropped(refused);
                match refused {
                    0 => self.is_well(),
                    _ => self.is_lost(&format!("the collector refuses spans: {cause}")),
                }
            }
            Err(Refused { cause, .. }) => {
                self.metrics.spans_dropped(spans);
                self.is_lost(&cause);
            }
        }
    }

    /// Sends a request; how many spans of it were refused, and why.
    async fn attempt(&self, body: Vec<u8>) -> Result<Option<(u64, String)>, Refused> {
        let asked = async {
            let mut response = self
                .client
                .post(&self.url)
                .body(body)
                .send()
                .await
                .map_err(|error| Refused { cause: web::said(error), may_pass: true })?;
            let status = response.status();
            if !status.is_success() {
                // As the protocol says.
                let may_pass = matches!(
                    status,
                    StatusCode::TOO_MANY_REQUESTS
                        | StatusCode::BAD_GATEWAY
                        | StatusCode::SERVICE_UNAVAILABLE
                        | StatusCode::GATEWAY_TIMEOUT
                );
                return Err(Refused { cause: format!("the collector answers {status}"), may_pass });
            }
            // What it answers beside that is good to know, and no more.
            Ok(web::body(&mut response, ANSWER).await.ok().and_then(|answer| wire::refused(&answer)))
        };
        let silent = || Refused { cause: "the collector does not answer".to_owned(), may_pass: true };
        tokio::time::timeout(self.timeout, asked).await.unwrap_or_else(|_| Err(silent()))
    }

    fn is_lost(&mut self, cause: &str) {
        if !std::mem::replace(&mut self.is_lost, true) {
            let cause: String = cause.chars().take(200).collect();
            tracing::warn!(cause, "traces can't be sent: their spans are dropped");
        }
    }

    fn is_well(&mut self) {
        if std::mem::replace(&mut self.is_lost, false) {
            tracing::info!("traces are sent again");
        }
    }
}

/// The name of this machine, which is that of the pod where there are several.
fn instance() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_owned();
    (!name.is_empty()).then_some(name)
}
