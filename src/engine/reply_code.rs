//! The one map from failures of a storage to replies.

use wharf_backends::ErrorKind;

/// A reply code for a failed command (RFC 959, section 4.2). 4xx: the same command may work later; 5xx: it won't,
/// unless something else changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum ReplyCode {
    /// 450: requested file action not taken, file unavailable for now.
    FileBusy = 450,
    /// 451: requested action aborted, local error in processing.
    LocalError = 451,
    /// 452: requested action not taken, insufficient storage space.
    InsufficientStorage = 452,
    /// 502: command not implemented.
    NotImplemented = 502,
    /// 550: requested action not taken, file unavailable.
    FileUnavailable = 550,
    /// 552: requested file action aborted, exceeded storage allocation.
    ExceededAllocation = 552,
    /// 553: requested action not taken, file name not allowed.
    NameNotAllowed = 553,
    /// 554: requested action not taken, invalid REST parameter (RFC 1123, section 4.1.3.4).
    InvalidRestart = 554,
}

impl From<ErrorKind> for ReplyCode {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::NotEmpty
            | ErrorKind::InvalidTime
            | ErrorKind::PermissionDenied => Self::FileUnavailable,
            ErrorKind::NoSpace => Self::InsufficientStorage,
            ErrorKind::QuotaExceeded => Self::ExceededAllocation,
            ErrorKind::InvalidName => Self::NameNotAllowed,
            ErrorKind::InvalidRange => Self::InvalidRestart,
            ErrorKind::Unsupported => Self::NotImplemented,
            ErrorKind::Conflict => Self::FileBusy,
            ErrorKind::Unavailable | ErrorKind::Other => Self::LocalError,
            // A kind of error that is not classified here yet counts as a failure of the server.
            _ => Self::LocalError,
        }
    }
}

#[cfg(test)]
#[path = "reply_code_tests.rs"]
mod tests;
