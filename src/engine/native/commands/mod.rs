//! The commands.
//!
//! - `table`: a row for each command says how it is called, what it needs, and which function carries it out;
//!   `command`: what a row is made of;
//! - `access`, `protection`, `parameters`, `transfers`, `files`, `information`: the short commands, in a file for each chapter
//!   of the table;
//! - all other files: a command each, or a few that share their work.
//!
//! No command knows the table: HELP and FEAT are handed it.

mod access;
mod command;
mod eprt;
mod epsv;
mod files;
mod flags;
mod hash;
mod host;
mod information;
mod list;
mod mdtm;
mod mff;
mod mfmt;
mod opts;
mod parameters;
mod pass;
mod pasv;
mod port;
mod protection;
mod retr;
mod site;
mod stat;
mod stor;
mod table;
mod transfers;
mod r#type;
mod xcrc;

use super::reply::Reply;
use super::state::{Failure, Outcome, Result};

pub(super) use command::{Argument, Command, During, Prepared, Run};
pub(super) use information::reply_to_noop;
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
