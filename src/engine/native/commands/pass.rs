//! PASS (RFC 959, section 4.1.1).

use std::sync::Arc;

use super::super::reply::Reply;
use super::super::state::{Connection, Greeting, LoggedIn, OwnInterrupted};
use super::{Outcome, Result, refuse};
use crate::accounts::{Failed, Identity, LoginError};
use crate::ops::metrics::Login;

/// How MODE Z compresses unless the client chooses: as zlib does by default.
const DEFLATE_LEVEL: u32 = 6;

/// After so many failed logins the client has to connect again.
const MAX_FAILURES: u32 = 3;

pub(super) async fn run(connection: &mut Connection, greeting: &mut Greeting, password: &str) -> Result {
    // The name is used up, whatever becomes of it.
    let Some(name) = greeting.name.take() else {
        return refuse(503, "USER comes first.");
    };
    if !connection.security.may_log_in(connection.control.is_encrypted()) {
        connection.shared.metrics.login(Login::TlsRequired);
        return refuse(534, "TLS is required: send AUTH TLS first.");
    }
    let peer = connection.peer;
    let shared = Arc::clone(&connection.shared);
    let check = shared.metrics.login_begins();
    connection.permit.asked();
    let checked = tokio::select! {
        // Who says PASS and closes its side at once is answered, if that takes no time.
        biased;
        checked = shared.users.authenticate(&name, password, peer.ip()) => checked,
        () = connection.control.gone() => {
            connection.journal(&name).login_abandoned();
            return Ok(Outcome::Quit(Reply::new(421, "Goodbye.")));
        }
    };
    check.is_over();
    let identity = match checked {
        Ok(identity) => identity,
        Err(failed) => return refused(connection, &name, failed).await,
    };
    // However it is written, it is one user in limits and logs.
    let name = if matches!(identity, Identity::Anonymous) { name.to_ascii_lowercase() } else { name };
    let Some(view) = shared.views.of(&identity) else {
        shared.metrics.login(Login::Error);
        connection.permit.answered();
        return refuse(530, "Login failed.");
    };
    let Some(permit) = shared.user_limits.admit(&name) else {
        connection.journal(&name).login_failed("the user has as many sessions as it may have");
        shared.metrics.login(Login::SessionLimit);
        connection.permit.answered();
        return refuse(530, "This user has as many sessions as it may have; try again later.");
    };
    if !connection.permit.logged_in() {
        return Ok(Outcome::Quit(Reply::new(421, "Too many sessions; try again later.")));
    }
    connection.journal(&name).logged_in();
    connection.security.logged_in(&name, !matches!(identity, Identity::Anonymous));
    shared.metrics.login(Login::Success);
    connection.control.charset = connection.chosen_charset.unwrap_or(shared.charset_of(&name));
    let representation = shared.type_of(&name);
    // Whoever comes by that name is somebody else.
    let address = matches!(identity, Identity::Anonymous).then(|| peer.ip());
    let interrupted = OwnInterrupted::new(Arc::clone(&shared.interrupted), name.clone(), address);
    let reply = Reply::new(230, "Logged in.");
    let level = shared.server.limits.deflate_level.min(DEFLATE_LEVEL);
    let session = LoggedIn::new(name, view, representation, interrupted, level, permit);
    Ok(Outcome::LoggedIn(Box::new(session), reply))
}

async fn refused(connection: &mut Connection, name: &str, Failed { cause, delay }: Failed) -> Result {
    connection.journal(name).login_failed(&cause.to_string());
    connection.shared.metrics.login(cause.into());
    if cause == LoginError::Busy {
        return Ok(Outcome::Quit(Reply::new(421, "Too many logins wait for their turn; try again later.")));
    }
    connection.failures += 1;
    // Whoever hangs up meanwhile keeps its place among the sessions, or connecting anew would be faster than waiting.
    connection.permit.failed();
    tokio::time::sleep(delay).await;
    connection.permit.answered();
    if connection.failures >= MAX_FAILURES {
        return Ok(Outcome::Quit(Reply::new(421, "Login failed too often; goodbye.")));
    }
    refuse(530, "Login failed.")
}
