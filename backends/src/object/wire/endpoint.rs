//! Where a store is: what its URL says.

use std::net::IpAddr;

use crate::object::settings::SettingsError;

/// Whether what is sent to this URL leaves the machine without TLS.
pub fn is_exposed(url: &str) -> bool {
    is_plain_http(url) && !is_on_this_machine(url)
}

pub(crate) fn is_plain_http(url: &str) -> bool {
    url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

/// The host that a URL names, without the brackets of an address of IPv6.
pub(crate) fn host_of(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Whether a URL names an address of this machine only, by number or as `localhost` (RFC 6761, section 6.3).
fn is_on_this_machine(url: &str) -> bool {
    let host = host_of(url);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(crate) fn check_endpoint(url: &str) -> Result<&str, SettingsError> {
    let invalid = |reason: &str| SettingsError::invalid("endpoint", reason);
    let (scheme, rest) =
        url.split_once("://").ok_or_else(|| invalid("must start with https:// or http://"))?;
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return Err(invalid("must start with https:// or http://"));
    }
    let rest = rest.trim_end_matches('/');
    if rest.is_empty() || rest.contains(char::is_whitespace) {
        return Err(invalid("must name a host"));
    }
    if rest.contains(['@', '?', '#']) {
        return Err(invalid("must not hold credentials, a query or a fragment"));
    }
    Ok(url.trim_end_matches('/'))
}

/// Keeps a name from changing the URL that it becomes a part of.
pub(crate) fn check_name(setting: &'static str, name: &str) -> Result<(), SettingsError> {
    if name.is_empty() {
        return Err(SettingsError::invalid(setting, "must not be empty"));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '$')) {
        return Err(SettingsError::invalid(setting, "may hold letters, digits, `-`, `.`, `_` and `$` only"));
    }
    Ok(())
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
