//! Access control (RFC 959, section 4.1.1): who the client is, and its working directory. PASS and HOST have files of their own.

use wharf_backends::StoragePath;

use super::super::reply::Reply;
use super::super::state::{Connection, Greeting, LoggedIn, State};
use super::{Outcome, Result, pass, refuse, reply};
use crate::charset::Charset;
use crate::visit::facts::Mistake;

/// USER (RFC 959, section 4.1.1).
pub(super) async fn user(connection: &mut Connection, greeting: &mut Greeting, name: &str) -> Result {
    connection.follow_world();
    if !connection.security.may_log_in(connection.control.is_encrypted()) {
        connection.journal(name).mistaken(Mistake::LoginWithoutTls);
        return refuse(534, "TLS is required: send AUTH TLS first.");
    }
    // No name has blanks.
    let name = name.trim_matches(' ');
    greeting.name = Some(name.to_owned());
    if pass::certificate_suffices(connection, name) {
        return pass::by_certificate(connection, greeting).await;
    }
    // The same for names that are not known, and for those that take another certificate.
    reply(331, "Now the password.")
}

/// ACCT (RFC 959, section 4.1.1).
pub(super) async fn acct(_: &mut Connection, _: &mut State, _: &str) -> Result {
    reply(202, "No account is needed.")
}

/// CWD (RFC 959, section 4.1.1).
///
/// Without a name it leads home, which is the root of the user's tree, as it does on servers whose users have an account of
/// the system.
pub(super) async fn cwd(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = match argument.trim_matches(' ').is_empty() {
        true => StoragePath::root(),
        false => session.path(argument).await?,
    };
    session.visit.enter(&path).await?;
    session.working_directory = path;
    reply(250, format!("The working directory is {}.", session.working_directory))
}

/// CDUP (RFC 959, section 4.1.1).
pub(super) async fn cdup(_: &mut Connection, session: &mut LoggedIn, _: &str) -> Result {
    let path = session.working_directory.parent().unwrap_or_else(StoragePath::root);
    session.visit.enter(&path).await?;
    session.working_directory = path;
    reply(250, format!("The working directory is {}.", session.working_directory))
}

/// REIN (RFC 959, section 4.1.1). A control connection that is encrypted stays so.
pub(super) async fn rein(connection: &mut Connection, _: &mut State, _: &str) -> Result {
    connection.security.reset();
    connection.named.reset();
    connection.control.charset = Charset::Utf8;
    connection.chosen_charset = None;
    connection.extended_only = false;
    connection.idle_timeout = connection.server().idle_timeout;
    Ok(Outcome::LoggedOut(Reply::new(220, connection.greeting())))
}

/// QUIT (RFC 959, section 4.1.1). During a transfer it waits for the end of that.
pub(super) async fn quit(_: &mut Connection, _: &mut State, _: &str) -> Result {
    Ok(Outcome::Quit(Reply::new(221, "Goodbye.")))
}
