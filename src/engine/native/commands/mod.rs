//! The commands, a file each. What each needs and how it is called stands in the [`table`], whose rows are made of what
//! `command` has.

mod abor;
mod acct;
mod allo;
mod appe;
mod auth;
mod avbl;
mod ccc;
mod clnt;
mod command;
mod csid;
mod cwd;
mod dele;
mod eprt;
mod epsv;
mod feat;
mod flags;
mod hash;
mod help;
mod host;
mod lang;
mod list;
mod mdtm;
mod mff;
mod mfmt;
mod mkd;
mod mlst;
mod mode;
mod noop;
mod opts;
mod pass;
mod pasv;
mod pbsz;
mod port;
mod prot;
mod pwd;
mod quit;
mod rein;
mod rest;
mod retr;
mod rmd;
mod rnfr;
mod rnto;
mod site;
mod size;
mod stat;
mod stor;
mod stou;
mod stru;
mod syst;
mod table;
mod r#type;
mod user;
mod xcrc;

use super::reply::Reply;
use super::state::{Failure, Outcome, Result};

pub(super) use command::{Command, During, Prepared, Run};
pub(super) use noop::reply_to_noop;
pub(super) use stat::status_of_transfer;
pub(super) use table::{COMMANDS, find};

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
