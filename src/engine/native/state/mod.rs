//! What a session knows, whatever it does with it: the commands and the loop stand above, and nothing here knows of either.
//!
//! - `connection`: what a session has, logged in or not; `shared`: what all sessions have;
//! - `greeting`, `logged_in`: what is known before the login, and behind it;
//! - `named`: the host that the client has named;
//! - `next_transfer`: what was asked of the next transfer;
//! - `transfer`: a transfer that may begin, and one that runs; `interrupted`: uploads that were broken off;
//! - `outcome`: what becomes of a command.

use std::time::SystemTime;

use tokio::time::Instant;

mod connection;
mod greeting;
mod interrupted;
mod logged_in;
mod named;
mod next_transfer;
mod outcome;
mod shared;
mod transfer;

pub(super) use connection::Connection;
pub(super) use greeting::Greeting;
pub(super) use interrupted::{Begun, Mark, OwnInterrupted};
pub(super) use logged_in::{LoggedIn, Mode, Type};
pub(super) use named::Named;
pub(super) use next_transfer::NextTransfer;
pub(super) use outcome::{Failure, Outcome, Result};
pub(super) use shared::Shared;
pub(super) use transfer::{Cancel, Context, Ended, Event as TransferEvent, Running, Transfer};

/// Whether somebody is logged in.
pub(super) enum State {
    Greeting(Greeting),
    LoggedIn(Box<LoggedIn>),
}

impl State {
    /// The name of the user for the log; empty before the login.
    pub(super) fn user(&self) -> &str {
        match self {
            Self::Greeting(_) => "",
            Self::LoggedIn(session) => session.visit.name(),
        }
    }

    /// A command came: when the next one is due, if that is not at once.
    pub(super) fn command(&self) -> Option<Instant> {
        match self {
            Self::Greeting(_) => None,
            Self::LoggedIn(session) => session.visit.command(),
        }
    }

    /// The moment at which the session has to end, if there is one.
    pub(super) fn expires(&self) -> Option<SystemTime> {
        match self {
            Self::Greeting(_) => None,
            Self::LoggedIn(session) => session.visit.expires(),
        }
    }
}
