//! Our errors in libunftp's words.

use unftp_core::storage::{Error, ErrorKind};

use crate::engine::ReplyCode;

/// libunftp knows a fixed set of failures, each with its reply; what it has no word for gets the nearest one
/// of the same class (4xx or 5xx).
pub(super) fn to_libunftp(error: wharf_backends::Error) -> Error {
    let kind = match (error.kind(), ReplyCode::from(error.kind())) {
        (wharf_backends::ErrorKind::NotADirectory, _) => ErrorKind::PermanentDirectoryNotAvailable,
        (wharf_backends::ErrorKind::NotEmpty, _) => ErrorKind::PermanentDirectoryNotEmpty,
        (wharf_backends::ErrorKind::PermissionDenied, _) => ErrorKind::PermissionDenied,
        (_, code) => match code {
            ReplyCode::FileBusy => ErrorKind::TransientFileNotAvailable,
            ReplyCode::LocalError => ErrorKind::LocalError,
            ReplyCode::InsufficientStorage => ErrorKind::InsufficientStorageSpaceError,
            ReplyCode::NotImplemented => ErrorKind::CommandNotImplemented,
            ReplyCode::FileUnavailable | ReplyCode::InvalidRestart => ErrorKind::PermanentFileNotAvailable,
            ReplyCode::ExceededAllocation => ErrorKind::ExceededStorageAllocationError,
            ReplyCode::NameNotAllowed => ErrorKind::FileNameNotAllowedError,
        },
    };
    Error::new(kind, error)
}
