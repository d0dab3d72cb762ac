//! The commands, a file each. What each needs and how it is called stands in the [table](super::table).

pub(super) mod abor;
pub(super) mod acct;
pub(super) mod allo;
pub(super) mod appe;
pub(super) mod auth;
pub(super) mod avbl;
pub(super) mod ccc;
pub(super) mod clnt;
pub(super) mod csid;
pub(super) mod cwd;
pub(super) mod dele;
pub(super) mod eprt;
pub(super) mod epsv;
pub(super) mod feat;
mod flags;
pub(super) mod hash;
pub(super) mod help;
pub(super) mod host;
pub(super) mod lang;
pub(super) mod list;
pub(super) mod mdtm;
pub(super) mod mff;
pub(super) mod mfmt;
pub(super) mod mkd;
pub(super) mod mlst;
pub(super) mod mode;
pub(super) mod noop;
pub(super) mod opts;
pub(super) mod pass;
pub(super) mod pasv;
pub(super) mod pbsz;
pub(super) mod port;
pub(super) mod prot;
pub(super) mod pwd;
pub(super) mod quit;
pub(super) mod rein;
pub(super) mod rest;
pub(super) mod retr;
pub(super) mod rmd;
pub(super) mod rnfr;
pub(super) mod rnto;
pub(super) mod site;
pub(super) mod size;
pub(super) mod stat;
pub(super) mod stor;
pub(super) mod stou;
pub(super) mod stru;
pub(super) mod syst;
pub(super) mod r#type;
pub(super) mod user;
pub(super) mod xcrc;

use futures_util::future::BoxFuture;

use super::data::Channel;
use super::reply::Reply;
use super::session::{LoggedIn, Transfer};

/// What becomes of a command that was carried out.
pub(super) enum Outcome {
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
pub(super) enum Failure {
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

pub(super) type Result<T = Outcome> = std::result::Result<T, Failure>;
pub(super) type Handled<'a> = BoxFuture<'a, Result>;

/// What was prepared for a transfer: it is taken from the session, so that nothing is left of it for the next one.
pub(super) struct Prepared {
    pub(super) channel: Channel,
    pub(super) restart: u64,
}

/// Reads a text as the argument of every command that has a form of its own.
#[cfg(fuzzing)]
pub(super) fn fuzz_arguments(text: &str) {
    eprt::fuzz(text);
    port::fuzz(text);
    flags::fuzz(text);
    host::fuzz(text);
    list::fuzz(text);
    r#type::fuzz(text);
    xcrc::fuzz(text);
}

/// A reply of one line that ends a command.
fn reply(code: u16, text: impl Into<std::borrow::Cow<'static, str>>) -> Result {
    Ok(Outcome::Reply(Reply::new(code, text)))
}

/// A refusal.
fn refuse<T>(code: u16, text: impl Into<std::borrow::Cow<'static, str>>) -> Result<T> {
    Err(Reply::new(code, text).into())
}

/// A path between quotation marks, each of those in it doubled (RFC 959, appendix II).
fn quoted(path: &wharf_backends::StoragePath) -> String {
    format!("\"{}\"", path.as_str().replace('"', "\"\""))
}
