//! From a command line to whoever carries it out, and from what became of it to the words for it.

use std::borrow::Cow;
use std::sync::Arc;

use wharf_backends::StoragePath;
use wharf_backends::observe::{Span, within};

use super::super::codec::Line;
use super::super::commands::{COMMANDS, Command, Prepared, Run};
use super::super::data::Channel;
use super::super::reply::Reply;
use super::super::state::{Connection, Failure, Greeting, NextTransfer, Outcome, Result, State};
use crate::charset::Charset;

/// What is for one command alone.
#[derive(Default)]
pub(super) struct Once {
    /// What was asked of a transfer.
    pub(super) next_transfer: NextTransfer,
    /// How its data connection comes about.
    pub(super) channel: Option<Box<Channel>>,
    /// What RNTO gives another name.
    pub(super) rename_from: Option<StoragePath>,
}

/// Takes what is for this command alone, or for the one that is in its place and could not be read. RNTO comes right
/// behind RNFR (RFC 959, section 4.1.3); what REST and PASV prepared waits for the next transfer.
pub(super) fn take_once(state: &mut State, command: Option<&Command>) -> Once {
    let State::LoggedIn(session) = state else { return Once::default() };
    let rename_from = session.rename_from.take();
    match command.map(|command| command.run) {
        Some(Run::Transfer(_) | Run::Listing(_)) => Once {
            next_transfer: *session.next_transfer.take().unwrap_or_default(),
            channel: session.channel.take(),
            rename_from,
        },
        Some(_) => Once { rename_from, ..Once::default() },
        None => {
            session.next_transfer = None;
            Once { rename_from, ..Once::default() }
        }
    }
}

/// The argument as text; `None` if it is none. Before the login it is not known how the client writes; the user whose name
/// came first tells.
pub(super) fn argument<'a>(connection: &Connection, state: &State, line: &'a Line) -> Option<Cow<'a, str>> {
    let of_user = || match state {
        State::Greeting(Greeting { name: Some(name) }) => {
            let preferences = connection.world.accounts.preferences_of(name);
            let charset = preferences.map_or(Charset::Utf8, |preferences| preferences.charset);
            charset.decode(&line.argument)
        }
        _ => None,
    };
    connection.control.charset.decode(&line.argument).or_else(of_user)
}

/// Has a command done by whatever does it, if the state of the session allows it: inside of this span, if it is traced.
pub(super) async fn dispatch(
    connection: &mut Connection,
    state: &mut State,
    command: &Command,
    once: Once,
    argument: &str,
    span: Option<Arc<dyn Span>>,
) -> Result {
    if command.argument.is_missing(argument) {
        return Err(Reply::new(501, format!("Syntax: {}", command.syntax())).into());
    }
    let not_logged_in = || Failure::from(Reply::new(530, "Log in first, with USER and PASS."));
    match (command.run, state) {
        (Run::Anytime(run), state) => within(span, run(connection, state, argument)).await,
        (Run::OfTable(run), state) => within(span, run(COMMANDS, connection, state, argument)).await,
        (Run::Login(run), State::Greeting(greeting)) => {
            within(span, run(connection, greeting, argument)).await
        }
        // Some clients send it whatever the reply to USER was.
        (Run::Login(_), State::LoggedIn(session)) if command.name == "PASS" && session.may_send_password => {
            Ok(Outcome::Reply(Reply::new(230, "Logged in already, by the certificate.")))
        }
        (Run::Login(_), State::LoggedIn(_)) => {
            Err(Reply::new(503, "You are logged in; REIN makes room for another user.").into())
        }
        (Run::LoggedIn(run), State::LoggedIn(session)) => {
            within(span, run(connection, session, argument)).await
        }
        (Run::Transfer(run), State::LoggedIn(session)) => {
            let prepared = prepared(connection, once)?;
            let Some(place) = session.visit.place_for_transfer().await else {
                let text = "This user has as many transfers as it may have; try again later.";
                return Err(Reply::new(450, text).into());
            };
            let outcome = within(span, run(connection, session, prepared, argument)).await?;
            Ok(match outcome {
                Outcome::Transfer(transfer) => Outcome::Transfer(Box::new(transfer.at(place))),
                outcome => outcome,
            })
        }
        (Run::Listing(run), State::LoggedIn(session)) => {
            let prepared = prepared(connection, once)?;
            within(span, run(connection, session, prepared, argument)).await
        }
        (Run::Rename(run), State::LoggedIn(session)) => {
            within(span, run(connection, session, once.rename_from, argument)).await
        }
        (Run::LoggedIn(_) | Run::Transfer(_) | Run::Listing(_) | Run::Rename(_), State::Greeting(_)) => {
            Err(not_logged_in())
        }
        (Run::Refused(code, reason), _) => Err(Reply::new(code, reason).into()),
    }
}

/// What was prepared for a transfer, if it still fits.
fn prepared(connection: &Connection, once: Once) -> Result<Prepared> {
    let Once { next_transfer: asked, channel, .. } = once;
    let Some(channel) = channel else {
        return Err(Reply::new(425, "Use PASV, EPSV, PORT or EPRT first.").into());
    };
    if channel.is_private() != connection.security.protection()?.is_private() {
        return Err(Reply::new(425, "PROT changed since; use PASV, EPSV, PORT or EPRT again.").into());
    }
    Ok(Prepared { channel: *channel, asked })
}

/// What the client is told of a command that failed; what the operator is told stands in the log.
pub(super) fn refusal(connection: &Connection, state: &State, command: &Command, failed: Failure) -> Reply {
    let error = match failed {
        Failure::Refused(reply) => return reply,
        Failure::Storage(error) => error,
    };
    connection.journal(state.user()).command_failed(&connection.shared.metrics, command.name, &error);
    Reply::failure(&error)
}
