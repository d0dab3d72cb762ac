//! The service, and how it is asked.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use zeroize::Zeroizing;

use super::document;
use super::question::Question;
use crate::accounts::sources::Attempt;
use crate::accounts::sources::asked::{Answer, Failure, Service, Unanswered};
use crate::config::HttpService;
use crate::web::{self, Unread};

/// The most bytes of an answer.
const MOST_BYTES: usize = 64 * 1024;
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
            Unanswered { may_be_repeated, ..Unanswered::broken(web::said(error)) }
        })?;
        check(&response)?;
        let body = web::body(&mut response, MOST_BYTES).await.map_err(|failure| match failure {
            Unread::TooLong => Unanswered::wrong("the answer is longer than 64 KiB"),
            Unread::Broken(reason) => Unanswered::broken(format!("the answer breaks off: {reason}")),
        })?;
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
    web::client(&settings.url, settings.authorities.as_ref(), settings.timeout, headers)
}
