//! What a row of the table says of a command.

use futures_util::future::BoxFuture;
use wharf_backends::StoragePath;

use super::super::data::Channel;
use super::super::state::{Connection, Greeting, LoggedIn, NextTransfer, Result, State};

/// A command.
pub(in super::super) struct Command {
    pub(in super::super) name: &'static str,
    pub(in super::super) argument: Argument,
    pub(in super::super) during: During,
    pub(in super::super) run: Run,
    /// Its lines in the reply to FEAT (RFC 2389).
    pub(in super::super) features: Features,
    /// What it does, for HELP.
    pub(in super::super) help: &'static str,
}

/// What follows the name.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Argument {
    /// Nothing; what is there regardless is ignored, as old clients send odd things.
    None,
    /// May be left out.
    Optional(&'static str),
    Required(&'static str),
}

impl Argument {
    pub(in super::super) fn is_missing(self, argument: &str) -> bool {
        matches!(self, Self::Required(_)) && argument.is_empty()
    }
}

/// What happens to a command that comes during a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum During {
    /// It waits for the end.
    Wait,
    /// NOOP, which is answered at once.
    Noop,
    /// It is answered at once if it has no argument.
    Status,
    /// It ends the transfer.
    Abort,
}

/// Who carries it out, which also says what has to be there.
#[derive(Clone, Copy)]
pub(in super::super) enum Run {
    /// Needs nothing.
    Anytime(for<'a> fn(&'a mut Connection, &'a mut State, &'a str) -> Handled<'a>),
    /// Needs nothing, and speaks of all commands.
    OfTable(for<'a> fn(&'static [Command], &'a mut Connection, &'a mut State, &'a str) -> Handled<'a>),
    /// Is a part of logging in.
    Login(for<'a> fn(&'a mut Connection, &'a mut Greeting, &'a str) -> Handled<'a>),
    /// Needs a user.
    LoggedIn(for<'a> fn(&'a mut Connection, &'a mut LoggedIn, &'a str) -> Handled<'a>),
    /// Needs a user and a data connection, and counts as one of the transfers that the user may have at once.
    Transfer(for<'a> fn(&'a mut Connection, &'a mut LoggedIn, Prepared, &'a str) -> Handled<'a>),
    /// Needs a user and a data connection.
    Listing(for<'a> fn(&'a mut Connection, &'a mut LoggedIn, Prepared, &'a str) -> Handled<'a>),
    /// Needs a user, and gets what RNFR named right before.
    Rename(for<'a> fn(&'a mut Connection, &'a mut LoggedIn, Option<StoragePath>, &'a str) -> Handled<'a>),
    /// Is known, and refused with this.
    Refused(u16, &'static str),
}

/// What FEAT says of a command.
#[derive(Clone, Copy)]
pub(in super::super) enum Features {
    None,
    Lines(&'static [&'static str]),
    /// Depends on the configuration, or on what the client chose.
    Now(fn(&Connection, &State) -> Vec<String>),
}

impl Command {
    /// Its name and its argument.
    pub(in super::super) fn syntax(&self) -> String {
        match self.argument {
            Argument::None => self.name.to_owned(),
            Argument::Optional(argument) => format!("{} [{argument}]", self.name),
            Argument::Required(argument) => format!("{} {argument}", self.name),
        }
    }
}

pub(in super::super) type Handled<'a> = BoxFuture<'a, Result>;

/// What was prepared for a transfer: it is taken from the session, so that nothing is left of it for the next one.
pub(in super::super) struct Prepared {
    pub(in super::super) channel: Channel,
    pub(in super::super) asked: NextTransfer,
}
