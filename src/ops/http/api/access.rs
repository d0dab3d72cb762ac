//! Who may come in, and what they may do.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::problem::Refusal;
use crate::config::{Admin, Secret};
use crate::ops::logging::rate;

/// How long the answer to a wrong token takes.
const DELAY: Duration = Duration::from_millis(500);

/// How many of them may wait for it at a time. Others are told to come back, and a right token never waits.
const WAITING: usize = 16;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// To look.
    ReadOnly,
    /// To look and to change.
    Full,
}

/// Looks at tokens.
#[derive(Debug)]
pub(super) struct Gate {
    waiting: Semaphore,
}

impl Default for Gate {
    fn default() -> Self {
        Self { waiting: Semaphore::new(WAITING) }
    }
}

impl Gate {
    /// What the token of these headers allows, and its hash.
    pub(super) async fn admit(
        &self,
        headers: &HeaderMap,
        admin: Option<&Admin>,
        peer: SocketAddr,
    ) -> Result<(Access, Shown), Refusal> {
        let Some(shown) = Shown::of(headers) else {
            return Err(unauthorized(
                "a token is needed: `Authorization: Bearer …`",
                "Bearer realm=\"wharf\"",
            ));
        };
        if let Some(access) = shown.allows(admin) {
            return Ok((access, shown));
        }
        if rate::WRONG_TOKENS.admits(peer.ip()) {
            tracing::warn!(%peer, "a wrong token for the admin interface");
        }
        let Ok(_place) = self.waiting.try_acquire() else {
            let refusal =
                Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens; try again later");
            return Err(refusal.with(RETRY_AFTER, HeaderValue::from_static("1")));
        };
        tokio::time::sleep(DELAY).await;
        let challenge = "Bearer realm=\"wharf\", error=\"invalid_token\"";
        Err(unauthorized("this token is wrong", challenge))
    }
}

fn unauthorized(detail: &str, challenge: &'static str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, detail).with(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let value = all.next().filter(|_| all.next().is_none())?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

/// The hash of a token that was shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown(Digest);

impl Shown {
    fn of(headers: &HeaderMap) -> Option<Self> {
        bearer(headers).map(|token| Self(digest(&SHA256, token.as_bytes())))
    }

    /// What the token allows at this moment; `None`: it is wrong, or no more right.
    pub(super) fn allows(&self, admin: Option<&Admin>) -> Option<Access> {
        // Both are compared, so that the time tells nothing.
        let is = |secret: Option<&Secret>| secret.is_some_and(|secret| self.is_of(secret.expose()));
        let full = is(admin.and_then(|admin| admin.token.as_ref()));
        let read_only = is(admin.and_then(|admin| admin.read_only_token.as_ref()));
        match (full, read_only) {
            (true, _) => Some(Access::Full),
            (false, true) => Some(Access::ReadOnly),
            (false, false) => None,
        }
    }

    /// In a time that depends on neither.
    fn is_of(&self, token: &str) -> bool {
        digest(&SHA256, token.as_bytes()).as_ref().ct_eq(self.0.as_ref()).into()
    }
}

/// Refuses what a browser sends for a page of somebody else.
pub(super) fn check_source(headers: &HeaderMap, is_local: bool) -> Result<(), Refusal> {
    let host = headers.get(HOST).map(|host| host.to_str().unwrap_or_default());
    // A page whose name was pointed at this machine afterwards (DNS rebinding) would be of the same origin.
    if is_local && host.is_some_and(|host| !is_name_of_this_machine(host)) {
        let detail = "this address is of this machine alone, and has the names `localhost` and that of the address; a proxy on this \
                      machine has to send one of them as `Host`";
        return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, detail));
    }
    // Browsers say it, and no page can. Behind a proxy that sends another name the origin would look foreign.
    let mut sites = headers.get_all("sec-fetch-site").iter();
    if sites.next().is_some_and(|site| site == "same-origin") && sites.next().is_none() {
        return Ok(());
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    match (authority, host) {
        (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(Refusal::new(StatusCode::FORBIDDEN, "this is asked for by a page from elsewhere")),
    }
}

fn is_name_of_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => return rest.split_once(']').is_some_and(|(ip, _)| ip.parse::<IpAddr>().is_ok()),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(headers: &[(&'static str, &str)], is_local: bool) -> Option<u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        check_source(&map, is_local).err().map(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn pages_from_elsewhere_are_refused() {
        for host in ["localhost:9121", "127.0.0.1:9121", "[::1]:9121", "LOCALHOST", "127.0.0.1"] {
            assert_eq!(refused(&[("host", host)], true), None, "{host}");
        }
        for host in ["evil.example:9121", "127.0.0.1.evil.example", "", "localhost.evil.example", "[x]"] {
            assert_eq!(refused(&[("host", host)], true), Some(421), "{host}");
            assert_eq!(refused(&[("host", host)], false), None, "{host}");
        }
        let of = |origin| refused(&[("host", "ftp.example:9122"), ("origin", origin)], false);
        assert_eq!(of("https://ftp.example:9122"), None);
        for origin in ["https://ftp.example", "null", "https://evil.example", "ftp.example:9122", ""] {
            assert_eq!(of(origin), Some(403), "{origin}");
        }
        assert_eq!(refused(&[("origin", "http://a")], false), Some(403));
        // A proxy sends the name that it knows the server by.
        let behind_proxy = |sites: &[&str], host| {
            let mut headers = vec![("host", host), ("origin", "https://ftp.example")];
            headers.extend(sites.iter().map(|site| ("sec-fetch-site", *site)));
            refused(&headers, true)
        };
        assert_eq!(behind_proxy(&["same-origin"], "127.0.0.1:9121"), None);
        assert_eq!(behind_proxy(&["same-origin"], "evil.example"), Some(421));
        for sites in [&[][..], &["same-site"], &["cross-site"], &["none"], &["same-origin", "cross-site"]] {
            assert_eq!(behind_proxy(sites, "127.0.0.1:9121"), Some(403), "{sites:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_told_apart_and_wrong_ones_wait() {
        let token = |text: &str| Some(Secret::new(text));
        let admin = Admin {
            token: token("full"),
            read_only_token: token("look"),
            listen: Vec::new(),
            page: true,
            tls: None,
        };
        let peer: SocketAddr = "192.0.2.7:1".parse().unwrap();
        let gate = Gate::default();
        let admit = async |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            }
            let admitted = gate.admit(&headers, Some(&admin), peer).await;
            admitted.map(|(access, _)| access).map_err(|refusal| refusal.status.as_u16())
        };
        assert_eq!(admit(&["Bearer full"]).await, Ok(Access::Full));
        assert_eq!(admit(&["bearer  look"]).await, Ok(Access::ReadOnly));
        let began = tokio::time::Instant::now();
        for none in [&[][..], &["Basic full"], &["Bearer"], &["Bearer full", "Bearer full"]] {
            assert_eq!(admit(none).await, Err(401));
        }
        assert!(began.elapsed().is_zero(), "nobody guesses without a token");
        for wrong in ["Bearer ", "Bearer ful", "Bearer full.", "Bearer FULL"] {
            assert_eq!(admit(&[wrong]).await, Err(401), "{wrong}");
        }
        assert_eq!(began.elapsed(), 4 * DELAY);
        let held = gate.waiting.acquire_many(u32::try_from(WAITING).unwrap()).await;
        assert_eq!(admit(&["Bearer wrong"]).await, Err(429));
        assert_eq!(admit(&["Bearer full"]).await, Ok(Access::Full));
        drop(held);
    }
}
