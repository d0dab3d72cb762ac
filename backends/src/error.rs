//! The one error type: what happened, to which path, and why.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::{fmt, io};

use crate::{PathError, StoragePath};

/// The result of a storage operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What happened, in terms that do not depend on the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no file or directory with this name.
    NotFound,
    /// There is already a file or directory with this name.
    AlreadyExists,
    /// A directory is needed, but the path, or a part of it, is not a directory.
    NotADirectory,
    /// A file is needed and the path is a directory.
    IsADirectory,
    /// The directory still has entries.
    NotEmpty,
    /// The backend, or the confinement to its root, does not allow the operation.
    PermissionDenied,
    /// The backend is full.
    NoSpace,
    /// A limit set for the user or the backend is reached.
    QuotaExceeded,
    /// The backend can't hold such a name.
    InvalidName,
    /// The offset lies behind the end of the file.
    InvalidRange,
    /// The backend can't keep such a time.
    InvalidTime,
    /// The backend never supports this operation.
    Unsupported,
    /// The file changed while the operation ran.
    Conflict,
    /// The backend can't be reached or is overloaded; a retry may succeed.
    Unavailable,
    /// Any other failure; the source has the details.
    Other,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: [Self; 15] = [
        Self::NotFound,
        Self::AlreadyExists,
        Self::NotADirectory,
        Self::IsADirectory,
        Self::NotEmpty,
        Self::PermissionDenied,
        Self::NoSpace,
        Self::QuotaExceeded,
        Self::InvalidName,
        Self::InvalidRange,
        Self::InvalidTime,
        Self::Unsupported,
        Self::Conflict,
        Self::Unavailable,
        Self::Other,
    ];

    /// A word for labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::NotADirectory => "not_a_directory",
            Self::IsADirectory => "is_a_directory",
            Self::NotEmpty => "not_empty",
            Self::PermissionDenied => "permission_denied",
            Self::NoSpace => "no_space",
            Self::QuotaExceeded => "quota_exceeded",
            Self::InvalidName => "invalid_name",
            Self::InvalidRange => "invalid_range",
            Self::InvalidTime => "invalid_time",
            Self::Unsupported => "unsupported",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not found",
            Self::AlreadyExists => "already exists",
            Self::NotADirectory => "not a directory",
            Self::IsADirectory => "is a directory",
            Self::NotEmpty => "directory not empty",
            Self::PermissionDenied => "permission denied",
            Self::NoSpace => "no space left",
            Self::QuotaExceeded => "quota exceeded",
            Self::InvalidName => "invalid name",
            Self::InvalidRange => "offset behind the end of the file",
            Self::InvalidTime => "a time that can't be kept here",
            Self::Unsupported => "not supported",
            Self::Conflict => "changed by somebody else",
            Self::Unavailable => "storage unavailable",
            Self::Other => "storage error",
        })
    }
}

/// A failed storage operation.
///
/// `Display` is one line: the path, what happened, and the causes behind it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    path: Option<StoragePath>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    advice: Option<String>,
}

impl Error {
    /// An error about `path` that has no deeper cause.
    pub fn new(kind: ErrorKind, path: &StoragePath) -> Self {
        Self { kind, path: Some(path.clone()), source: None, advice: None }
    }

    /// An error about `path` with its cause: another error, or a sentence.
    pub fn with_source(
        kind: ErrorKind,
        path: &StoragePath,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind, path: Some(path.clone()), source: Some(source.into()), advice: None }
    }

    /// The refusal to move a directory to `to`, which is inside of it. The user is told so.
    pub fn into_itself(to: &StoragePath) -> Self {
        const REASON: &str = "a directory can't move into itself";
        Self::with_source(ErrorKind::InvalidName, to, REASON).advising(REASON)
    }

    /// Classifies an error of the operating system from an operation on `path`.
    pub fn from_io(path: &StoragePath, error: io::Error) -> Self {
        Self::with_source(kind_of_io(&error), path, error)
    }

    /// What happened.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The path that the error is about, as the backend names it.
    pub fn path(&self) -> Option<&StoragePath> {
        self.path.as_ref()
    }

    /// What the user should know or do beyond the kind of the error, if anything.
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// The same error with advice for the user. The advice must not contain the location of the storage, its answers,
    /// or a path: paths have other names for the user.
    #[must_use]
    pub fn advising(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The same error about another path: a view uses the path that its user knows.
    #[must_use]
    pub fn at(mut self, path: &StoragePath) -> Self {
        self.path = Some(path.clone());
        self
    }
}

fn kind_of_io(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::NotFound => ErrorKind::NotFound,
        Io::AlreadyExists => ErrorKind::AlreadyExists,
        Io::NotADirectory => ErrorKind::NotADirectory,
        Io::IsADirectory => ErrorKind::IsADirectory,
        Io::DirectoryNotEmpty => ErrorKind::NotEmpty,
        Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
        Io::StorageFull => ErrorKind::NoSpace,
        Io::QuotaExceeded | Io::FileTooLarge => ErrorKind::QuotaExceeded,
        Io::InvalidFilename => ErrorKind::InvalidName,
        Io::Unsupported => ErrorKind::Unsupported,
        Io::ConnectionRefused
        | Io::ConnectionReset
        | Io::ConnectionAborted
        | Io::NotConnected
        | Io::HostUnreachable
        | Io::NetworkUnreachable
        | Io::TimedOut
        | Io::ResourceBusy
        | Io::StaleNetworkFileHandle => ErrorKind::Unavailable,
        _ => match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::LOOP) => ErrorKind::PermissionDenied,
            // A limit of the process or system on open files is temporary: other transfers end.
            Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => ErrorKind::Unavailable,
            _ => ErrorKind::Other,
        },
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", printable(path.as_str()))?;
        }
        write!(f, "{}", self.kind)?;
        let mut cause = self.source.as_deref().map(|source| source as &dyn StdError);
        let mut last = String::new();
        while let Some(error) = cause {
            // Libraries often repeat the text of the source in their own; once is enough.
            let text = error.to_string();
            if !last.contains(&text) {
                write!(f, ": {}", printable(&text))?;
            }
            last = text;
            cause = error.source();
        }
        Ok(())
    }
}

/// Names come from clients and stores. None of their characters may change how a terminal shows the rest of a log.
fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<PathError> for Error {
    fn from(error: PathError) -> Self {
        Self { kind: ErrorKind::InvalidName, path: None, source: Some(error.into()), advice: None }
    }
}
