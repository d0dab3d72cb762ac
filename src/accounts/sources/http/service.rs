//! The service, and how it is asked.

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::answer::{Answer, cut};
use super::cache::Cache;
use crate::config::HttpService;
use crate::network::Network;

/// The most questions at once; others wait.
const AT_ONCE: usize = 64;
/// The most of these for one network, so that nobody keeps the others from their turn.
const OF_ONE_NETWORK: usize = 8;
/// The most bytes of an answer.
const MOST_BYTES: usize = 64 * 1024;
/// How long to wait before the next warning.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);
/// How long to wait before the second attempt.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a connection is kept that nobody uses: a server that closes it just when a question is sent leaves the question
/// without an answer.
const KEPT: Duration = Duration::from_secs(1);
const JSON: &str = "application/json";

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// The time is over.
    #[error("there is no answer in time")]
    TooSlow,
    /// There is no connection, or it broke.
    #[error("{0}")]
    Unreachable(String),
    /// What came is no answer.
    #[error("{0}")]
    Wrong(String),
    /// Something before the service says that it can't be reached.
    #[error("status {0}")]
    Elsewhere(u16),
}

/// A failed attempt.
struct Attempt {
    failure: Failure,
    /// The service has not seen the question, or says that another attempt may help.
    may_be_repeated: bool,
}

#[derive(Debug)]
pub(super) struct Service {
    settings: HttpService,
    /// Or why there is none.
    client: Result<Client, String>,
    turns: Semaphore,
    lines: Lines,
    cache: Cache,
    is_down: AtomicBool,
    /// The log says that it is down.
    is_told: AtomicBool,
    /// When it said so last.
    warned: Mutex<Option<Instant>>,
    /// How long an answer takes, in microseconds.
    usual: AtomicU64,
}

impl Service {
    pub(super) fn new(settings: &HttpService) -> Self {
        Self {
            settings: settings.clone(),
            client: client(settings),
            turns: Semaphore::new(AT_ONCE),
            lines: Lines::default(),
            cache: Cache::new(),
            is_down: AtomicBool::new(false),
            is_told: AtomicBool::new(false),
            warned: Mutex::default(),
            usual: AtomicU64::new(0),
        }
    }

    pub(super) fn settings(&self) -> &HttpService {
        &self.settings
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// How long an answer takes.
    pub(super) fn usual_time(&self) -> Duration {
        Duration::from_micros(self.usual.load(Ordering::Relaxed)).min(self.settings.timeout)
    }

    /// Asks this question.
    ///
    /// # Errors
    /// [`Failure`]; the first one of an outage is logged.
    pub(super) async fn ask(&self, question: Zeroizing<String>, network: Network) -> Result<Answer, Failure> {
        let began = Instant::now();
        let asked = tokio::time::timeout(self.settings.timeout, self.attempts(&question, network)).await;
        let answer = asked.unwrap_or(Err(Failure::TooSlow));
        let url = &self.settings.url;
        match &answer {
            Ok(_) => {
                self.took(began.elapsed());
                if self.is_down.swap(false, Ordering::Relaxed) && self.is_told.swap(false, Ordering::Relaxed)
                {
                    tracing::info!(url, "the service with the users answers again");
                }
            }
            Err(cause) => {
                let cause = cut(&cause.to_string());
                if self.is_down.swap(true, Ordering::Relaxed) || !self.may_warn() {
                    tracing::debug!(url, cause, "the service with the users gives no answer again");
                } else {
                    self.is_told.store(true, Ordering::Relaxed);
                    tracing::warn!(
                        url,
                        cause,
                        "the service with the users gives no answer: until it does, logins that need one are refused"
                    );
                }
            }
        }
        answer
    }

    /// Whether it is time for another warning: a service that fails for one user and answers for others must not fill the log.
    fn may_warn(&self) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let may = warned.is_none_or(|at| at.elapsed() >= BETWEEN_WARNINGS);
        if may {
            *warned = Some(Instant::now());
        }
        may
    }

    /// Moves the usual time a part of the way.
    pub(super) fn took(&self, time: Duration) {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let move_to = |usual: u64| Some(if usual == 0 { time } else { usual - usual / 8 + time / 8 });
        let _ = self.usual.fetch_update(Ordering::Relaxed, Ordering::Relaxed, move_to);
    }

    async fn attempts(&self, question: &str, network: Network) -> Result<Answer, Failure> {
        let _place = self.lines.wait(network).await;
        // It is never closed.
        let _turn = self.turns.acquire().await;
        match self.attempt(question).await {
            Err(Attempt { may_be_repeated: true, .. }) => {
                tokio::time::sleep(PAUSE).await;
                self.attempt(question).await.map_err(|attempt| attempt.failure)
            }
            other => other.map_err(|attempt| attempt.failure),
        }
    }

