//! From what the library reports to what happened.

use std::error::Error as StdError;
use std::fmt;

use super::answer::{Answer, Asked};
use super::codes::Meaning;
use crate::{Error, ErrorKind, StoragePath};
use http::{HeaderMap, StatusCode};
use object_store::client::{HttpError, HttpErrorKind};

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

/// Keys that others hand out can't be had.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoCredentials(String);

/// The same, as the library passes it on.
pub(crate) fn no_credentials(reason: String) -> object_store::Error {
    object_store::Error::Generic { store: "credentials", source: Box::new(NoCredentials(reason)) }
}

/// How much of a text from the store goes into a message, in characters.
const EXCERPT: usize = 300;

/// Of an answer that does not come to its end.
const DRIPPING: &str = "the store's answer did not come to its end in time";

/// Of an answer without the document that was asked for.
const EMPTY: &str = "the store's answer is empty";

/// Why a request of our own failed.
#[derive(Debug)]
pub(crate) enum Failure {
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
    /// The store answered that all is well with nothing, where a document was asked for.
    Empty,
    /// Nothing that can be sent, or an answer that can't be understood.
    Malformed(String),
}

impl Failure {
    /// The store answered with a status of failure.
    ///
    pub(crate) fn answered(asked: Asked, status: StatusCode, headers: &HeaderMap, body: String) -> Self {
        Self::Answer(Answer::to_request(asked, status, headers, body))
    }

    /// The failure of a condition, on a store that doesn't know conditions.
    pub(crate) fn precondition() -> Self {
        let asked = Asked { is_confirmed: false, is_listing: false };
        Self::answered(asked, StatusCode::PRECONDITION_FAILED, &HeaderMap::new(), String::new())
    }

    /// The store began to answer with a success, and then reported an error.
    pub(crate) fn late(body: &str) -> Self {
        Self::Answer(Answer::late(body))
    }

    /// Whether the same request may succeed when it is sent again.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Transport(error) => transport_may_pass(error.kind()),
            Self::Answer(answer) => match answer.meaning() {
                Some(meaning) => meaning.may_pass,
                None => matches!(answer.status, 408 | 429 | 500 | 502..=504) || answer.is_somebody_elses(),
            },
            Self::Dripping => true,
            Self::Library(_) | Self::Silent | Self::Empty | Self::Malformed(_) => false,
        }
    }

    /// Whether the request had been sent before, and that answer was none that decides anything.
    pub(crate) fn was_sent_before(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.again)
    }

    /// Whether the store has refused the request, and did so whenever it was sent: then it has not been carried out. Anything
    /// else may come from somebody between, or after the store has begun, or is not known at all.
    pub(crate) fn is_definite(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.is_definite())
    }

    /// Whether a failure that may pass may as well be for good.
    pub(crate) fn is_doubtful(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status == 500 || answer.is_somebody_elses())
    }

    /// Whether there is nothing under the key, by the store's own word. A missing bucket is another matter, and so is a
    /// page of somebody in the store's place.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.is_absence())
    }

    /// Whether it is an answer whose sender is not known: the store, or somebody in its place.
    pub(crate) fn is_bare(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.is_bare())
    }

    /// Whether it is not, or not any more, the object that was meant.
    pub(crate) fn is_precondition(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status == 412 && answer.meaning().is_none())
    }

    /// Whether something else is there than what has to be, or was there when the request was carried out.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.kind() == ErrorKind::Conflict)
    }

    /// The failure of a request that was sent before.
    pub(crate) fn again(mut self) -> Self {
        if let Self::Answer(answer) = &mut self {
            answer.again = true;
        }
        self
    }

    /// The failure of a request that was sent before without an answer that decides whether the store has done it.
    pub(crate) fn after_undecided(mut self) -> Self {
        if let Self::Answer(answer) = &mut self {
            answer.was_undecided = true;
        }
        self
    }

    /// Whether the same request may have been carried out when it was sent before. Where all that the store said then is that
    /// another one was under way, it was not.
    pub(crate) fn may_have_been_done(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.was_undecided)
    }

    /// Whether what the store refuses may be what it has done already, when the same request was sent before: then it is worth
    /// a look whether it has.
    pub(crate) fn may_have_met_itself(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.again
            && matches!(answer.status, 409 | 412)
            && answer.meaning().is_none_or(|meaning| meaning.may_pass))
    }

    /// The store's own word for the failure.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Answer(answer) => answer.code(),
            _ => None,
        }
    }

    pub(crate) fn is_range_refused(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status == 416)
    }

    /// Whether the store doesn't know the kind of condition that was set.
    pub(crate) fn is_unknown_condition(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status == 501
            || (matches!(answer.code(), Some("InvalidArgument" | "NotImplemented" | "InvalidRequest"))
                && answer.meaning().is_none_or(|meaning| meaning.kind == ErrorKind::Unsupported)))
    }

    /// Whether the store doesn't know the kind of request. Some stores answer one with nothing.
    pub(crate) fn is_unknown_request(&self) -> bool {
        match self {
            Self::Answer(answer) => {
                matches!(answer.status, 405 | 501)
                    || matches!(answer.code(), Some("NotImplemented" | "MethodNotAllowed"))
            }
            Self::Empty => true,
            _ => false,
        }
    }

    /// The refusal of a kind of request that the store doesn't have.
    pub(crate) fn unknown_request() -> Self {
        let asked = Asked { is_confirmed: false, is_listing: false };
        Self::answered(asked, StatusCode::NOT_IMPLEMENTED, &HeaderMap::new(), String::new())
    }

    /// The error of an operation on `path`.
    pub(crate) fn at(self, path: &StoragePath) -> Error {
        let (kind, text) = match &self {
            Self::Library(error) => return map(path, error),
            Self::Answer(answer) => (answer.kind(), answer.text()),
            Self::Transport(error) if transport_may_pass(error.kind()) => {
                (ErrorKind::Unavailable, innermost(error))
            }
            Self::Transport(error) => (ErrorKind::Other, innermost(error)),
            Self::Silent => (ErrorKind::Unavailable, "the store did not answer in time".to_owned()),
            Self::Dripping => (ErrorKind::Unavailable, DRIPPING.to_owned()),
            Self::Empty => (ErrorKind::Other, EMPTY.to_owned()),
            Self::Malformed(text) => (ErrorKind::Other, text.clone()),
        };
        let error = Error::with_source(kind, path, Cause(one_line(&text)));
        match self.meaning().and_then(|meaning| meaning.to_user) {
            Some(word) => error.advising(word),
            None => error,
        }
    }

    fn meaning(&self) -> Option<Meaning> {
        match self {
            Self::Answer(answer) => answer.meaning(),
            _ => None,
        }
    }

    /// Whether the store says that no object can have such a name, so that none has it.
    pub(crate) fn is_impossible_name(&self) -> bool {
        self.meaning().is_some_and(|meaning| meaning.kind == ErrorKind::InvalidName)
    }

    /// Whether it is a refusal of HEAD, whose answers have no document that says why.
    pub(crate) fn is_wordless_refusal(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status == 400 && answer.code().is_none())
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
            Self::Empty => EMPTY.to_owned(),
            Self::Malformed(text) => text.clone(),
        };
        f.write_str(&one_line(&text))
    }
}

