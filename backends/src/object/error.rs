//! From what the library reports to what happened.

use std::error::Error as StdError;
use std::fmt;

use object_store::client::{HttpError, HttpErrorKind};
use serde::Deserialize;

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

/// Of an answer that does not come to its end.
const DRIPPING: &str = "the store's answer did not come to its end in time";

/// Why a request of our own failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The store could not be reached, or was lost.
    Transport(HttpError),
    /// The store answered with something else than a success.
    Answer(Answer),
    /// The library could not get credentials, or not sign.
    Library(object_store::Error),
    /// The store took longer than such a request may take.
    Silent,
    /// The store's answer came so slowly that it would take for ever.
    Dripping,
    /// Nothing that can be sent, or an answer that can't be understood.
    Malformed(String),
}

impl Failure {
    /// The store answered with a status of failure.
    ///
    /// `code` is the store's own word for it, where that came beside the body.
    pub(super) fn answered(status: u16, reason: Option<&str>, code: Option<String>, body: String) -> Self {
        let line = format!("{status} {}", reason.unwrap_or_default()).trim_end().to_owned();
        let mut answer = Answer::new(status, line, body);
        answer.code = answer.code.or(code);
        Self::Answer(answer)
    }

    /// The store began to answer that all is well, and then told of an error.
    pub(super) fn late(body: &str) -> Self {
        Self::Answer(Answer::late(body))
    }

    /// Whether the same request may succeed when it is sent again.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Transport(error) => super::requests::transport_may_pass(error.kind()),
            Self::Answer(answer) => {
                matches!(answer.status, 408 | 429 | 500 | 502..=504)
                    || matches!(
                        answer.code(),
                        Some(
                            "SlowDown"
                                | "RequestTimeout"
                                | "Throttling"
                                | "rateLimitExceeded"
                                | "userRateLimitExceeded"
                        )
                    )
            }
            Self::Dripping => true,
            Self::Library(_) | Self::Silent | Self::Malformed(_) => false,
        }
    }

    /// Whether there is nothing under the key. A bucket that is not there is another matter.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status == 404 && !answer.missing_bucket())
    }

    /// Whether it is not, or not any more, the object that was meant.
    pub(super) fn is_precondition(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status == 412)
    }

    /// The failure of a request that was sent before.
    pub(super) fn again(mut self) -> Self {
        if let Self::Answer(answer) = &mut self {
            answer.again = true;
        }
        self
    }

    /// Whether what the store refuses may be what it has done already, when the same request was sent before: then it is worth
    /// a look whether it has.
    pub(super) fn may_have_met_itself(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.again && matches!(answer.status, 409 | 412))
    }

    /// The store's own word for the failure.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Answer(answer) => answer.code(),
            _ => None,
        }
    }

    pub(super) fn is_range_refused(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status == 416)
    }

    /// Whether the store doesn't know the kind of condition that was set.
    pub(super) fn is_unknown_condition(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status == 501
            || matches!(answer.code(), Some("InvalidArgument" | "NotImplemented" | "InvalidRequest")))
    }

    /// The error of an operation on `path`.
    pub(super) fn at(self, path: &StoragePath) -> Error {
        let (kind, text) = match &self {
            Self::Library(error) => return map(path, error),
            Self::Answer(answer) => (answer.kind(), answer.text()),
            Self::Transport(error) if super::requests::transport_may_pass(error.kind()) => {
                (ErrorKind::Unavailable, innermost(error))
            }
            Self::Transport(error) => (ErrorKind::Other, innermost(error)),
            Self::Silent => (ErrorKind::Unavailable, "the store did not answer in time".to_owned()),
            Self::Dripping => (ErrorKind::Unavailable, DRIPPING.to_owned()),
            Self::Malformed(text) => (ErrorKind::Other, text.clone()),
        };
        Error::with_source(kind, path, Cause(one_line(&text)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Transport(error) => innermost(error),
            Self::Answer(answer) => answer.text(),
            Self::Library(error) => innermost(error),
            Self::Silent => "no answer in time".to_owned(),
            Self::Dripping => DRIPPING.to_owned(),
            Self::Malformed(text) => text.clone(),
        };
        f.write_str(&one_line(&text))
    }
}

