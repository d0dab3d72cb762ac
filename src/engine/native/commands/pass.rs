//! PASS (RFC 959, section 4.1.1).

use super::super::reply::Reply;
use super::super::session::{Connection, Greeting, LoggedIn};
use super::{Outcome, Result, refuse};

/// After so many failed logins the client has to connect again.
const MAX_FAILURES: u32 = 3;

pub(in super::super) async fn run(
    connection: &mut Connection,
    greeting: &mut Greeting,
    password: &str,
) -> Result {
    // The name is used up, whatever becomes of it.
    let Some(name) = greeting.name.take() else {
        return refuse(503, "USER comes first.");
    };
    if !connection.security.may_log_in(connection.control.is_encrypted()) {
        return refuse(534, "TLS is required: send AUTH TLS first.");
    }
    let (session, peer) = (connection.id, connection.peer);
    let shared = &connection.shared;
    let identity = match shared.users.authenticate(&name, password).await {
        Ok(identity) => identity,
        Err(cause) => {
            tracing::warn!(session, %peer, user = ?name, %cause, "login failed");
            connection.failures += 1;
            if connection.failures >= MAX_FAILURES {
                return Ok(Outcome::Quit(Reply::new(421, "Login failed too often; goodbye.")));
            }
            return refuse(530, "Login failed.");
        }
    };
    let Some(view) = shared.views.of(&identity) else {
        return refuse(530, "Login failed.");
    };
    let Some(permit) = shared.user_limits.admit(&name) else {
        tracing::warn!(session, %peer, user = ?name, cause = "the user has as many sessions as it may have", "login refused");
        return refuse(530, "This user has as many sessions as it may have; try again later.");
    };
    tracing::info!(session, %peer, user = ?name, "logged in");
    connection.control.charset = connection.chosen_charset.unwrap_or(shared.charset_of(&name));
    let reply = Reply::new(230, "Logged in.");
    Ok(Outcome::LoggedIn(Box::new(LoggedIn::new(name, view, permit)), reply))
}
