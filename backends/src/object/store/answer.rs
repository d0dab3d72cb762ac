//! Answers of a store that are no success, and their meaning.

use http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;

use super::codes::{self, Meaning};
use crate::ErrorKind;

/// An answer of a store that is no success.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The status with its phrase, as in `403 Forbidden`.
    line: String,
    /// The store's word for the failure, and its sentence.
    code: Option<String>,
    message: String,
    body: String,
    /// The request had been sent before, and that answer was lost: the store may refuse what it has done already.
    pub(crate) again: bool,
    /// Whether one of the earlier answers left open if the store had carried the request out.
    pub(crate) was_undecided: bool,
    is_listing: bool,
    /// The sender, if the answer has no code.
    origin: Origin,
}

/// Properties of a request that the meaning of its answer depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Whether another request confirms that something is absent: an answer to HEAD has no document.
    pub(crate) is_confirmed: bool,
    /// Whether it asks for a listing and not for one object.
    pub(crate) is_listing: bool,
}

/// The sender of an answer without a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The store: the answer has headers that only stores send.
    Store,
    /// Perhaps the store: another request decides.
    Unknown,
    /// Somebody in the store's place: an ingress, a proxy, another server.
    Another,
}

/// The prefixes of headers that only stores send: Amazon (and stores that speak its protocol), Azure, Google.
const OWN_HEADERS: [&str; 5] = ["x-amz", "x-ms-", "x-goog-", "x-guploader-", "x-rgw-"];

/// The codes by which a store says that a key, an upload or a version is not there.
const ABSENT: [&str; 8] = [
    "NoSuchKey",
    "NoSuchUpload",
    "NoSuchVersion",
    "NotFound",
    "BlobNotFound",
    "ResourceNotFound",
    // Google's, and its emulator's.
    "notFound",
    "Not Found",
];

/// The parts that are read of Google's answers about errors.
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
    /// The answer to a request of our own.
    pub(crate) fn to_request(asked: Asked, status: StatusCode, headers: &HeaderMap, body: String) -> Self {
        let line = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
        let mut answer = Self::new(status.as_u16(), line.trim_end().to_owned(), body);
        if answer.code.is_none() {
            // The one word that Azure has for HEAD, whose answers have no body.
            let code = headers.get("x-ms-error-code").and_then(|code| code.to_str().ok());
            answer.code = code.map(str::to_owned);
        }
        // Amazon's CloudFront, which may be in front of the store, has headers of its own.
        let is_own = |name: &HeaderName| {
            let name = name.as_str();
            OWN_HEADERS.iter().any(|own| name.starts_with(own)) && !name.starts_with("x-amz-cf-")
        };
        answer.origin = match () {
            () if headers.keys().any(is_own) => Origin::Store,
            () if asked.is_confirmed => Origin::Unknown,
            () => Origin::Another,
        };
        answer.is_listing = asked.is_listing;
        answer
    }

    /// Whether the store itself says that what was asked for is not there. What a bucket holds is never absent: an empty
    /// one has an empty listing. What an upload holds is, before its first part and behind its end.
    pub(crate) fn is_absence(&self) -> bool {
        self.status == 404
            && match self.code() {
                Some(code) if self.is_listing => matches!(code, "NoSuchUpload" | "BlobNotFound"),
                Some(code) => ABSENT.contains(&code),
                None => !self.is_listing && self.origin == Origin::Store,
            }
    }

    /// Whether the answer may come from somebody in the store's place; another request has to decide.
    pub(crate) fn is_bare(&self) -> bool {
        self.status == 404 && self.code.is_none() && self.origin == Origin::Unknown
    }

    /// Whether the answer comes from somebody in the store's place, perhaps for a moment.
    pub(crate) fn is_somebody_elses(&self) -> bool {
        self.status == 404 && self.code.is_none() && self.origin == Origin::Another
    }

    /// Whether the store says that it has not done what was asked, and was not asked for it before.
    pub(crate) fn is_definite(&self) -> bool {
        let is_refusal = matches!(self.status, 400..=407 | 409..=428 | 430..=499 | 501);
        is_refusal
            && !self.again
            // Nobody between answers so.
            && (self.origin == Origin::Store || self.code.is_some() || self.status == 412)
            && !self.meaning().is_some_and(|meaning| meaning.may_pass)
    }

    pub(crate) fn new(status: u16, line: String, body: String) -> Self {
        let mut answer = Self {
            status,
            line,
            code: element(&body, "Code").map(str::to_owned),
            message: element(&body, "Message").unwrap_or_default().to_owned(),
            body,
            again: false,
            was_undecided: false,
            is_listing: false,
            origin: Origin::Another,
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

    /// An error under a status of success.
    pub(crate) fn late(body: &str) -> Self {
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

    pub(crate) fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    pub(crate) fn missing_bucket(&self) -> bool {
        matches!(self.code(), Some("NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted"))
    }

    /// Whether the store refuses the credentials, and not the request.
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
                    // The Versity gateway's, with a status of 404.
                    | "XAdminUserNotFound"
            )
        )
    }

    pub(crate) fn is_for_the_operator(&self) -> bool {
        self.missing_bucket() || self.wrong_credentials()
    }

    /// The meaning of the store's code, whatever the status is.
    pub(crate) fn meaning(&self) -> Option<Meaning> {
        codes::meaning(self.code()?, &self.message)
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        if let Some(meaning) = self.meaning() {
            return meaning.kind;
        }
        match self.status {
            _ if self.is_for_the_operator() => ErrorKind::Unavailable,
            401 | 403 => ErrorKind::PermissionDenied,
            404 if self.is_absence() => ErrorKind::NotFound,
            // Nothing that proves that anything is missing.
            404 | 300..=399 => ErrorKind::Unavailable,
            408 | 429 | 500 | 502..=504 => ErrorKind::Unavailable,
            409 | 412 => ErrorKind::Conflict,
            416 => ErrorKind::InvalidRange,
            501 => ErrorKind::Unsupported,
            507 => ErrorKind::NoSpace,
            _ => ErrorKind::Other,
        }
    }

    /// Advice for the operator.
    fn advice(&self) -> Option<&'static str> {
        if self.is_somebody_elses() || self.is_bare() {
            return Some(
                "something answers in the store's place: a proxy, or another server at this address",
            );
        }
        let code = match self.code() {
            None if matches!(self.status, 300..=399) => {
                return Some("the store redirects elsewhere, which is not followed: correct the endpoint");
            }
            code => code?,
        };
        Some(match code {
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
            "XAdminUserNotFound" => "the store doesn't know the access key",
            "TemporaryRedirect" => {
                "the store redirects elsewhere, which is not followed: correct the endpoint"
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
            "authError" | "required" => "the store doesn't accept the credentials",
            "SlowDown" | "ServerBusy" | "TooManyRequests" | "rateLimitExceeded" | "userRateLimitExceeded" => {
                "the store asks for fewer requests"
            }
            _ => return self.meaning()?.advice,
        })
    }

    pub(crate) fn text(&self) -> String {
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
