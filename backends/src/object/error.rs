//! From what the library reports to what happened.

use std::error::Error as StdError;
use std::fmt;

use object_store::client::{HttpError, HttpErrorKind};

use crate::{Error, ErrorKind, StoragePath};

/// The cause of a failure in one line. The library's own texts repeat themselves, hold whole XML documents,
/// and those can hold what a signature was made of.
#[derive(Debug)]
struct Cause(String);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Cause {}

/// How much of a text from the store goes into a message, in characters.
const EXCERPT: usize = 300;

/// Classifies an error that a request for `path` met.
pub(super) fn map(path: &StoragePath, error: &object_store::Error) -> Error {
    let answer = Answer::of(error);
    let transport = in_chain(error, |e| e.downcast_ref::<HttpError>().map(HttpError::kind));
    let kind = match (error, &answer) {
        // For the client it is no missing or forbidden file, but a fault that the operator will mend.
        (_, Some(answer)) if answer.missing_bucket() || answer.wrong_credentials() => ErrorKind::Unavailable,
        (object_store::Error::NotFound { .. }, _) => ErrorKind::NotFound,
        (object_store::Error::AlreadyExists { .. }, _) => ErrorKind::AlreadyExists,
        (object_store::Error::Precondition { .. } | object_store::Error::NotModified { .. }, _) => {
            ErrorKind::Conflict
        }
        (object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }, _) => {
            ErrorKind::PermissionDenied
        }
        (object_store::Error::NotSupported { .. } | object_store::Error::NotImplemented { .. }, _) => {
            ErrorKind::Unsupported
        }
        (_, Some(answer)) => answer.kind(),
        (_, None) => match transport {
            // A credential or a URL that can't be sent is unknown too, and no retry would help.
            Some(HttpErrorKind::Unknown) | None => ErrorKind::Other,
            Some(_) => ErrorKind::Unavailable,
        },
    };
    let text = match (error, answer) {
        (_, Some(answer)) => answer.text(),
        (object_store::Error::InvalidPath { source }, None) => {
            format!("the store holds a key that is no path: {source}")
        }
        (_, None) => innermost(error),
    };
    Error::with_source(kind, path, Cause(one_line(&text)))
}

/// Whether the store found the range unsatisfiable.
pub(super) fn is_range_refused(error: &object_store::Error) -> bool {
    Answer::of(error).is_some_and(|answer| answer.status == 416)
}

/// Whether the store was asked for something that is not there. A bucket that is not there is another matter.
pub(super) fn is_not_found(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. })
        && !Answer::of(error).is_some_and(|answer| answer.missing_bucket())
}

/// What the store answered in place of a success.
struct Answer {
    status: u16,
    /// The status with its phrase, as in `403 Forbidden`.
    line: String,
    body: String,
}

impl Answer {
    /// The library keeps the type that holds the status to itself; its text is all there is.
    fn of(error: &object_store::Error) -> Option<Self> {
        let text = in_chain(error, |e| {
            let text = e.to_string();
            text.starts_with("Server returned non-2xx status code: ").then_some(text)
        })?;
        let rest = text.strip_prefix("Server returned non-2xx status code: ")?;
        let (line, body) = rest.split_once(": ").unwrap_or((rest, ""));
        let status = line.get(..3)?.parse().ok()?;
        Some(Self { status, line: line.to_owned(), body: body.to_owned() })
    }

    fn code(&self) -> Option<&str> {
        element(&self.body, "Code")
    }

    fn missing_bucket(&self) -> bool {
        matches!(self.code(), Some("NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted"))
    }

    /// Whether the store doesn't accept who asks, as opposed to what is asked for.
    fn wrong_credentials(&self) -> bool {
        matches!(
            self.code(),
            Some(
                "InvalidAccessKeyId"
                    | "SignatureDoesNotMatch"
                    | "ExpiredToken"
                    | "InvalidToken"
                    | "RequestTimeTooSkewed"
                    | "AuthenticationFailed"
                    | "AuthorizationFailure"
                    | "InvalidAuthenticationInfo"
                    | "NoAuthenticationInformation"
            )
        )
    }

    fn kind(&self) -> ErrorKind {
        match self.status {
            401 | 403 => ErrorKind::PermissionDenied,
            404 => ErrorKind::NotFound,
            408 | 429 | 500 | 502..=504 => ErrorKind::Unavailable,
            409 | 412 => ErrorKind::Conflict,
            416 => ErrorKind::InvalidRange,
            501 => ErrorKind::Unsupported,
            507 => ErrorKind::NoSpace,
            _ => match self.code() {
                Some("KeyTooLongError" | "InvalidURI" | "InvalidUri" | "InvalidResourceName") => {
                    ErrorKind::InvalidName
                }
                Some("QuotaExceeded") => ErrorKind::QuotaExceeded,
                _ => ErrorKind::Other,
            },
        }
    }

    fn text(&self) -> String {
        let code = self.code().unwrap_or_default();
        let message = element(&self.body, "Message").unwrap_or_default();
        match (code, message) {
            ("", _) if self.body.is_empty() => format!("the store answered {}", self.line),
            // Not the usual document: somebody else's, such as a proxy's.
            ("", _) => format!("the store answered {}: {}", self.line, self.body),
            (code, "") => format!("the store answered {}: {code}", self.line),
            (code, message) => format!("the store answered {}: {code}: {message}", self.line),
        }
    }
}

/// The text of the first element `name` of an XML document.
fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let start = document.find(&format!("<{name}>"))? + name.len() + 2;
    let length = document.get(start..)?.find("</")?;
    document.get(start..start + length)
}

fn in_chain<T>(
    error: &object_store::Error,
    found: impl Fn(&(dyn StdError + 'static)) -> Option<T>,
) -> Option<T> {
    let mut next = Some(error as &(dyn StdError + 'static));
    while let Some(error) = next {
        if let Some(found) = found(error) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The deepest causes: what the operating system says, and what was being done.
fn innermost(error: &object_store::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    let last = texts.pop().unwrap_or_default();
    match texts.pop() {
        Some(before) if !before.contains(&last) => format!("{before}: {last}"),
        _ => last,
    }
}

fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