    async fn attempt(&self, question: &str) -> Result<Answer, Attempt> {
        let client =
            self.client.as_ref().map_err(|reason| Attempt::failed(Failure::Unreachable(reason.clone())))?;
        let request = client.post(&self.settings.url).body(question.to_owned());
        let mut response = request.send().await.map_err(|error| {
            let may_be_repeated = error.is_connect();
            Attempt { failure: Failure::Unreachable(said(error)), may_be_repeated }
        })?;
        check(&response)?;
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MOST_BYTES => body.extend_from_slice(&chunk),
                Ok(Some(_)) => return Err(Attempt::wrong("the answer is longer than 64 KiB")),
                Ok(None) => break,
                Err(error) => {
                    let reason = format!("the answer breaks off: {}", said(error));
                    return Err(Attempt::failed(Failure::Unreachable(reason)));
                }
            }
        }
        Answer::parse(&body).map_err(|reason| Attempt::failed(Failure::Wrong(reason)))
    }
}

impl Attempt {
    fn failed(failure: Failure) -> Self {
        Self { failure, may_be_repeated: false }
    }

    fn wrong(reason: &str) -> Self {
        Self::failed(Failure::Wrong(reason.to_owned()))
    }
}

/// The lines of networks: one that asks very often waits in its own.
#[derive(Debug, Default)]
struct Lines(Mutex<HashMap<Network, Arc<Semaphore>>>);

/// A place at the service, given back when it is dropped.
struct Place<'a> {
    lines: &'a Lines,
    network: Network,
    line: Option<Arc<Semaphore>>,
    held: Option<OwnedSemaphorePermit>,
}

impl Lines {
    fn lines(&self) -> MutexGuard<'_, HashMap<Network, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait(&self, network: Network) -> Place<'_> {
        let new = || Arc::new(Semaphore::new(OF_ONE_NETWORK));
        let line = Arc::clone(self.lines().entry(network).or_insert_with(new));
        let mut place = Place { lines: self, network, line: Some(Arc::clone(&line)), held: None };
        // It is never closed.
        place.held = line.acquire_owned().await.ok();
        place
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut lines = self.lines.lines();
        drop((self.held.take(), self.line.take()));
        // Nobody else stands in it.
        if lines.get(&self.network).is_some_and(|line| Arc::strong_count(line) == 1) {
            lines.remove(&self.network);
        }
    }
}

/// Whether the response can hold an answer: a page of a proxy, or where to find something else, can't.
fn check(response: &Response) -> Result<(), Attempt> {
    let status = response.status();
    let elsewhere = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
    if elsewhere.contains(&status) {
        return Err(Attempt { failure: Failure::Elsewhere(status.as_u16()), may_be_repeated: true });
    }
    if status != StatusCode::OK {
        return Err(Attempt::failed(Failure::Wrong(format!("status {}, and not 200", status.as_u16()))));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(JSON) {
        let reason = format!("the answer is of the type {essence:?}, and not {JSON}");
        return Err(Attempt::failed(Failure::Wrong(reason)));
    }
    Ok(())
}

/// An error and its causes; the address is known.
fn said(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A client that goes to the URL and nowhere else.
fn client(settings: &HttpService) -> Result<Client, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(ACCEPT, HeaderValue::from_static(JSON));
    if let Some(token) = &settings.token {
        let bearer = Zeroizing::new(format!("Bearer {}", token.expose()));
        let mut value = HeaderValue::from_str(&bearer).map_err(|error| error.to_string())?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let mut builder = Client::builder()
        .user_agent(concat!("wharf/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(Policy::none())
        .no_proxy()
        .https_only(!settings.url.starts_with("http://"))
        .http1_only()
        .pool_idle_timeout(KEPT)
        // Half of the time is left for another address.
        .connect_timeout(settings.timeout / 2);
    if let Some(authorities) = &settings.authorities {
        let tls = authorities.tls().map_err(|error| error.to_string())?;
        builder = builder.tls_backend_preconfigured(tls);
    }
    builder.build().map_err(said)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_network_that_asks_very_often_waits_in_its_own_line() {
        let network = |text: &str| Network::of(text.parse::<IpAddr>().unwrap(), 64);
        let (crowd, other) = (network("10.0.0.1"), network("10.0.0.2"));
        let lines = Lines::default();
        let mut places = Vec::new();
        for _ in 0..OF_ONE_NETWORK {
            places.push(lines.wait(crowd).await);
        }
        assert!(lines.wait(crowd).now_or_never().is_none());
        places.push(lines.wait(other).now_or_never().expect("others have their turn"));
        drop(places.remove(0));
        places.push(lines.wait(crowd).now_or_never().expect("there is a place"));
        drop(places);
        assert!(lines.lines().is_empty(), "nobody waits there");
    }
}
