//! What is done in a storage, reported to an observer: its operations, and the requests that a backend sends to its store. Metrics
//! implement the observer. Where a piece of work has a [`Span`], both are pieces of it.

mod observed;
mod span;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::observed::Observed;
pub(crate) use self::span::begin;
pub use self::span::{Note, Span, SpanKind, Within, carry, within};
use crate::ErrorKind;
pub use crate::threads::Operation;

/// The purpose of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Request {
    /// The content of an object, or a part of it.
    Get,
    /// The metadata of an object.
    Head,
    /// A page of a listing.
    List,
    /// A whole object.
    Put,
    /// The beginning of an upload in parts.
    Begin,
    /// A part of an upload.
    Part,
    /// The end of an upload in parts.
    Complete,
    /// To give up an upload in parts, or a copy that the store goes on with after its answer.
    Abort,
    /// A copy inside the store.
    Copy,
    /// A change of an object's metadata.
    Metadata,
    /// The removal of an object.
    Delete,
    /// New credentials.
    Credentials,
}

impl Request {
    /// All purposes.
    pub const ALL: [Self; 12] = [
        Self::Get,
        Self::Head,
        Self::List,
        Self::Put,
        Self::Begin,
        Self::Part,
        Self::Complete,
        Self::Abort,
        Self::Copy,
        Self::Metadata,
        Self::Delete,
        Self::Credentials,
    ];

    /// A word for labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Head => "head",
            Self::List => "list",
            Self::Put => "put",
            Self::Begin => "begin",
            Self::Part => "part",
            Self::Complete => "complete",
            Self::Abort => "abort",
            Self::Copy => "copy",
            Self::Metadata => "metadata",
            Self::Delete => "delete",
            Self::Credentials => "credentials",
        }
    }
}

/// The result of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The store carried it out.
    Done,
    /// The object, or the bucket, does not exist.
    NotFound,
    /// Another request came first, or a condition does not hold.
    Conflict,
    /// The store does not allow it.
    Denied,
    /// The store is overloaded (429, 503).
    Throttled,
    /// The store failed (another 5xx).
    ServerError,
    /// No answer in time.
    Timeout,
    /// The store can't be reached, or the connection broke.
    Connection,
    /// Any other result.
    Other,
}

impl Answer {
    /// A word for labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Denied => "denied",
            Self::Throttled => "throttled",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Other => "other",
        }
    }
}

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It failed, or was refused.
    Failed(ErrorKind),
    /// Nobody waits for it any more.
    Abandoned,
}

/// Receives the operations and the requests of one backend.
pub trait Observer: fmt::Debug + Send + Sync {
    /// The operator's name of the backend, for spans.
    fn backend(&self) -> &str {
        ""
    }

    /// An operation of the storage is over.
    fn operation(&self, operation: Operation, outcome: Outcome, elapsed: Duration) {
        let _ = (operation, outcome, elapsed);
    }

    /// A request has its answer, or will never have one. Every attempt counts.
    fn request(&self, request: Request, answer: Answer, elapsed: Duration);

    /// A request is about to be sent again.
    fn retry(&self, request: Request);
}

/// The observer of a storage, if there is one.
#[derive(Debug, Clone, Default)]
pub struct Observers(Option<Arc<dyn Observer>>);

impl Observers {
    /// With this observer.
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        Self(Some(observer))
    }

    fn name(&self) -> Option<&str> {
        self.0.as_ref().map(|observer| observer.backend()).filter(|name| !name.is_empty())
    }

    fn operation(&self, operation: Operation, outcome: Outcome, elapsed: Duration) {
        if let Some(observer) = &self.0 {
            observer.operation(operation, outcome, elapsed);
        }
    }

    pub(crate) fn request(&self, request: Request, answer: Answer, elapsed: Duration) {
        if let Some(observer) = &self.0 {
            observer.request(request, answer, elapsed);
        }
    }

    pub(crate) fn retry(&self, request: Request) {
        if let Some(observer) = &self.0 {
            observer.retry(request);
        }
    }
}

impl PartialEq for Observers {
    /// Whether both have the same observer.
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }
}
