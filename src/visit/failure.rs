//! Which failures the operator has to hear of.

use wharf_backends::{Error, ErrorKind};

use super::{partials, quota};
use crate::ops::metrics::Ending;

/// Whether an error is worth the operator's attention, as opposed to a client that asked for what is not there or
/// not allowed.
pub(crate) fn is_trouble(error: &Error) -> bool {
    match error.kind() {
        // What the operator wants to be refused is none.
        ErrorKind::QuotaExceeded if quota::is_refusal(error) => false,
        ErrorKind::Conflict if partials::is_refusal(error) => false,
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
        | ErrorKind::InvalidTime
        | ErrorKind::Unsupported => false,
        // A kind that was added since is looked at until it is classified here.
        _ => true,
    }
}

/// What is counted of a transfer that a storage failed.
pub(crate) fn ending(error: &Error) -> Ending {
    let cause = label(error);
    if is_trouble(error) { Ending::Failed(cause) } else { Ending::Refused(cause) }
}

/// A word for what happened, made for labels.
pub(crate) fn label(error: &Error) -> &'static str {
    error.kind().as_str()
}
