//! The live page: files that are part of the program, the same for everybody. Whatever is secret comes from the admin interface,
//! which the page asks as any program does.

use std::hash::{DefaultHasher, Hasher};
use std::sync::LazyLock;

use bytes::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, SERVER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use super::{Body, NAME, whole};

/// Nothing but the files below is ever loaded or asked, by nobody's script; nor can text become markup, or the page stand in another one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// Beside the policy, for browsers.
const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// A file of the page.
struct File {
    path: &'static str,
    kind: &'static str,
    body: &'static str,
}

macro_rules! file {
    ($path:literal, $kind:literal, $name:literal) => {
        File { path: $path, kind: $kind, body: include_str!(concat!("page/", $name)) }
    };
}

const FILES: [File; 12] = [
    file!("/", "text/html; charset=utf-8", "index.html"),
    file!("/live/page.css", "text/css; charset=utf-8", "page.css"),
    file!("/live/icon.svg", "image/svg+xml", "icon.svg"),
    file!("/live/theme.js", "text/javascript; charset=utf-8", "theme.js"),
    file!("/live/page.js", "text/javascript; charset=utf-8", "page.js"),
    file!("/live/format.js", "text/javascript; charset=utf-8", "format.js"),
    file!("/live/stream.js", "text/javascript; charset=utf-8", "stream.js"),
    file!("/live/sessions.js", "text/javascript; charset=utf-8", "sessions.js"),
    file!("/live/session.js", "text/javascript; charset=utf-8", "session.js"),
    file!("/live/charts.js", "text/javascript; charset=utf-8", "charts.js"),
    file!("/live/panels.js", "text/javascript; charset=utf-8", "panels.js"),
    file!("/live/facts.js", "text/javascript; charset=utf-8", "facts.js"),
];

/// One tag for all files: those of two versions never mix.
static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    for file in &FILES {
        hasher.write(file.path.as_bytes());
        hasher.write(file.body.as_bytes());
    }
    // Hexadecimal digits in quotes are always a value.
    HeaderValue::try_from(format!("\"{:016x}\"", hasher.finish())).unwrap_or(HeaderValue::from_static("\"\""))
});

/// The file at this path, or that the client has it already; `None`: there is none.
pub(super) fn answer(path: &str, known: Option<&HeaderValue>) -> Option<Response<Body>> {
    // What people type. The page names its files from where it is, so it is never inside their folder.
    if path == "/live/" {
        let mut response = Response::new(whole(Bytes::new()));
        *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
        response.headers_mut().insert(LOCATION, HeaderValue::from_static("../live"));
        response.headers_mut().insert(SERVER, HeaderValue::from_static(NAME));
        return Some(response);
    }
    let path = if matches!(path, "/live" | "/index.html") { "/" } else { path };
    let file = FILES.iter().find(|file| file.path == path)?;
    let is_known = known.and_then(|tags| tags.to_str().ok()).is_some_and(|tags| {
        tags.split(',').any(|tag| tag.trim().trim_start_matches("W/").as_bytes() == TAG.as_bytes())
    });
    let (status, body) = match is_known {
        true => (StatusCode::NOT_MODIFIED, ""),
        false => (StatusCode::OK, file.body),
    };
    let mut response = Response::new(whole(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.kind));
    headers.insert(SERVER, HeaderValue::from_static(NAME));
    // Kept, and asked for each time whether it is still the same: another version of the server has another page.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ETAG, TAG.clone());
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
