//! Keys that are asked for at a URL.
//!
//! The plan. Nobody waits for keys but the login that needs one which is not known. One request runs at a time, in a task of its
//! own, so that a client that hangs up breaks nothing off; whoever needs keys meanwhile waits for the same answer. Keys that are
//! old are renewed while those that are known go on counting, and they do so for as long as no new ones come. Whoever can connect
//! can send tokens with names of keys that there are not, so such names lead to a few requests a minute and no more.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, StatusCode};
use tokio::sync::watch;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::accounts::sources::asked::cut;
use crate::config::{Bearer, KeysUrl};
use crate::public_keys::PublicKeys;
use crate::web::{self, Unread};

/// After this time, keys are renewed.
const OLD: Duration = Duration::from_secs(60 * 60);
/// How long to wait after a failure before keys that are old are asked for again.
const PAUSE: Duration = Duration::from_secs(60);
/// So many requests in so much time are for keys that are not known.
const SOUGHT: usize = 4;
const SOUGHT_IN: Duration = Duration::from_secs(60);
/// The most bytes of an answer.
const MOST_BYTES: usize = 256 * 1024;

/// The keys of a URL.
#[derive(Debug)]
pub(super) struct Store {
    settings: KeysUrl,
    /// Or why there is none.
    client: Result<Client, String>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    keys: Option<Arc<PublicKeys>>,
    /// When these came.
    came: Option<Instant>,
    /// When the last request failed, and why; `None` if it did not.
    failed: Option<(Instant, String)>,
    /// The request that runs; it says when it is over.
    running: Option<watch::Receiver<bool>>,
    /// When keys that are not known were asked for.
    sought: VecDeque<Instant>,
}

