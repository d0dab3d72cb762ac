//! The service, and how it is asked.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use zeroize::Zeroizing;

use super::document;
use super::question::Question;
use crate::accounts::sources::Attempt;
use crate::accounts::sources::asked::{Answer, Failure, Service, Unanswered};
use crate::config::HttpService;

/// The most bytes of an answer.
const MOST_BYTES: usize = 64 * 1024;
/// How long a connection is kept that nobody uses: a server that closes it just when a question is sent leaves the question
/// without an answer.
const KEPT: Duration = Duration::from_secs(1);
const JSON: &str = "application/json";

/// A service at a URL.
#[derive(Debug)]
pub(in crate::accounts::sources) struct Http {
    settings: HttpService,
    /// Or why there is none.
    client: Result<Client, String>,
}

impl Http {
    pub(in crate::accounts::sources) fn new(settings: &HttpService) -> Self {
        Self { settings: settings.clone(), client: client(settings) }
    }
}

#[async_trait]
impl Service for Http {
    fn origin(&self) -> &str {
        &self.settings.url
    }

    fn identity(&self) -> String {
        format!("http {}", self.settings.url)
    }

    fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    fn cache(&self) -> Duration {
        self.settings.cache
    }

    fn is_like(&self, other: &Self) -> bool {
        self.settings == other.settings
    }

    fn question(&self, attempt: &Attempt<'_>) -> Zeroizing<String> {
        Question::of(attempt).text()
    }

    async fn answer(&self, question: &str, _: &Attempt<'_>) -> Result<Answer, Unanswered> {
        let client = self.client.as_ref().map_err(|reason| Unanswered::broken(reason.clone()))?;
        let request = client.post(&self.settings.url).body(question.to_owned());
        let mut response = request.send().await.map_err(|error| {
            let may_be_repeated = error.is_connect();
            Unanswered { may_be_repeated, ..Unanswered::broken(said(error)) }
        })?;
        check(&response)?;
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MOST_BYTES => body.extend_from_slice(&chunk),
                Ok(Some(_)) => return Err(Unanswered::wrong("the answer is longer than 64 KiB")),
                Ok(None) => break,
                Err(error) => {
                    return Err(Unanswered::broken(format!("the answer breaks off: {}", said(error))));
                }
            }
        }
        document::parse(&body).map_err(Unanswered::wrong)
    }
}

/// Whether the response can hold an answer: a page of a proxy, or where to find something else, can't.
fn check(response: &Response) -> Result<(), Unanswered> {
    let status = response.status();
    let elsewhere = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
    if elsewhere.contains(&status) {
        return Err(Unanswered { failure: Failure::Elsewhere(status.as_u16()), may_be_repeated: true });
    }
    if status != StatusCode::OK {
        return Err(Unanswered::wrong(format!("status {}, and not 200", status.as_u16())));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(JSON) {
        return Err(Unanswered::wrong(format!("the answer is of the type {essence:?}, and not {JSON}")));
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