/// Whether a transport failed in a way that may pass.
fn transport_may_pass(kind: HttpErrorKind) -> bool {
    matches!(
        kind,
        HttpErrorKind::Connect | HttpErrorKind::Request | HttpErrorKind::Timeout | HttpErrorKind::Interrupted
    )
}

/// Classifies an error that a request for `path` met.
fn map(path: &StoragePath, error: &object_store::Error) -> Error {
    let answer = answer_of(error);
    let transport = in_chain(error, |e| e.downcast_ref::<HttpError>().map(HttpError::kind));
    let meaning = answer.as_ref().and_then(Answer::meaning);
    let kind = match (error, &answer) {
        // For the client it is no missing or forbidden file, but a fault that the operator will mend.
        (_, Some(answer)) if answer.is_for_the_operator() => ErrorKind::Unavailable,
        (_, Some(_)) if meaning.is_some() => meaning.map_or(ErrorKind::Other, |meaning| meaning.kind),
        // A document that says what is missing is not among these: perhaps it was credentials that were asked for.
        (object_store::Error::NotFound { .. }, None) => ErrorKind::Unavailable,
        (object_store::Error::NotFound { .. }, Some(answer)) => answer.kind(),
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
        (_, None) if in_chain(error, |e| e.downcast_ref::<NoCredentials>().map(drop)).is_some() => {
            ErrorKind::Unavailable
        }
        (_, None) => match transport {
            // A credential or a URL that can't be sent is unknown too, and no retry would help.
            Some(HttpErrorKind::Unknown) | None => ErrorKind::Other,
            Some(_) => ErrorKind::Unavailable,
        },
    };
    let to_user = meaning.and_then(|meaning| meaning.to_user);
    let text = match (error, answer) {
        (_, Some(answer)) => answer.text(),
        (object_store::Error::InvalidPath { source }, None) => {
            format!("the store holds a key that is no path: {source}")
        }
        (_, None) => innermost(error),
    };
    let error = Error::with_source(kind, path, Cause(one_line(&text)));
    match to_user {
        Some(word) => error.advising(word),
        None => error,
    }
}

/// The library keeps the type that holds the status to itself; its text is all there is.
fn answer_of(error: &object_store::Error) -> Option<Answer> {
    let behind = |prefix: &str| in_chain(error, |e| e.to_string().strip_prefix(prefix).map(str::to_owned));
    if let Some(body) = behind("Server returned error response: ") {
        return Some(Answer::late(&body));
    }
    let text = in_chain(error, |e| {
        let text = e.to_string();
        text.starts_with("Server returned non-2xx status code: ").then_some(text)
    })?;
    let rest = text.strip_prefix("Server returned non-2xx status code: ")?;
    let (line, body) = rest.split_once(": ").unwrap_or((rest, ""));
    let status = line.get(..3)?.parse().ok()?;
    Some(Answer::new(status, line.to_owned(), body.to_owned()))
}

fn in_chain<T>(
    error: &object_store::Error,
    look: impl Fn(&(dyn StdError + 'static)) -> Option<T>,
) -> Option<T> {
    let mut next = Some(error as &(dyn StdError + 'static));
    while let Some(error) = next {
        if let Some(value) = look(error) {
            return Some(value);
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
    let mut last = texts.pop().unwrap_or_default();
    // The words of the TLS library for an answer in plain text, and for a certificate that nobody knows.
    if last.contains("InvalidContentType") {
        last = format!("no TLS is spoken at this address; perhaps the endpoint begins with http:// ({last})");
    } else if last.contains("CaUsedAsEndEntity") || last.contains("UnknownIssuer") {
        last = format!(
            "nobody who is trusted vouches for the store's certificate; `ca_file` names who does ({last})"
        );
    }
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
#[path = "failure_tests.rs"]
mod tests;