impl Store {
    pub(super) fn new(settings: &KeysUrl) -> Arc<Self> {
        let headers = HeaderMap::from_iter([(
            ACCEPT,
            HeaderValue::from_static("application/jwk-set+json, application/json"),
        )]);
        let client = web::client(&settings.url, settings.authorities.as_ref(), settings.timeout, headers);
        Arc::new(Self { settings: settings.clone(), client, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what was known of the same URL, whose server has shown the same certificates.
    pub(super) fn follow(&self, before: &Self) {
        let is_same = (&self.settings.url, &self.settings.authorities)
            == (&before.settings.url, &before.settings.authorities);
        if is_same {
            let (keys, came) = {
                let before = before.state();
                (before.keys.clone(), before.came)
            };
            let mut state = self.state();
            (state.keys, state.came) = (keys, came);
        }
    }

    /// The keys, asked for if none are known.
    ///
    /// # Errors
    /// There are none; a sentence.
    pub(super) async fn known(self: &Arc<Self>) -> Result<Arc<PublicKeys>, String> {
        let known = {
            let state = self.state();
            state.keys.clone().map(|keys| (keys, state.is_due()))
        };
        if let Some((keys, is_due)) = known {
            if is_due {
                drop(self.request());
            }
            return Ok(keys);
        }
        self.renew().await?;
        self.state().keys.clone().ok_or_else(|| "there are no keys".to_owned())
    }

    /// Keys that are newer than these, in which one was missing.
    ///
    /// # Errors
    /// There is no answer, or it is too early to ask again; a sentence.
    pub(super) async fn newer(
        self: &Arc<Self>,
        than: &Arc<PublicKeys>,
    ) -> Result<Option<Arc<PublicKeys>>, String> {
        {
            let mut state = self.state();
            if let Some(keys) = state.keys.as_ref().filter(|keys| !Arc::ptr_eq(keys, than)) {
                return Ok(Some(Arc::clone(keys)));
            }
            // Whoever comes while a request runs waits for that one.
            let runs = state.running.as_ref().is_some_and(|running| running.has_changed().is_ok());
            if !runs && !state.may_seek() {
                let reason = state.failed.as_ref().map(|(_, reason)| reason.clone());
                return Err(reason.unwrap_or_else(|| "it is too early to ask for keys again".to_owned()));
            }
        }
        self.renew().await?;
        Ok(self.state().keys.clone())
    }

    /// Asks for the keys, or waits for whoever does.
    async fn renew(self: &Arc<Self>) -> Result<(), String> {
        let mut running = self.request();
        // It is over, too, if its task is gone.
        let _ = running.wait_for(|is_over| *is_over).await;
        match &self.state().failed {
            Some((_, reason)) => Err(reason.clone()),
            None => Ok(()),
        }
    }

    /// The request that runs, which is begun if there is none.
    fn request(self: &Arc<Self>) -> watch::Receiver<bool> {
        let mut state = self.state();
        // Its sender is gone if its task is.
        if let Some(running) = state.running.as_ref().filter(|running| running.has_changed().is_ok()) {
            return running.clone();
        }
        let (over, running) = watch::channel(false);
        state.running = Some(running.clone());
        let store = Arc::clone(self);
        tokio::spawn(async move {
            let asked = tokio::time::timeout(store.settings.timeout, store.ask()).await;
            store.note(asked.unwrap_or_else(|_| Err("there is no answer in time".to_owned())));
            let _ = over.send(true);
        });
        running
    }

    /// What came of a request.
    fn note(&self, answer: Result<PublicKeys, String>) {
        let url = self.settings.url.as_str();
        let now = Instant::now();
        let mut state = self.state();
        state.running = None;
        match answer {
            Ok(keys) => {
                if state.failed.take().is_some() && state.keys.is_some() {
                    tracing::info!(url, "the keys of tokens are renewed again");
                }
                (state.keys, state.came) = (Some(Arc::new(keys)), Some(now));
            }
            Err(cause) => {
                let cause = cut(&cause);
                if state.failed.is_none() && state.keys.is_some() {
                    tracing::warn!(
                        url,
                        cause,
                        "the keys of tokens can't be renewed: those from before count"
                    );
                } else {
                    tracing::debug!(url, cause, "the keys of tokens can't be had");
                }
                state.failed = Some((now, cause));
            }
        }
    }

    async fn ask(&self) -> Result<PublicKeys, String> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let mut request = client.get(&self.settings.url);
        if let Some(token) = &self.settings.token {
            request = request.header(AUTHORIZATION, bearer(token.clone()).await?);
        }
        let mut response = request.send().await.map_err(web::said)?;
        if response.status() != StatusCode::OK {
            return Err(format!("status {}, and not 200", response.status().as_u16()));
        }
        let body = web::body(&mut response, MOST_BYTES).await.map_err(|failure| match failure {
            Unread::TooLong => "the answer is longer than 256 KiB".to_owned(),
            Unread::Broken(reason) => format!("the answer breaks off: {reason}"),
        })?;
        PublicKeys::in_jwks(&body)
    }
}

impl State {
    /// Whether it is time to renew the keys that are known.
    fn is_due(&self) -> bool {
        self.came.is_none_or(|came| came.elapsed() >= OLD)
            && self.failed.as_ref().is_none_or(|(failed, _)| failed.elapsed() >= PAUSE)
    }

    /// Whether a key that is not known may be asked for now; then it counts.
    fn may_seek(&mut self) -> bool {
        let now = Instant::now();
        self.sought.retain(|sought| now.duration_since(*sought) < SOUGHT_IN);
        let may = self.sought.len() < SOUGHT;
        if may {
            self.sought.push_back(now);
        }
        may
    }
}

/// The header by which the server knows who asks.
async fn bearer(token: Bearer) -> Result<HeaderValue, String> {
    let now = tokio::task::spawn_blocking(move || token.now()).await.map_err(|error| error.to_string())?;
    let text = Zeroizing::new(format!("Bearer {}", now.expose()));
    let mut value = HeaderValue::from_str(&text).map_err(|error| error.to_string())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
