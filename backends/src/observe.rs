//! What a backend tells of its requests to a store. Whoever counts them implements the trait; a backend has no other opinion
//! about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Request {
    /// The content of an object, or a part of it.
    Get,
    /// What is known of an object.
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
    /// An upload in parts is given up, or a copy that goes on behind its answer.
    Abort,
    /// A copy inside of the store.
    Copy,
    /// What is known of an object is changed.
    Metadata,
    /// The removal of an object.
    Delete,
    /// New credentials.
    Credentials,
}

impl Request {
    /// All of them.
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

    /// A word for it, made for labels.
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

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The store did it.
    Done,
    /// There is no such thing.
    NotFound,
    /// Something else came first, or a condition does not hold.
    Conflict,
    /// The store does not let us.
    Denied,
    /// The store has too much to do (429, 503).
    Throttled,
    /// The store failed (another 5xx).
    ServerError,
    /// No answer in time.
    Timeout,
    /// The store can't be reached, or the connection broke.
    Connection,
    /// Anything else.
    Other,
}

impl Answer {
    /// A word for it, made for labels.
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

/// Hears of the requests of one backend.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A request has its answer, or will never have one. One that is tried again counts each time.
    fn request(&self, request: Request, answer: Answer, elapsed: Duration);

    /// A request is about to be tried again.
    fn retry(&self, request: Request);
}

/// Whoever hears of the requests of a storage, if anybody does.
#[derive(Debug, Clone, Default)]
pub struct Observers(Option<Arc<dyn Observer>>);

impl Observers {
    /// This one.
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        Self(Some(observer))
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
    /// Whether it is the same one.
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }
}
