//! URLs of stores.

use url::{Host, Url};

use crate::object::settings::SettingsError;

/// Why a URL can't be that of a store. No sentence repeats the URL, which may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is not a URL, or it names no host.
    #[error("expected a URL such as https://storage.example.com:9000")]
    NotAUrl,
    /// It is a URL of another protocol.
    #[error("the URL has to start with http:// or https://")]
    Scheme,
    /// It has a query or a fragment.
    #[error("the URL can't have a query or a fragment")]
    Query,
    /// It has a user or a password.
    #[error("the URL can't hold a user or a password")]
    User,
}

/// The URL of a store without a slash at its end, if it can be one.
///
/// # Errors
/// The reason why it can't be.
pub fn parse_endpoint(text: &str) -> Result<&str, EndpointError> {
    let (scheme, rest) = text.split_once("://").ok_or(EndpointError::NotAUrl)?;
    if !matches!(scheme, "http" | "https") {
        return Err(EndpointError::Scheme);
    }
    // The parser would repair these characters, and other programs would not.
    let is_odd = |b: u8| b.is_ascii_control() || b.is_ascii_whitespace() || b"\"<>\\^`{|}".contains(&b);
    let has_empty_port = rest.split('/').next().is_some_and(|authority| authority.ends_with(':'));
    if rest.starts_with('/') || has_empty_port || rest.bytes().any(is_odd) {
        return Err(EndpointError::NotAUrl);
    }
    if rest.contains(['?', '#']) {
        return Err(EndpointError::Query);
    }
    if rest.contains('@') {
        return Err(EndpointError::User);
    }
    match Url::parse(text) {
        Ok(url) if url.port() != Some(0) => Ok(text.trim_end_matches('/')),
        _ => Err(EndpointError::NotAUrl),
    }
}

/// Whether this can be the name of a bucket, a container or an account: a part of a URL that it doesn't change.
pub fn can_be_a_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=222).contains(&name.len()) && name.bytes().all(fits)
}

pub(crate) fn check_endpoint(url: &str) -> Result<&str, SettingsError> {
    parse_endpoint(url).map_err(|error| SettingsError::invalid("endpoint", error.to_string()))
}

pub(crate) fn check_name(setting: &'static str, name: &str) -> Result<(), SettingsError> {
    match can_be_a_name(name) {
        true => Ok(()),
        false => Err(SettingsError::invalid(setting, "must be 1 to 222 letters, digits, `-`, `.` and `_`")),
    }
}

/// Whether what is sent to this URL leaves the machine without TLS.
pub fn is_exposed(url: &str) -> bool {
    is_plain_http(url) && !is_on_this_machine(url)
}

pub(crate) fn is_plain_http(url: &str) -> bool {
    url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

/// The name of the host of a URL, in lower case; empty if it has an address, or none.
pub(crate) fn host_of(url: &str) -> String {
    Url::parse(url).ok().and_then(|url| Some(url.domain()?.to_owned())).unwrap_or_default()
}

/// The same URL, without a slash at its end, with `name` and a dot before the name of its host; `None` if the host has an
/// address, or if no host can be called so.
pub(crate) fn in_host(name: &str, url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    let host = format!("{name}.{}", url.domain()?);
    url.set_host(Some(&host)).ok()?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether a URL names an address of this machine only, by number or as `localhost` (RFC 6761, section 6.3).
fn is_on_this_machine(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
