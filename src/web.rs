//! How somebody is asked over HTTP, or told something: at one URL, with bounds for everything that comes back.

use std::error::Error;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use wharf_backends::object::Authorities;

/// How long a connection is kept that nobody uses: a server that closes it just when a question is sent leaves the question
/// without an answer.
const KEPT: Duration = Duration::from_secs(1);

/// A client that goes to the URL and nowhere else.
///
/// # Errors
/// A sentence.
pub(crate) fn client(
    url: &str,
    authorities: Option<&Authorities>,
    timeout: Duration,
    headers: HeaderMap,
) -> Result<Client, String> {
    let mut builder = Client::builder()
        .user_agent(concat!("wharf/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(Policy::none())
        .no_proxy()
        .https_only(!url.starts_with("http://"))
        .http1_only()
        .pool_idle_timeout(KEPT)
        // Half of the time is left for another address.
        .connect_timeout(timeout / 2);
    if let Some(authorities) = authorities {
        let tls = authorities.tls().map_err(|error| error.to_string())?;
        builder = builder.tls_backend_preconfigured(tls);
    }
    builder.build().map_err(said)
}

/// Why the content of an answer can't be had.
pub(crate) enum Unread {
    /// There is more of it than anybody needs.
    TooLong,
    /// The connection broke.
    Broken(String),
}

/// The content of an answer, of at most so many bytes.
///
/// # Errors
/// [`Unread`].
pub(crate) async fn body(response: &mut Response, most: usize) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= most => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(Unread::TooLong),
            Ok(None) => return Ok(body),
            Err(error) => return Err(Unread::Broken(said(error))),
        }
    }
}

/// An error and its causes; the address is known.
pub(crate) fn said(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
