//! What becomes of a command.

use super::super::reply::Reply;
use super::logged_in::LoggedIn;
use super::transfer::Transfer;

/// What becomes of a command that was carried out.
pub(in super::super) enum Outcome {
    /// This is said.
    Reply(Reply),
    /// All is said already.
    Said,
    /// This is said, and TLS begins.
    StartTls {
        reply: Reply,
        /// Data connections are encrypted from then on, unless PROT says otherwise.
        data_is_private: bool,
    },
    /// This is said, and TLS ends.
    EndTls(Reply),
    /// Somebody logged in.
    LoggedIn(Box<LoggedIn>, Reply),
    /// Nobody is logged in any more.
    LoggedOut(Reply),
    /// A transfer begins.
    Transfer(Box<Transfer>),
    /// This is the last thing that is said.
    Quit(Reply),
}

/// Why a command was not carried out.
pub(in super::super) enum Failure {
    /// It is refused with this reply.
    Refused(Reply),
    /// The storage refused it, or failed.
    Storage(wharf_backends::Error),
}

impl From<Reply> for Failure {
    fn from(reply: Reply) -> Self {
        Self::Refused(reply)
    }
}

impl From<wharf_backends::Error> for Failure {
    fn from(error: wharf_backends::Error) -> Self {
        Self::Storage(error)
    }
}

impl From<wharf_backends::PathError> for Failure {
    fn from(error: wharf_backends::PathError) -> Self {
        Self::Storage(error.into())
    }
}

pub(in super::super) type Result<T = Outcome> = std::result::Result<T, Failure>;