/// Classifies an error that a request for `path` met.
pub(super) fn map(path: &StoragePath, error: &object_store::Error) -> Error {
    let answer = Answer::of(error);
    let transport = in_chain(error, |e| e.downcast_ref::<HttpError>().map(HttpError::kind));
    let kind = match (error, &answer) {
        // For the client it is no missing or forbidden file, but a fault that the operator will mend.
        (_, Some(answer)) if answer.is_for_the_operator() => ErrorKind::Unavailable,
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

/// Whether the store was asked for something that is not there. A bucket that is not there is another matter.
pub(super) fn is_not_found(error: &object_store::Error) -> bool {
    match Answer::of(error) {
        // Of the end of an upload at Google the library has but a general error.
        Some(answer) => answer.status == 404 && !answer.missing_bucket(),
        None => matches!(error, object_store::Error::NotFound { .. }),
    }
}

/// What the store answered in place of a success.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    /// The status with its phrase, as in `403 Forbidden`.
    line: String,
    /// The store's word for the failure, and its sentence.
    code: Option<String>,
    message: String,
    body: String,
    /// The request had been sent before, and that answer was lost: the store may refuse what it has done already.
    again: bool,
}

/// What Google answers in place of a success, as far as it is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct GoogleError {
    error: GoogleErrors,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GoogleErrors {
    message: String,
    errors: Vec<GoogleReason>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GoogleReason {
    reason: String,
}

impl Answer {
    fn new(status: u16, line: String, body: String) -> Self {
        let mut answer = Self {
            status,
            line,
            code: element(&body, "Code").map(str::to_owned),
            message: element(&body, "Message").unwrap_or_default().to_owned(),
            body,
            again: false,
        };
        if let Ok(GoogleError { error }) = serde_json::from_str(&answer.body) {
            // Objects and buckets are not found for the same reason.
            answer.code = match error.message.starts_with("The specified bucket does not exist") {
                true => Some("NoSuchBucket".to_owned()),
                false => error.errors.into_iter().next().map(|first| first.reason),
            };
            answer.message = error.message;
        }
        answer
    }

    /// The library keeps the type that holds the status to itself; its text is all there is.
    fn of(error: &object_store::Error) -> Option<Self> {
        let told = |prefix: &str| in_chain(error, |e| e.to_string().strip_prefix(prefix).map(str::to_owned));
        if let Some(body) = told("Server returned error response: ") {
            return Some(Self::late(&body));
        }
        let text = in_chain(error, |e| {
            let text = e.to_string();
            text.starts_with("Server returned non-2xx status code: ").then_some(text)
        })?;
        let rest = text.strip_prefix("Server returned non-2xx status code: ")?;
        let (line, body) = rest.split_once(": ").unwrap_or((rest, ""));
        let status = line.get(..3)?.parse().ok()?;
        Some(Self::new(status, line.to_owned(), body.to_owned()))
    }

    /// An error that was told under a status of success.
    fn late(body: &str) -> Self {
        let mut answer = Self::new(0, "200 OK, and then".to_owned(), body.to_owned());
        answer.status = match answer.code() {
            Some("NoSuchKey" | "NoSuchUpload") => 404,
            Some("PreconditionFailed") => 412,
            Some("AccessDenied") => 403,
            // Documented as worth another try, like all that the store notices only on the way.
            _ => 500,
        };
        answer
    }

    fn code(&self) -> Option<&str> {
        self.code.as_deref()
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
                    | "authError"
                    | "required"
            )
        )
    }

    fn is_for_the_operator(&self) -> bool {
        self.missing_bucket() || self.wrong_credentials()
    }

    fn kind(&self) -> ErrorKind {
        match self.status {
            _ if self.is_for_the_operator() => ErrorKind::Unavailable,
            // No other client was faster: it stays until the owner decides about them.
            _ if self.code() == Some("SnapshotsPresent") => ErrorKind::PermissionDenied,
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

    /// What the operator can do about it.
    fn advice(&self) -> Option<&'static str> {
        Some(match self.code()? {
            "InvalidAccessKeyId" => "the store doesn't know the access key",
            "SignatureDoesNotMatch" => "the secret key is not the one of the access key",
            "ExpiredToken" | "TokenRefreshRequired" => "the credentials have expired",
            "InvalidToken" => "the session token is wrong",
            "RequestTimeTooSkewed" => {
                "the clock of this machine differs too much from the store's: set the time"
            }
            "AccessDenied" | "AuthorizationPermissionMismatch" | "forbidden" => {
                "the credentials don't permit this"
            }
            "NoSuchBucket" => "there is no such bucket",
            "ContainerNotFound" => "there is no such container",
            "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
                "the bucket is in another region than configured"
            }
            "AuthenticationFailed" | "AuthorizationFailure" | "InvalidAuthenticationInfo" => {
                "the store doesn't accept the key"
            }
            "InvalidPart" if self.message.contains("same length") => {
                "the store wants all parts of an upload in one size: set `equal_parts: true`"
            }
            "SnapshotsPresent" => "it has snapshots, and to remove it would remove these, too",
            "authError" | "required" => "the store doesn't accept the credentials",
            "SlowDown" | "ServerBusy" | "TooManyRequests" | "rateLimitExceeded" | "userRateLimitExceeded" => {
                "the store asks for fewer requests"
            }
            _ => return None,
        })
    }

    fn text(&self) -> String {
        match self.advice() {
            Some(advice) => format!("{advice} ({})", self.words()),
            None => self.words(),
        }
    }

    fn words(&self) -> String {
        match (self.code().unwrap_or_default(), self.message.as_str()) {
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
fn innermost(error: &(dyn StdError + 'static)) -> String {
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
