//! Which failures the operator has to hear of.

use wharf_backends::{Error, ErrorKind};

/// Whether an error is worth the operator's attention, as opposed to a client that asked for what is not there or
/// not allowed.
pub(super) fn is_trouble(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Unavailable
        | ErrorKind::Other
        | ErrorKind::NoSpace
        | ErrorKind::QuotaExceeded
        | ErrorKind::Conflict => true,
        ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::NotEmpty
        | ErrorKind::PermissionDenied
        | ErrorKind::InvalidName
        | ErrorKind::InvalidRange
        | ErrorKind::Unsupported => false,
        // A kind that was added since is looked at until it is classified here.
        _ => true,
    }
}
