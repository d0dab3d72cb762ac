//! The span of a command that is traced.

use std::sync::Arc;

use wharf_backends::observe::{Note, Span};

use super::super::commands::{Argument, Command};
use super::super::state::{Connection, State};

/// A command begins. Its argument is told if it is a path: never a password, and nothing else that a client may have mistaken.
pub(super) fn begin(connection: &Connection, command: &Command, argument: &str) -> Option<Arc<dyn Span>> {
    let span = connection.world.traces.command(command.name, connection.id, connection.peer)?;
    if let Argument::Required(hint) | Argument::Optional(hint) = command.argument
        && matches!(hint, "<file>" | "<path>" | "<directory>")
        && !argument.is_empty()
    {
        span.note("ftp.argument", Note::Text(argument));
    }
    Some(span)
}

/// It has its last reply, or there is none.
pub(super) fn end(span: &dyn Span, connection: &Connection, state: &State) {
    let user = state.user();
    if !user.is_empty() {
        span.note("user.name", Note::Text(user));
    }
    replied(span, connection.control.replied);
}

/// It is over, and this was the reply. 4xx is trouble of the server; at 5xx the client has asked for what can't be.
pub(super) fn replied(span: &dyn Span, code: u16) {
    span.note("ftp.reply_code", Note::Number(code.into()));
    if (400..500).contains(&code) {
        span.fail(&format!("the reply is {code}"));
    }
    span.end();
}
